"""Versions, and what is gone: told after a full pass, of lists that are read by time as well."""

import json
import re
import typing as t
from pathlib import Path

import duckdb
import pytest

from sandbox import Account, Sandbox
from tests.support import inside, programs

BY_TIME = ("bookings", "contacts", "sms_notifications")
AVAILABILITY = "user_scheduling_availability"
A_DAY = 86_400
VERSIONED = {"emit_activate_version_messages": True}


@pytest.fixture
def account() -> Account:
    sizes = {"bookings": 60, "contacts": 40, "sms_notifications": 30, "users": 12}
    account = Account(seed=2, **sizes, nasty=False, now="2026-03-01T12:00:00Z")
    account.clock.offset_seconds = -30 * A_DAY  # never later than this machine's clock
    return account


def delete(account: Account, stream: str, *places: int) -> set[str]:
    ids = [item["id"] for item in account.objects(stream)]
    return {account.delete(stream, ids[place]) for place in places}


def alive(account: Account, stream: str) -> set[str]:
    return {item["id"] for item in account.objects(stream)}


def test_deleted_rows_are_marked_after_full_pass_days(
    tmp_path: Path, api: Sandbox, account: Account
) -> None:
    state: dict[str, t.Any] = {}

    def pipe() -> str:
        """Pipe the tap into the loader, with the state that the loader has kept."""
        api.reset_log()
        done = inside.spawn(tmp_path, api, *BY_TIME, **VERSIONED, page_size=10, state=state)
        assert done.status == 0, done.log
        state.update(json.loads(programs.load(tmp_path, done.output)))
        return done.log

    def marked(stream: str) -> dict[str, bool]:
        query = f"SELECT id, _sdc_deleted_at IS NOT NULL FROM oncehub.{stream}"
        with duckdb.connect(str(tmp_path / "warehouse.duckdb"), read_only=True) as connection:
            return dict(connection.execute(query).fetchall())

    pipe()
    gone = {stream: delete(account, stream, 0, 7, -1) for stream in BY_TIME}
    account.clock.offset_seconds += A_DAY
    assert "full_pass_days" not in pipe()
    assert True not in marked("bookings").values()
    account.clock.offset_seconds += 7 * A_DAY
    for stream in BY_TIME:
        account.add(stream, 2)
    (told,) = re.findall("bookings: reading the whole list.*about ([0-9]+)", pipe())
    assert abs(int(told) - api.count("/bookings")) <= 2  # what is new comes first
    for stream in BY_TIME:
        there = dict.fromkeys(alive(account, stream), False)
        assert marked(stream) == there | dict.fromkeys(gone[stream], True)
    assert "reading the whole list" not in pipe()
    assert api.count("/bookings") == 1


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ({"full_pass_days": 0}, "none"),
        ({"emit_activate_version_messages": False}, "none"),
        ({"start_date": "2020-01-01T00:00:00Z"}, "none"),
        ({}, "/test"),  # which names the account
    ],
)
def test_no_deletes_where_none_are_wanted_or_the_account_is_not_known(
    api: Sandbox, account: Account, more: dict[str, t.Any], fault: str
) -> None:
    loaded, settings = inside.Warehouse(), VERSIONED | more
    loaded.sync(api, "bookings", **settings)
    account.clock.offset_seconds += 8 * A_DAY
    api.faults.add("422", fault, times=None)
    api.reset_log()
    run = loaded.sync(api, "bookings", **settings)
    assert (run.ended, api.count("/bookings")) == ("well", 1)
    assert "ACTIVATE_VERSION" not in dict(run.versions("bookings"))


def test_versions_are_activated_after_the_last_record_and_only_on_demand(
    api: Sandbox, account: Account
) -> None:
    streams = ("users", AVAILABILITY, "bookings")
    run, plain = (inside.sync(api, *streams, page_size=3, **more) for more in (VERSIONED, {}))
    for stream in streams:
        *records, last = run.versions(stream)
        kinds = {kind for kind, _ in records}
        assert (kinds, last[0]) == ({"RECORD"}, "ACTIVATE_VERSION")
        assert set(plain.versions(stream)) == {("RECORD", None)}
    delete(account, "users", *range(len(account.objects("users"))))
    told = inside.sync(api, AVAILABILITY, **VERSIONED).versions(AVAILABILITY)
    assert [kind for kind, _ in told] == ["ACTIVATE_VERSION"]


def test_what_was_read_without_a_version_is_read_again_before_one_is_activated(
    api: Sandbox, account: Account
) -> None:
    metadata = {"bookings": {"replication-method": "FULL_TABLE"}}
    full, incremental = inside.catalog("bookings", metadata=metadata), inside.catalog("bookings")
    versioned = programs.settings_for(api.url, page_size=3, **VERSIONED)
    plain = versioned | {"emit_activate_version_messages": False}
    for settings, catalog in ((plain, full), (versioned, incremental)):
        warehouse = inside.Warehouse()
        warehouse.load(inside.run(settings, catalog, kill_after=40).messages)
        warehouse.load(inside.run(versioned, full, warehouse.state).messages)
        assert warehouse.rows("bookings").keys() == alive(account, "bookings")


@pytest.mark.parametrize(("status", "killed"), [("403", False), ("409", False), ("409", True)])
def test_a_full_pass_that_misses_rows_keeps_those_of_the_one_before(
    api: Sandbox, status: str, *, killed: bool
) -> None:
    loaded, settings = inside.Warehouse(), VERSIONED | {"page_size": 3}
    loaded.sync(api, AVAILABILITY, **settings)
    complete = list(loaded.rows(AVAILABILITY))
    api.faults.add(status, f"/users/{complete[0]}/scheduling-availability", times=3)

    def kill(message: inside.Message, _: int) -> None:
        if killed and message.get("record", {}).get("user_id") == complete[4]:
            raise inside.KilledError

    for _ in range(2):
        lacking = loaded.sync(api, AVAILABILITY, watch=kill, **settings)
        assert lacking.ended in {"killed", "failed"}
        assert "ACTIVATE_VERSION" not in dict(lacking.versions(AVAILABILITY))
    for _ in range(2):
        loaded.sync(api, AVAILABILITY, **settings)
    assert loaded.rows(AVAILABILITY).keys() == set(complete)
