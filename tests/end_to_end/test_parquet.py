"""Parquet files in a folder of what stands in DuckDB; stores are in test_dlt_export."""

import shutil
from functools import partial
from pathlib import Path

import duckdb
import pytest
from parquet_export.__main__ import run

from sandbox import Account, Sandbox
from tests.support import exports, programs

MONTHS = "hive_partitioning = true, hive_types_autocast = false"


def export(folder: Path, **settings: str) -> tuple[int, list[str]]:
    places = {"FILEPATH": str(folder / "warehouse.duckdb"), "DESTINATION": str(folder / "files")}
    given = places | {"SCHEMA": "oncehub"} | settings
    said: list[str] = []
    return run({f"PARQUET_EXPORT_{name}": given[name] for name in given}, said.append), said


def rows(folder: Path, table: str) -> list[exports.Row]:
    with duckdb.connect() as connection:
        files = f"'{folder}/{table}/**/*.parquet', hive_partitioning = false"
        return exports.rows_of(connection, f"read_parquet({files})")


def test_every_row_is_in_the_folder_of_its_month(
    tmp_path: Path, account_files: tuple[Path, Path]
) -> None:
    files, here = tmp_path / "files", tmp_path / "warehouse.duckdb"
    for file, time in zip(account_files, ("NULL", "TIMESTAMP '2001-02-03'"), strict=True):
        shutil.copy(file, here)
        with duckdb.connect(str(here)) as connection:
            connection.execute(f"UPDATE oncehub.webhooks SET creation_time = {time}")
            connection.execute('CREATE TABLE oncehub."order" (creation_time TIMESTAMP)')
        assert export(tmp_path)[0] == 0
        exports.compare(here, partial(rows, files))  # files of other months would double rows
        for table in ("bookings", "webhooks", "order"):
            source = f"read_parquet('{files}/{table}/*/data.parquet', {MONTHS})"
            month = "coalesce(strftime(creation_time, '%Y-%m'), '0000-00')"
            assert not duckdb.sql(f"FROM {source} WHERE creation_month != {month}").fetchall()


@pytest.mark.slow
def test_meltano_runs_both_exporters(tmp_path: Path) -> None:
    account, there = Account(seed=5, bookings=60), tmp_path / "there.duckdb"
    here = str(tmp_path / "warehouse.duckdb")
    programs_of = ("TARGET_DUCKDB", "PARQUET_EXPORT", "DLT_EXPORT")
    meltano = {f"{name}_FILEPATH": here for name in programs_of}
    meltano |= {
        "MELTANO_STATE_BACKEND_URI": tmp_path.as_uri(),
        "PARQUET_EXPORT_DESTINATION": str(tmp_path / "files"),
        "DLT_EXPORT_DESTINATION": "duckdb",
        "DESTINATION__DUCKDB__CREDENTIALS": str(there),
    }
    plugins = ("tap-oncehub", "target-duckdb", "parquet-export", "dlt-export")
    with Sandbox(account, key=programs.KEY) as api:
        done = programs.run_meltano(programs.ROOT, api.url, "run", *plugins, **meltano)
    assert done.status == 0, done.log
    for found in (partial(rows, tmp_path / "files"), partial(exports.in_duckdb, there)):
        exports.compare(Path(here), found)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"SCHEMA": ""}, "schema must be set"),
        ({"SCHEMA": "other"}, "the schema other has no tables"),
        ({"DESTINATION": "gs://b/f"}, "install parquet-export[gs]"),
        ({"DESTINATION": "az://b/f"}, "install parquet-export[az]"),
        ({"DESTINATION": "odd://b/f"}, "cannot write to odd://"),
        ({"STORAGE_OPTIONS": "{"}, "Expecting property name"),
        ({"FILEPATH": "/no/such/file.duckdb"}, "/no/such/file.duckdb"),
    ],
)
def test_an_error_is_one_line(tmp_path: Path, settings: dict[str, str], words: str) -> None:
    duckdb.connect(str(tmp_path / "warehouse.duckdb")).close()
    status, (said,) = export(tmp_path, **settings)
    assert status == 1
    assert words in said
