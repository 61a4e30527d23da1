"""What `make run` decides: which account, which file, which state, what to show."""

from __future__ import annotations

import json
import typing as t

import duckdb
import pytest

from scripts import run
from scripts.console import parse, readable
from scripts.lock import AlreadyRunningError, run_lock
from scripts.warehouse import MixedDataError, Source, TableSummary, Warehouse

if t.TYPE_CHECKING:
    from pathlib import Path

    from scripts.lock import RunLock


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path / "output/warehouse.duckdb")


def load(warehouse: Warehouse, rows: int = 1) -> None:
    """Do to the file what a loader does."""
    warehouse.file.parent.mkdir(exist_ok=True)
    with duckdb.connect(str(warehouse.file)) as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS oncehub")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS oncehub.bookings "
            "(id VARCHAR, creation_time TIMESTAMP, last_updated_time TIMESTAMP)"
        )
        connection.execute(
            "INSERT INTO oncehub.bookings SELECT range, '2026-01-01', '2026-02-03 04:05:06' "
            f"FROM range({rows})"
        )


def test_sample_data_goes_on_in_its_file_and_state(warehouse: Warehouse) -> None:
    first = warehouse.prepare(Source.SAMPLE)
    load(warehouse)
    second = warehouse.prepare(Source.SAMPLE)

    assert first.is_new
    assert not second.is_new
    assert first.note.state_suffix
    assert second.note == first.note


def test_an_account_has_the_state_that_meltano_run_has(warehouse: Warehouse) -> None:
    assert warehouse.prepare(Source.ACCOUNT).note.state_suffix is None


def test_an_account_after_sample_data_gets_a_new_file(warehouse: Warehouse) -> None:
    warehouse.prepare(Source.SAMPLE)
    load(warehouse)

    preparation = warehouse.prepare(Source.ACCOUNT)

    assert preparation.is_new
    assert preparation.moved_to is not None
    assert preparation.moved_to.name == "sample.duckdb"
    assert preparation.moved_to.exists()
    assert not warehouse.file.exists()
    assert preparation.note.state_suffix is None


def test_sample_data_never_touches_an_account(warehouse: Warehouse) -> None:
    warehouse.prepare(Source.ACCOUNT)
    load(warehouse)
    before = warehouse.file.read_bytes()

    with pytest.raises(MixedDataError, match="holds the data of a OnceHub account"):
        warehouse.prepare(Source.SAMPLE)
    assert warehouse.file.read_bytes() == before


def test_a_file_that_meltano_run_made_is_an_account(warehouse: Warehouse) -> None:
    load(warehouse)

    with pytest.raises(MixedDataError):
        warehouse.prepare(Source.SAMPLE)
    assert not warehouse.prepare(Source.ACCOUNT).is_new


def test_what_a_failed_first_run_left_is_in_nobodys_way(warehouse: Warehouse) -> None:
    warehouse.prepare(Source.ACCOUNT)
    load(warehouse, rows=0)

    assert warehouse.prepare(Source.SAMPLE).is_new


def test_a_file_that_cannot_be_read_is_kept(warehouse: Warehouse) -> None:
    warehouse.file.parent.mkdir()
    warehouse.file.write_bytes(b"not a database")

    with pytest.raises(MixedDataError):
        warehouse.prepare(Source.SAMPLE)
    assert warehouse.file.read_bytes() == b"not a database"


def test_a_deleted_file_begins_anew(warehouse: Warehouse) -> None:
    warehouse.prepare(Source.SAMPLE)
    load(warehouse)
    warehouse.file.unlink()

    assert warehouse.prepare(Source.SAMPLE).is_new


def test_the_summary_says_how_many_and_how_new(warehouse: Warehouse) -> None:
    load(warehouse, rows=3)

    assert list(warehouse.tables()) == [TableSummary("bookings", 3, "2026-02-03 04:05")]


@pytest.mark.parametrize(
    ("variable", "file", "key"),
    [
        (None, None, ""),
        ("", "TAP_ONCEHUB_API_KEY=from-file", ""),
        ("  ", None, ""),
        (None, "TAP_ONCEHUB_API_KEY=", ""),
        (None, "TAP_ONCEHUB_API_KEY=from-file", "from-file"),
        ("from-environment", "TAP_ONCEHUB_API_KEY=from-file", "from-environment"),
    ],
)
def test_the_key_is_looked_for_where_meltano_looks(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    variable: str | None,
    file: str | None,
    key: str,
) -> None:
    monkeypatch.delenv(run.KEY, raising=False)
    if variable is not None:
        monkeypatch.setenv(run.KEY, variable)
    if file is not None:
        (tmp_path / ".env").write_text(file)

    assert run.api_key(tmp_path) == key


def test_one_run_at_a_time(tmp_path: Path) -> None:
    with (
        run_lock(tmp_path / "lock"),
        pytest.raises(AlreadyRunningError),
        run_lock(tmp_path / "lock"),
    ):
        pytest.fail("two have the lock")


def _leave(lock: RunLock) -> None:
    lock.leave_mark = True


@pytest.mark.parametrize(("ending", "was_killed"), [(lambda _: None, False), (_leave, True)])
def test_a_killed_run_is_noticed(
    tmp_path: Path,
    ending: t.Callable[[RunLock], None],
    was_killed: bool,  # noqa: FBT001
) -> None:
    with run_lock(tmp_path / "lock") as lock:
        assert not lock.was_killed
        ending(lock)
    with run_lock(tmp_path / "lock") as lock:
        assert lock.was_killed is was_killed


NOISE: list[dict[str, t.Any]] = [
    {"event": "Using systemdb state backend", "level": "info"},
    {"event": "No state was found, complete import.", "level": "warning"},
    {"event": "METRIC", "level": "info", "name": "tap-oncehub", "metric_info": {"metric": "x"}},
    {"event": "anything", "level": "info", "name": "tap-oncehub", "type": "discovery"},
    {"event": "Loading 3 rows into 'x'", "level": "info", "name": "target-duckdb"},
]


@pytest.mark.parametrize("entry", NOISE, ids=lambda entry: entry["event"])
def test_what_is_for_machines_is_not_shown(entry: dict[str, t.Any]) -> None:
    assert list(readable(parse(json.dumps(entry)), colours=False)) == []


def test_what_a_plugin_says_is_shown() -> None:
    entry = {"event": "bookings: 5 records", "level": "info", "name": "tap-oncehub"}

    (line,) = readable(parse(json.dumps(entry)), colours=True)
    assert line.endswith("  bookings: 5 records")


def test_errors_stand_out() -> None:
    entry = {"event": "refused", "level": "error", "name": "tap-oncehub"}

    (plain,) = readable(entry, colours=False)
    (coloured,) = readable(entry, colours=True)
    assert plain.endswith("  ERROR: refused")
    assert coloured.endswith("\033[31mERROR: refused\033[0m")


def test_a_bug_comes_with_its_traceback() -> None:
    frame = {"filename": "x.py", "lineno": 7, "function": "f", "line": "    1 / 0\n"}
    error = {"type": "ZeroDivisionError", "message": "division by zero", "traceback": [frame]}

    entry = {"event": "a bug", "level": "error", "name": "tap", "plugin_exception": error}
    assert list(readable(entry, colours=False))[1:] == [
        '  File "x.py", line 7, in f',
        "    1 / 0",
        "ZeroDivisionError: division by zero",
    ]


@pytest.mark.parametrize("line", ["Traceback (most recent call last):", "[1]", "{", "12"])
def test_what_is_no_entry_is_shown_as_it_is(line: str) -> None:
    assert list(readable(parse(line), colours=False)) == [line]
