"""Parquet files in a folder of what stands in DuckDB; stores are in test_dlt_export."""

from functools import partial
from pathlib import Path

import duckdb
import pytest
from parquet_export.__main__ import run

from sandbox import Account, Sandbox
from tests.support import exports, inside, programs, warehouse
from tests.support.streams import ALL, LISTS, offered

PARTITIONED = {
    "bookings",
    "booking",
    "contacts",
    "conversations",
    "sms_notifications",
    "webhooks",
    "webhook_events",
}


def settings_in(folder: Path) -> dict[str, str]:
    return {
        "PARQUET_EXPORT_FILEPATH": str(folder / "warehouse.duckdb"),
        "PARQUET_EXPORT_SCHEMA": "oncehub",
        "PARQUET_EXPORT_DESTINATION": str(folder / "files"),
    }


def export(settings: dict[str, str]) -> tuple[int, list[str]]:
    said: list[str] = []
    return run(settings, said.append), said


def rows(folder: Path, stream: str, columns: str = "*") -> dict[warehouse.Key, warehouse.Row]:
    query = f"FROM read_parquet('{folder}/{stream}/**/*.parquet', hive_partitioning = false)"
    with duckdb.connect() as connection:
        return warehouse.read(connection, stream, f"SELECT {columns} {query}")


def assert_equal(folder: Path, stream: str, objects: list[warehouse.Row]) -> None:
    warehouse.compare(stream, rows(folder, stream), warehouse.expected(stream, objects))


def test_every_stream_arrives_field_by_field_and_a_second_run_updates_rows(tmp_path: Path) -> None:
    account = Account(seed=7, bookings=350, users=40, booking_calendars=12)
    files = tmp_path / "files"
    with Sandbox(account, key=programs.KEY, webhook_events="objects") as api:
        catalog = inside.catalog(*ALL)
        settings = programs.settings_for(api.url)
        first = programs.run_tap(tmp_path, settings, catalog=catalog)
        programs.load(tmp_path, first.output)
        assert export(settings_in(tmp_path))[0] == 0
        for stream in ALL:
            assert_equal(files, stream, offered(api, account, stream))
        assert_every_row_is_in_the_folder_of_its_month(files)

        for item in account.objects("webhooks"):
            account.edit("webhooks", item["id"], creation_time="2001-02-03T04:05:06Z")
        edited = account.objects("bookings")[77]["id"]
        account.edit("bookings", edited, subject="edited", field_of_next_year=["new"])
        gone = [account.delete("users", item["id"]) for item in account.objects("users")[:2]]
        second = programs.run_tap(tmp_path, settings, catalog=catalog, state=first.state)
        programs.load(tmp_path, second.output)
        assert export(settings_in(tmp_path))[0] == 0
    for stream in set(LISTS) - {"users"}:
        assert_equal(files, stream, account.objects(stream))
    # No file of a month without rows is left.
    assert [x.name for x in (files / "webhooks").glob("*/*.parquet")] == ["data.parquet"]
    assert {(key,) for key in gone} <= rows(files, "users").keys()


def assert_every_row_is_in_the_folder_of_its_month(folder: Path) -> None:
    for stream in ALL:
        months = list((folder / stream).glob("creation_month=*/data.parquet"))
        assert bool(months) == (stream in PARTITIONED), stream
        for file in months:
            (month,) = duckdb.sql(
                "SELECT list(DISTINCT coalesce(strftime(creation_time, '%Y-%m'), "
                f"'0000-00')) FROM '{file}'"
            ).fetchall()[0]
            assert file.parent.name == f"creation_month={month[0]}"
            assert len(month) == 1


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
    for stream in LISTS:
        assert_equal(tmp_path / "files", stream, account.objects(stream))
    exports.compare(Path(here), partial(exports.in_duckdb, there))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"PARQUET_EXPORT_SCHEMA": ""}, "schema must be set"),
        ({"PARQUET_EXPORT_SCHEMA": "other"}, "the schema other has no tables"),
        ({"PARQUET_EXPORT_DESTINATION": "gs://b/f"}, "install parquet-export[gs]"),
        ({"PARQUET_EXPORT_DESTINATION": "az://b/f"}, "install parquet-export[az]"),
        ({"PARQUET_EXPORT_DESTINATION": "odd://b/f"}, "cannot write to odd://"),
        ({"PARQUET_EXPORT_STORAGE_OPTIONS": "{"}, "Expecting property name"),
        ({"PARQUET_EXPORT_FILEPATH": "/no/such/file.duckdb"}, "/no/such/file.duckdb"),
    ],
)
def test_an_error_is_one_line(tmp_path: Path, settings: dict[str, str], words: str) -> None:
    duckdb.connect(str(tmp_path / "warehouse.duckdb")).close()
    status, (said,) = export(settings_in(tmp_path) | settings)
    assert status == 1
    assert words in said
