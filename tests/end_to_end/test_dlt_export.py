"""The tables of the DuckDB file at other destinations, row for row and field by field."""

import itertools
import random
import shutil
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import destinations, exports

pytestmark = pytest.mark.timeout(900)

ADDED = "_sdc_table_version BIGINT, _sdc_batched_at TIMESTAMP, _sdc_deleted_at TIMESTAMP"
NOW = "5, TIMESTAMP '2026-01-02 03:04:05.678901', NULL"
ADD = "INSERT INTO oncehub.things VALUES"
KEY = """COMMENT ON COLUMN oncehub.{}._sdc_table_version IS '{{"key_properties": ["id"]}}'"""
# Ends just before what dlt asks of a destination.
DIES = """
import os
from dlt.destinations.impl.filesystem.filesystem import FilesystemClient
from dlt.destinations.job_client_impl import SqlJobClientBase
step, left = os.environ["DIES_AT"].split()
left = int(left)
def dying(original):
    def called(*arguments, **more):
        global left
        left -= 1
        return original(*arguments, **more) if left >= 0 else os._exit(9)
    return called
for client in (FilesystemClient, SqlJobClientBase):
    setattr(client, step, dying(getattr(client, step)))
"""


@pytest.fixture(params=["duckdb", "delta"])
def export(request: t.Any, tmp_path: Path) -> Iterator[exports.Export]:
    with destinations.BY_NAME[request.param](tmp_path) as to:
        yield exports.Export(tmp_path, to)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[exports.Export]:
    with destinations.duckdb(tmp_path) as to:
        export = exports.Export(tmp_path, to)
        export.execute(f"CREATE TABLE oncehub.things (id BIGINT, a VARCHAR, {ADDED})")
        export.execute(KEY.format("things"))
        yield export


@pytest.mark.parametrize(
    "export",
    [
        pytest.param(name, marks=[] if name in {"duckdb", "delta"} else pytest.mark.warehouses)
        for name in destinations.BY_NAME
    ],
    indirect=True,
)
def test_account_arrives_twice_and_after_kills(
    export: exports.Export, account_files: tuple[Path, Path]
) -> None:
    def equal(what: str) -> exports.Done:
        done = export.equal()
        took = f"{done.figures}; {done.seconds:.0f} s, {done.megabytes:.0f} MB"
        print(f"{export.to.kind}, {what}: {took}")  # noqa: T201 - with -s, for the reader
        return done

    for number, file in enumerate(account_files, 1):
        shutil.copy(file, export.here)
        if longest := export.to.longest:  # that more is refused, others test
            too_long = f"strlen(form_submission::VARCHAR) > {longest}"
            export.execute(f"DELETE FROM oncehub.bookings WHERE {too_long}")
        run = equal(f"run {number}")
    if export.to.python == exports.PLUGIN:
        assert 30 < run.written["bookings"] < 100
        return
    chance = random.Random(28)
    for full in ("false", "true") if export.to.removes else ("false",):
        export.execute("UPDATE oncehub.users SET timezone = '', _sdc_batched_at = now()")
        for _ in range(2):
            export.run(killed=chance.uniform(0, run.seconds), DLT_EXPORT_FULL=full)
        equal(f"after kills, full: {full}")


def test_values_arrive_as_they_are(export: exports.Export) -> None:
    kinds = {
        "id": "UUID",
        "text": "VARCHAR",
        "data": "JSON",
        "large": "HUGEINT",
        "money": "DECIMAL(20, 4)",
        "small": "INTEGER",
        "day": "DATE",
        "hour": "TIME",
        "moment": "TIMESTAMP WITH TIME ZONE",
    }
    columns = ", ".join(f"{name} {kind}" for name, kind in kinds.items())
    values = [
        ("''", "'\"a text\"'", "12345678901234567890123", "1.1000", "255"),
        ("'\n\r\n\t\\'", "'[12345678901234567890123]'", "-1", "NULL", "0"),
        ("chr(0) || '🦆'", "'5'", "NULL", "9999999999999999.9999", "NULL"),
        ("NULL", "'{}'", "0", "0", "1"),
        ("'NULL'", "NULL", "1", "-0.0001", "2"),
    ]
    rows = (
        f"{ADD} (uuid(), {', '.join(row)}, DATE '0999-01-02', TIME '23:59:59.999999', "
        f"TIMESTAMPTZ '2026-01-01 00:30:00+05:30', {NOW})"
        for row in values
    )
    export.execute(
        f"CREATE TABLE oncehub.things ({columns}, {ADDED})",
        f"CREATE TABLE oncehub.nothing (id VARCHAR, data JSON, {ADDED})",
        *(KEY.format(table) for table in ("things", "nothing")),
        *rows,
    )
    done = export.equal(TZ="Asia/Kolkata", PROGRESS="tqdm")
    assert (done.figures[:17], done.log) == ("5 rows, 60 fields", "")


def test_clock_moved_back_and_two_batches_at_one_time(small: exports.Export) -> None:
    for query in (
        f"{ADD} (1, 'a', {NOW}), (2, 'b', {NOW})",
        f"{ADD} (3, 'same time', {NOW})",
        f"{ADD} (4, 'earlier', 5, TIMESTAMP '2025-01-01', NULL)",
        "UPDATE oncehub.things SET _sdc_deleted_at = TIMESTAMP '2024-01-01' WHERE id = 1",
        "UPDATE oncehub.things SET a = 'c', _sdc_batched_at = TIMESTAMP '2023-01-01' WHERE id = 2",
    ):
        small.execute(query)
        run = small.equal()
    assert run.written == {"things": 1}


def test_kill_loses_and_doubles_nothing(export: exports.Export) -> None:
    export.execute(
        "CREATE TABLE oncehub.things AS SELECT i AS id, 5 AS _sdc_table_version, TIMESTAMP "
        "'2026-01-01' + to_seconds(i // 500) AS _sdc_batched_at, NULL::TIMESTAMP AS "
        "_sdc_deleted_at FROM range(1000) r(i)",
        KEY.format("things"),
    )
    for full, step in (("", "complete_load"), ("true", "complete_load"), ("true", "drop_tables")):
        for number in itertools.count():
            if not full:
                shutil.rmtree(export.folder / "lake", ignore_errors=True)
                (export.folder / "there.duckdb").unlink(missing_ok=True)
            dies = {"DIES_AT": f"{step} {number}", "DLT_EXPORT_FULL": full}
            if not export.run(DIES, **dies).status:
                break
            assert export.equal().figures.startswith("1000 rows, 4000 fields")
        assert number


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"DLT_EXPORT_SCHEMA": "other"}, "the schema other has no tables"),
        ({"DLT_EXPORT_DESTINATION": "postgres"}, "for PostgreSQL use target-postgres"),
        ({"DLT_EXPORT_DESTINATION": "filesystem"}, "for Parquet parquet-export"),
        ({"DLT_EXPORT_DESTINATION": "iceberg"}, "for Iceberg delta"),
        ({"DLT_EXPORT_DESTINATION": ""}, "known are bigquery, databricks, delta, duckdb"),
        ({"DLT_EXPORT_DESTINATION": "bigquery"}, "`BigQueryClientConfiguration`: `credentials`"),
        ({"DLT_EXPORT_DESTINATION": "delta"}, "bucket_url"),
        ({"DLT_EXPORT_FILEPATH": "/no/such/file.duckdb"}, "/no/such/file.duckdb"),
    ],
)
def test_an_error_is_one_line(small: exports.Export, settings: dict[str, str], words: str) -> None:
    run = small.run(**settings)
    assert run.status == 1
    assert run.log.startswith("dlt-export: ")
    assert run.log.count("\n") == 1, run.log
    assert words in run.log


def test_deletes_that_cannot_be_seen_are_refused(small: exports.Export) -> None:
    small.execute(f"{ADD} (1, 'a', {NOW}), (2, 'b', {NOW})")
    assert small.run().status == 0
    small.execute("DELETE FROM oncehub.things WHERE id = 1")
    small.execute(f"{ADD} (3, 'c', 5, TIMESTAMP '2027-01-01', NULL)")
    run = small.run()
    assert (run.status, "things: 2 rows here, 3 there; set full" in run.log) == (1, True), run.log
    small.equal(DLT_EXPORT_FULL="true")
    assert small.run().written == {"things": 0}


def test_what_cannot_be_written_is_refused(small: exports.Export) -> None:
    small.execute("CREATE TABLE oncehub.mine (id BIGINT)")
    run = small.run()
    assert run.written == {"things": 0}
    assert "mine: not loaded by target-duckdb, left out" in run.output
    small.execute("ALTER TABLE oncehub.things ALTER a TYPE BIGINT")
    run = small.run()
    assert (run.status, "things.a is bigint now, text there" in run.log) == (1, True), run.log


# dlt's DuckDB with what others lack: exact integers in JSON, long texts.
AS_VALUES = "import dlt_export.export as e; e._JSON = ('duckdb',)\n"
SHORT = """
from dlt.destinations.impl.duckdb.factory import duckdb as of_dlt
of_dlt._raw_capabilities = lambda self, raw=of_dlt._raw_capabilities: (
    c := raw(self), setattr(c, "max_text_data_type_length", 31))[0]
"""


@pytest.mark.parametrize(
    ("code", "says"),
    [(AS_VALUES, "an integer of more than 64 bits"), (SHORT, "has a text of 32 bytes")],
)
def test_what_the_destination_would_spoil_is_refused(
    small: exports.Export, code: str, says: str
) -> None:
    small.execute(
        f'CREATE TABLE oncehub."Odd" (id BIGINT, "order" JSON, "a ""b""" BIGINT, {ADDED})',
        KEY.format('"Odd"'),
        f"""INSERT INTO oncehub."Odd" VALUES (1, '["12345678901234567890", 1e99]', 2, {NOW}),
        (2, '[9223372036854775807]', 2, {NOW}),
        (3, '[12345678901234567890, "......"]', 2, {NOW})""",
    )
    run = small.run(code)
    assert (run.status, says in run.log) == (1, True), run.log
    small.execute("""UPDATE oncehub."Odd" SET "order" = '{}' WHERE id = 3""")
    assert small.run(code).written == {"odd": 3, "things": 0}
