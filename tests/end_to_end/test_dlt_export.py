"""The tables of the DuckDB file at other destinations, row for row and field by field."""

import random
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
KEY = '{"key_properties": ["id"]}'
LOADED = "SELECT table_name FROM duckdb_columns() WHERE column_name = '_sdc_table_version'"
ADD = "INSERT INTO oncehub.things VALUES"


class Place:
    """A destination in a folder, and its tables, read without dlt."""

    def __init__(self, python: exports.Python, kind: str, folder: Path) -> None:
        self.python, self.kind, self.folder = python, kind, folder
        self.here, self.there = folder / "here.duckdb", folder / "there.duckdb"
        self.variables = {
            "DESTINATION__DUCKDB__CREDENTIALS": str(self.there),
            "DESTINATION__FILESYSTEM__BUCKET_URL": str(folder / "lake"),
        }

    def export(self, **more: t.Any) -> exports.Done:
        return self.python.export(self.here, self.kind, **self.variables | more)

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
            for (table,) in connection.execute(LOADED).fetchall():
                connection.execute(
                    f"COMMENT ON COLUMN oncehub.{table}._sdc_table_version IS '{KEY}'"
                )


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
        "small": "UTINYINT",
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
        "CREATE TABLE oncehub.things AS SELECT i AS id, i::VARCHAR AS a, 5 AS _sdc_table_version, TIMESTAMP '2026-01-01' "
        "+ to_seconds(i // 1000) AS _sdc_batched_at, NULL::TIMESTAMP AS "
        "_sdc_deleted_at FROM range(60000) r(i)",
    )
    chance = random.Random(28)
    for _ in range(3):
        place.export(killed=chance.uniform(0.5, 4))
    assert place.equal(place.export()).startswith("60000 rows, 300000 fields")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"DLT_EXPORT_SCHEMA": ""}, "schema must be set"),
        ({"DLT_EXPORT_SCHEMA": "other"}, "the schema other has no tables"),
        ({"DLT_EXPORT_DESTINATION": "postgres"}, "use target-postgres"),
        ({"DLT_EXPORT_DESTINATION": "filesystem"}, "use delta or parquet-export"),
        ({"DLT_EXPORT_DESTINATION": "iceberg"}, "use delta"),
        ({"DLT_EXPORT_DESTINATION": "odd"}, "known are bigquery, databricks, delta, duckdb"),
        ({"DLT_EXPORT_DESTINATION": "bigquery"}, "dlt's configuration lacks credentials"),
        ({"DLT_EXPORT_DESTINATION": "delta"}, "bucket_url"),
        ({"DLT_EXPORT_FILEPATH": "/no/such/file.duckdb"}, "/no/such/file.duckdb"),
        ({"DLT_EXPORT_LOADER_HARD_DELETE": "true"}, "set full"),
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
    assert "rows are gone from things" in small.export().log
    small.execute(f"{ADD} (3, 'c', 5, TIMESTAMP '2027-01-01', NULL)")
    run = small.export()
    assert (run.status, "things: 2 rows here, 3 there" in run.log) == (1, True), run.log
    small.equal(small.export(DLT_EXPORT_FULL="true"))
    assert small.export().written == {"things": 0}


def test_what_cannot_be_written_is_refused(small: Place) -> None:
    small.execute("CREATE TABLE oncehub.mine (id BIGINT)")  # none of the loader's
    assert small.export().written == {"things": 0}
    for query, undo, words in (
        ("ADD b INTEGER[]", "DROP b", "things.b is INTEGER[]"),
        ("ALTER a TYPE BIGINT", "ALTER a TYPE VARCHAR", "things.a is bigint now, text there"),
    ):
        small.execute(f"ALTER TABLE oncehub.things {query}")
        run = small.export()
        assert (run.status, words in run.log) == (1, True), run.log
        small.execute(f"ALTER TABLE oncehub.things {undo}")
