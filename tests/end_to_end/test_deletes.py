"""What is deleted from lists that are read by time is told once in full_pass_days."""

import json
import typing as t
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from sandbox import Account, Sandbox
from tests.support import inside, programs

BY_TIME = ("bookings", "contacts", "sms_notifications")
A_DAY = 86_400


@pytest.fixture
def account() -> Account:
    sizes = {"bookings": 60, "contacts": 40, "sms_notifications": 30}
    account = Account(seed=2, **sizes, nasty=False, now="2026-03-01T12:00:00Z")
    account.clock.offset_seconds = -30 * A_DAY  # never later than this machine's clock
    return account


@pytest.fixture
def api(account: Account) -> Iterator[Sandbox]:
    with Sandbox(account, key=programs.KEY) as running:
        yield running


class Pipe:
    """The tap, piped into the loader, with the state that the loader has kept."""

    def __init__(self, folder: Path, api: Sandbox) -> None:
        self.folder, self.api = folder, api
        self.file = folder / "warehouse.duckdb"
        self.state: dict[str, t.Any] | None = None

    def run(self, **more: t.Any) -> programs.Run:
        """Run both, and keep the state."""
        self.api.reset_log()
        versions = {"emit_activate_version_messages": True, "page_size": 10}
        settings = programs.settings_for(self.api.url, **versions, **more)
        catalog = inside.catalog(*BY_TIME)
        run = programs.run_tap(self.folder, settings, state=self.state, catalog=catalog)
        self.state = json.loads(programs.load(self.folder, run.output))
        return run

    def rows(self, stream: str, *, deleted: bool) -> set[str]:
        """Give the ids of the rows that the loader has marked as deleted, or not."""
        which = "NOT NULL" if deleted else "NULL"
        query = f"SELECT id FROM oncehub.{stream} WHERE _sdc_deleted_at IS {which}"
        with duckdb.connect(str(self.file), read_only=True) as connection:
            return {row[0] for row in connection.execute(query).fetchall()}


def delete(account: Account, stream: str, *places: int) -> set[str]:
    ids = [item["id"] for item in account.objects(stream)]
    return {account.delete(stream, ids[place]) for place in places}


def alive(account: Account, stream: str) -> set[str]:
    return {item["id"] for item in account.objects(stream)}


def test_deleted_rows_are_marked_after_full_pass_days(
    tmp_path: Path, api: Sandbox, account: Account
) -> None:
    pipe = Pipe(tmp_path, api)
    assert pipe.run().status == 0
    gone = {stream: delete(account, stream, 0, 7, -1) for stream in BY_TIME}
    account.clock.offset_seconds += A_DAY
    early = pipe.run()
    assert (early.status, pipe.rows("bookings", deleted=True)) == (0, set())
    assert "full_pass_days" not in early.log

    account.clock.offset_seconds += 7 * A_DAY
    for stream in BY_TIME:
        account.add(stream, 2)
    due = pipe.run()
    assert due.status == 0, due.log
    for stream in BY_TIME:
        assert pipe.rows(stream, deleted=True) == gone[stream], stream
        assert pipe.rows(stream, deleted=False) == alive(account, stream), stream
    (told,) = [line for line in due.log.splitlines() if "bookings: reading the whole list" in line]
    about = int(told.partition("about ")[2].split()[0])
    assert abs(about - api.count("/bookings")) <= 2  # what is new comes first
    after = pipe.run()
    assert (after.status, api.count("/bookings")) == (0, 1)
    assert "reading the whole list" not in after.log


def test_where_the_account_is_not_known_no_deletes_are_told(
    tmp_path: Path, api: Sandbox, account: Account
) -> None:
    pipe = Pipe(tmp_path, api)
    assert pipe.run().status == 0
    delete(account, "bookings", 3)
    account.clock.offset_seconds += 8 * A_DAY
    api.faults.add("422", "/test", times=None)
    assert pipe.run().status == 0
    assert not pipe.rows("bookings", deleted=True)


def test_a_list_that_lost_more_than_half_is_taken_for_broken(
    tmp_path: Path, api: Sandbox, account: Account
) -> None:
    pipe = Pipe(tmp_path, api)
    assert pipe.run().status == 0
    delete(account, "bookings", *range(31))
    (contact,) = delete(account, "contacts", 3)
    for _ in range(2):  # the next one is as careful
        account.clock.offset_seconds += 8 * A_DAY
        run = pipe.run()
        assert run.status == 1
        assert "bookings: the list has 29 objects, less than half of the 60" in run.errors[-1]
        assert not pipe.rows("bookings", deleted=True)
        assert pipe.rows("contacts", deleted=True) == {contact}
    pipe.state = None  # as the error says
    assert pipe.run().status == 0
    assert pipe.rows("bookings", deleted=False) == alive(account, "bookings")


@pytest.mark.parametrize(
    "more",
    [
        {"full_pass_days": 0},
        {"emit_activate_version_messages": False},
        {"start_date": "2020-01-01T00:00:00Z"},
    ],
)
def test_no_full_pass_where_none_is_wanted(
    api: Sandbox, account: Account, more: dict[str, t.Any]
) -> None:
    versions = {"emit_activate_version_messages": True, **more}
    settings, catalog = programs.settings_for(api.url, **versions), inside.catalog("bookings")
    state = inside.run(settings, catalog).states[-1]
    account.clock.offset_seconds += 8 * A_DAY
    api.reset_log()
    run = inside.run(settings, catalog, state)
    assert (run.ended, api.count("/bookings")) == ("well", 1)
    assert "ACTIVATE_VERSION" not in dict(run.versions("bookings"))
