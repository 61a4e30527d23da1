"""The tables of the DuckDB file at other destinations, row for row and field by field."""

import itertools
import shutil
import typing as t
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.support import exports

pytestmark = pytest.mark.timeout(300)

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


class Place:
    """A destination in a folder, and its tables, read without dlt."""

    def __init__(self, python: exports.Python, kind: str, folder: Path) -> None:
        self.python, self.kind, self.folder = python, kind, folder
        self.here, self.there = folder / "my-file.duckdb", folder / "there.duckdb"
        self.variables = {
            "DESTINATION__DUCKDB__CREDENTIALS": str(self.there),
            "DESTINATION__FILESYSTEM__BUCKET_URL": str(folder / "lake"),
        }

    def export(self, code: str = "", **more: t.Any) -> exports.Done:
        """Export the DuckDB file."""
        return self.python.export(
            self.here, self.kind, code + exports.EXPORT, **self.variables | more
        )

    def rows(self, table: str) -> list[exports.Row]:
        if self.kind == "duckdb":
            return exports.in_duckdb(self.there, table)
        return self.python.run(exports.DELTA, f"{self.folder}/lake/oncehub/{table}").rows

    def equal(self, run: exports.Done, *, removed: bool = False) -> str:
        assert (run.status, run.log) == (0, "")
        assert not list(self.folder.glob("*.tmp"))
        return exports.compare(self.here, self.rows, removed=removed)

    def execute(self, *queries: str) -> None:
        """Change the DuckDB file as its loader would."""
        with duckdb.connect(str(self.here)) as connection:
            connection.execute("CREATE SCHEMA IF NOT EXISTS oncehub")
            for query in queries:
                connection.execute(query)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[exports.Python]:
    with exports.python(exports.PLUGIN, tmp_path_factory.mktemp("python")) as started:
        yield started


@pytest.fixture(params=["duckdb", "delta"])
def place(request: pytest.FixtureRequest, python: exports.Python, tmp_path: Path) -> Place:
    return Place(python, request.param, tmp_path)


@pytest.fixture
def small(python: exports.Python, tmp_path: Path) -> Place:
    place = Place(python, "duckdb", tmp_path)
    place.execute(f"CREATE TABLE oncehub.things (id BIGINT, a VARCHAR, {ADDED})")
    place.execute(KEY.format("things"))
    return place


def test_two_exports_are_equal(place: Place, account_files: tuple[Path, Path]) -> None:
    removes = place.kind == "delta"
    for file in account_files:
        shutil.copy(file, place.here)
        run = place.export(DLT_EXPORT_HARD_DELETE=str(removes).lower())
        place.equal(run, removed=removes)
    assert 30 < run.written["bookings"] < 100


def test_values_arrive_as_they_are(place: Place) -> None:
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
    place.execute(
        f"CREATE TABLE oncehub.things ({columns}, {ADDED})",
        f"CREATE TABLE oncehub.nothing (id VARCHAR, data JSON, {ADDED})",
        *(KEY.format(table) for table in ("things", "nothing")),
        *rows,
    )
    figures = place.equal(place.export(TZ="Asia/Kolkata", PROGRESS="tqdm"))
    assert figures.startswith("5 rows, 60 fields")


def test_clock_moved_back_and_two_batches_at_one_time(small: Place) -> None:
    for query in (
        f"{ADD} (1, 'a', {NOW}), (2, 'b', {NOW})",
        f"{ADD} (3, 'same time', {NOW})",
        f"{ADD} (4, 'earlier', 5, TIMESTAMP '2025-01-01', NULL)",
        "UPDATE oncehub.things SET _sdc_deleted_at = TIMESTAMP '2024-01-01' WHERE id = 1",
        "UPDATE oncehub.things SET a = 'c', _sdc_batched_at = TIMESTAMP '2023-01-01' WHERE id = 2",
    ):
        small.execute(query)
        run = small.export()
        small.equal(run)
    assert run.written == {"things": 1}


def test_kill_loses_and_doubles_nothing(place: Place) -> None:
    place.execute(
        "CREATE TABLE oncehub.things AS SELECT i AS id, 5 AS _sdc_table_version, TIMESTAMP "
        "'2026-01-01' + to_seconds(i // 500) AS _sdc_batched_at, NULL::TIMESTAMP AS "
        "_sdc_deleted_at FROM range(1000) r(i)",
        KEY.format("things"),
    )
    for full, step in (
        ("false", "complete_load"),
        ("true", "complete_load"),
        ("true", "drop_tables"),
    ):
        for number in itertools.count():
            if full == "false":
                shutil.rmtree(place.folder / "lake", ignore_errors=True)
                place.there.unlink(missing_ok=True)
            dies = {"DIES_AT": f"{step} {number}", "DLT_EXPORT_FULL": full}
            if not place.export(DIES, **dies).status:
                break
            assert place.equal(place.export()).startswith("1000 rows, 4000 fields")
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
def test_an_error_is_one_line(small: Place, settings: dict[str, str], words: str) -> None:
    del small.variables["DESTINATION__FILESYSTEM__BUCKET_URL"]
    run = small.export(**settings)
    assert run.status == 1
    assert run.log.startswith("dlt-export: ")
    assert run.log.count("\n") == 1, run.log
    assert words in run.log


def test_deletes_that_cannot_be_seen_are_refused(small: Place) -> None:
    small.execute(f"{ADD} (1, 'a', {NOW}), (2, 'b', {NOW})")
    assert small.export().status == 0
    small.execute("DELETE FROM oncehub.things WHERE id = 1")
    small.execute(f"{ADD} (3, 'c', 5, TIMESTAMP '2027-01-01', NULL)")
    run = small.export()
    assert (run.status, "things: 2 rows here, 3 there; set full" in run.log) == (1, True), run.log
    small.equal(small.export(DLT_EXPORT_FULL="true"))
    assert small.export().written == {"things": 0}


def test_what_cannot_be_written_is_refused(small: Place) -> None:
    small.execute("CREATE TABLE oncehub.mine (id BIGINT)")
    run = small.export()
    assert run.written == {"things": 0}
    assert "mine: not loaded by target-duckdb, left out" in run.output
    small.execute("ALTER TABLE oncehub.things ALTER a TYPE BIGINT")
    run = small.export()
    assert (run.status, "things.a is bigint now, text there" in run.log) == (1, True), run.log


# dlt's DuckDB with what others lack: exact integers in JSON, long texts.
AS_VALUES = "import dlt_export.export as e; e._AS_VALUES = ('duckdb',)\n"
SHORT = """
from dlt.destinations.impl.duckdb.factory import duckdb as of_dlt
of_dlt._raw_capabilities = lambda self, raw=of_dlt._raw_capabilities: (
    c := raw(self), setattr(c, "max_text_data_type_length", 31))[0]
"""


@pytest.mark.parametrize(
    ("code", "says"),
    [(AS_VALUES, "an integer of more than 64 bits"), (SHORT, "has a text of 32 bytes")],
)
def test_what_the_destination_would_spoil_is_refused(small: Place, code: str, says: str) -> None:
    small.execute(
        f'CREATE TABLE oncehub."Odd" (id BIGINT, "order" JSON, "a ""b""" BIGINT, {ADDED})',
        KEY.format('"Odd"'),
        f"""INSERT INTO oncehub."Odd" VALUES (1, '["12345678901234567890", 1e99]', 2, {NOW}),
        (2, '[9223372036854775807]', 2, {NOW}),
        (3, '[12345678901234567890, "......"]', 2, {NOW})""",
    )
    run = small.export(code)
    assert (run.status, says in run.log) == (1, True), run.log
    small.execute("""UPDATE oncehub."Odd" SET "order" = '{}' WHERE id = 3""")
    assert small.export(code).written == {"odd": 3, "things": 0}
