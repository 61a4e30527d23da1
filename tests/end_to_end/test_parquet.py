"""Parquet files of what stands in DuckDB: in a folder, and in an S3."""

from __future__ import annotations

import subprocess
import typing as t
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

import duckdb
import pytest
from parquet_export.__main__ import run as export

from sandbox import Account, Sandbox
from tests.support import inside, programs, s3, warehouse
from tests.support.streams import ALL, LISTS, offered

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator

UTILITY = programs.ROOT / ".meltano/utilities/parquet-export/venv/bin/parquet-export"
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


@contextmanager
def destination(kind: str, folder: Path) -> Iterator[Callable[[], Path]]:
    """Export to a folder or an S3; the function gives the files that stand there then."""
    settings = settings_in(folder)

    def to_folder() -> Path:
        said: list[str] = []
        assert export(settings, said.append) == 0, said
        return folder / "files"

    if kind == "folder":
        yield to_folder
        return
    with s3.running(folder / "s3.log") as variables:
        settings["PARQUET_EXPORT_DESTINATION"] = f"s3://{s3.BUCKET}/account"

        def to_s3() -> Path:
            env = programs.environment(**variables, **settings)
            subprocess.run([UTILITY], check=True, env=env)
            copy = Path(mkdtemp(dir=folder)) / "files"
            s3.download(variables, "account", copy)
            return copy

        yield to_s3


def rows(folder: Path, stream: str, columns: str = "*") -> dict[warehouse.Key, warehouse.Row]:
    query = f"FROM read_parquet('{folder}/{stream}/**/*.parquet', hive_partitioning = false)"
    with duckdb.connect() as connection:
        return warehouse.read(connection, stream, f"SELECT {columns} {query}")


def assert_equal(folder: Path, stream: str, objects: list[warehouse.Row]) -> None:
    warehouse.compare(stream, rows(folder, stream), warehouse.expected(stream, objects))


@pytest.mark.parametrize("kind", ["folder", pytest.param("s3", marks=pytest.mark.slow)])
def test_every_stream_arrives_field_by_field_and_a_second_run_updates_rows(
    tmp_path: Path, kind: str
) -> None:
    account = Account(seed=7, bookings=350, users=40, booking_calendars=12)
    with (
        Sandbox(account, key=programs.KEY, webhook_events="objects") as api,
        destination(kind, tmp_path) as exported,
    ):
        catalog = inside.catalog(*ALL)
        settings = programs.settings_for(api.url)
        first = programs.run_tap(tmp_path, settings, catalog=catalog)
        programs.load(tmp_path, first.output)
        files = exported()
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
        files = exported()
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
def test_one_word_more_writes_to_an_object_store(tmp_path: Path) -> None:
    account = Account(seed=5, bookings=60)
    with Sandbox(account, key=programs.KEY) as api, s3.running(tmp_path / "s3.log") as variables:
        meltano = {
            **variables,
            "MELTANO_STATE_BACKEND_URI": tmp_path.as_uri(),
            "TARGET_DUCKDB_FILEPATH": str(tmp_path / "warehouse.duckdb"),
            "PARQUET_EXPORT_FILEPATH": str(tmp_path / "warehouse.duckdb"),
            "PARQUET_EXPORT_DESTINATION": f"s3://{s3.BUCKET}/some/folder",
        }
        plugins = ("tap-oncehub", "target-duckdb", "parquet-export")
        run = programs.run_meltano(programs.ROOT, api.url, "run", *plugins, **meltano)
        assert run.status == 0, run.log
        s3.download(variables, "some/folder", tmp_path / "files")
        for stream in LISTS:
            assert_equal(tmp_path / "files", stream, account.objects(stream))


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
    said: list[str] = []
    assert export(settings_in(tmp_path) | settings, said.append) == 1
    assert len(said) == 1
    assert words in said[0], said
