"""Streams that ask for each object, or value, of another: when, how often, and what is kept."""

import re
import time
import typing as t
from datetime import datetime, timezone
from pathlib import Path

import pytest

from sandbox import Account, Sandbox
from tests.support import inside
from tests.support.programs import KEY, Run
from tests.support.raw import page, raw_server, response
from tests.support.streams import KEYS, LISTS, offered

SLOTS, AVAILABILITY = "booking_calendar_time_slots", "user_scheduling_availability"
CHILDREN = (SLOTS, AVAILABILITY, "booking_calendar")
SELECTED = (*LISTS, *CHILDREN)
DAILY = {"per_object_refresh_hours": 24}
NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
AT_ONCE = {"max_wait_seconds": 0}
"""What stays broken for a minute, without the minute."""


def account_of(**sizes: t.Any) -> Account:
    """An account, and a clock of OnceHub's, that are the same on every day."""
    account = Account(**sizes, now=NOW.isoformat())
    account.clock.offset_seconds = NOW.timestamp() - time.time()
    return account


@pytest.fixture
def account() -> Account:
    sizes = {"bookings": 30, "contacts": 20, "users": 12, "booking_calendars": 7}
    return account_of(seed=4, **sizes, nasty=False)


def asked(api: Sandbox) -> int:
    """Requests since the last call."""
    found = len(api.log)
    api.reset_log()
    return found


def read(run: Run) -> set[str]:
    return {m["stream"] for m in run.messages if m["type"] == "RECORD"} & set(CHILDREN)


def unread(state: inside.State) -> list[str]:
    return [key for bookmark in state["bookmarks"].values() for key in bookmark.get("unread", [])]


def assert_complete(loaded: inside.Warehouse, api: Sandbox, *streams: str) -> None:
    for stream in streams:
        objects = offered(api, api.account, stream)
        wanted = {tuple(row[name] for name in KEYS[stream]) for row in objects}
        assert set(loaded.tables[stream]) == wanted, stream


# --- once a day


def test_a_stream_is_read_again_when_its_hours_have_passed(api: Sandbox) -> None:
    loaded = inside.Warehouse()
    assert read(loaded.sync(api, *SELECTED, **DAILY)) == set(CHILDREN)
    whole = asked(api)
    assert read(loaded.sync(api, *SELECTED, **DAILY)) == set()
    lists_of_their_own = 3
    assert asked(api) == whole - 12 - 2 * 7 - lists_of_their_own
    # A daily run is not always as late in the day.
    for hours, found in ((20, set()), (3.9, set(CHILDREN)), (0, set())):
        api.account.clock.offset_seconds += hours * 3600
        assert read(loaded.sync(api, *SELECTED, **DAILY)) == found


@pytest.mark.parametrize(
    ("changed", "again"),
    [
        ({"time_slots_days": 40}, {SLOTS}),
        ({"emit_activate_version_messages": True}, set(CHILDREN)),
        ({"page_size": 50, "rate_limit_per_window": 100_000}, set()),
        ({"without": ("weekly",)}, {AVAILABILITY}),
    ],
)
def test_a_changed_setting_or_selection_reads_what_depends_on_it(
    api: Sandbox, changed: dict[str, t.Any], again: set[str]
) -> None:
    state = inside.sync(api, *SELECTED, **DAILY).state
    assert read(inside.sync(api, *SELECTED, state=state, **DAILY, **changed)) == again


def test_a_pass_that_was_ended_or_failed_goes_on_at_once(api: Sandbox) -> None:
    loaded, streams = inside.Warehouse(), ("users", AVAILABILITY)
    complete = loaded.sync(api, *streams, **DAILY)
    for end, ended in (({"interrupt_after": 9}, "interrupted"), ({}, "failed")):
        api.account.clock.offset_seconds += 25 * 3600
        if ended == "failed":
            api.faults.add(403, "/users/*", times=1)
        first = loaded.sync(api, *streams, **DAILY, **end)
        assert first.ended == ended
        rest = loaded.sync(api, *streams, **DAILY)
        got = {row["user_id"] for run in (first, rest) for row in run.records(AVAILABILITY)}
        assert got == {row["user_id"] for row in complete.records(AVAILABILITY)}
        assert read(loaded.sync(api, *streams, **DAILY)) == set()


@pytest.mark.parametrize("stream", [AVAILABILITY, "booking_page_links"])
def test_what_is_selected_alone_is_skipped_as_well(api: Sandbox, stream: str) -> None:
    loaded = inside.Warehouse()
    assert loaded.sync(api, stream, **DAILY).records(stream)
    asked(api)
    assert loaded.sync(api, stream, **DAILY).ended == "well"
    assert asked(api) == 1  # whose key it is


def test_what_an_hourly_run_costs(api: Sandbox) -> None:
    loaded, hourly = inside.Warehouse(), {"full_table_refresh_hours": 24, **DAILY}
    for _ in range(2):
        asked(api)
        loaded.sync(api, *LISTS, SLOTS, AVAILABILITY, **hourly)
    assert asked(api) == 5  # whose key it is, and what is read by time, as docs/limits.md has it
    api.account.clock.offset_seconds += 25 * 3600
    loaded.sync(api, *LISTS, SLOTS, AVAILABILITY, **hourly)
    assert asked(api) > 12 + 7


def test_the_log_says_what_the_next_run_costs(tmp_path: Path) -> None:
    account = account_of(seed=5, bookings=230, users=50, sms_notifications=0)
    with Sandbox(account, key=KEY) as api:
        first = inside.spawn(tmp_path, api, **DAILY)
        (told,) = re.findall(r"the next run needs at least (\d+)", first.log)
        api.reset_log()
        inside.spawn(tmp_path, api, state=first.state, **DAILY)
        assert 0 <= asked(api) - int(told) <= 1  # many were updated at the bookmark's time


# --- what is refused, broken, or something else


OF_OBJECTS = {
    SLOTS: ("booking_calendars", {402, 404, 422}),
    AVAILABILITY: ("users", {404}),
    "booking": ("bookings", {404}),
    "booking_calendar": ("booking_calendars", {404}),
}
"""Each with its parent, and the statuses that may concern one object."""


@pytest.mark.parametrize("status", [400, 402, 404, 409, 422])
def test_an_object_that_is_refused_costs_no_other(tmp_path: Path, status: int) -> None:
    account = Account(seed=6, bookings=25, users=20, booking_calendars=20, nasty=False)
    with Sandbox(account, key=KEY, refusal=status) as api:
        run = inside.spawn(tmp_path, api, *OF_OBJECTS)
        for child, (parent, documented) in OF_OBJECTS.items():
            ids = [item["id"] for item in account.objects(parent)]
            refused = [key for key in ids if account.refusal(child, key) == status]
            assert len(run.records(child)) == len(offered(api, account, child)) > 0, child
            left = run.state["bookmarks"][child]["unread"]
            assert left == ([] if status in documented else refused)
            said = [line for line in run.log.splitlines() if f"({status})" in line]
            assert any(f"{child}: skipped: " in line for line in said) == (status in documented)
    assert run.status == (status != 404)


BODIES: dict[str, tuple[str, t.Any, list[t.Any]]] = {
    AVAILABILITY: (
        "/users/X-1/scheduling-availability",
        {"timezone": "UTC", "weekly": [], "overrides": []},
        [
            {"type": "api_error", "message": "busy"},
            {"data": {"object": "schedule", "timezone": "UTC", "weekly": [], "overrides": []}},
            *([], 0, False, "", "busy", [{"timezone": "UTC"}]),
        ],
    ),
    SLOTS: (
        "/booking-calendars/X-1/time-slots",
        [{"start_time": "2026-01-01T00:00:00Z"}],
        [{"type": "api_error"}, {}, None, 0, {"data": {}}, [0], [[]]],
    ),
    "booking": (
        "/bookings/X-1",
        {"id": "X-1", "last_updated_time": "2026-01-01T00:00:00Z"},
        [{"type": "api_error"}, {}, [], None, 0],
    ),
    "booking_calendar": ("/booking-calendars/X-1", {"id": "X-1"}, [{"data": {}}, [], ""]),
}
"""A path, what it should answer, and what is not that."""


@pytest.mark.parametrize("stream", BODIES)
def test_a_body_that_is_not_the_endpoints_object_changes_no_row(stream: str) -> None:
    path, right, wrong = BODIES[stream]
    parent = page({"id": "X-1", "last_updated_time": "2026-01-01T00:00:00Z"})
    bodies = dict.fromkeys(("/users", "/bookings", "/booking-calendars"), parent) | {path: right}
    settings = {"emit_activate_version_messages": True, "time_slots_days": 1, **AT_ONCE}
    settings["lookback_seconds"] = 60
    loaded = inside.Warehouse()
    with raw_server(lambda path, _: response(bodies.get(path, page()))) as server:
        assert loaded.sync(server, stream, **settings).ended == "well"
        rows = dict(loaded.tables[stream])
        assert len(rows) == 1
        for body in wrong:
            bodies[path] = body
            assert loaded.sync(server, stream, **settings).ended == "failed", body
            assert loaded.tables[stream] == rows
            assert unread(loaded.state) == ["X-1"]
        bodies[path] = right
        assert loaded.sync(server, stream, **settings).ended == "well"


@pytest.mark.parametrize("stream", ["booking", "conversations"])
def test_an_object_that_never_answers_costs_one_request_a_run(stream: str) -> None:
    account = account_of(seed=4, bookings=150, nasty=False)
    key = account.objects("bookings")[7]["id"]
    if stream == "conversations":
        key = account.conversations()[3]["bookings"][0]
    loaded, costs = inside.Warehouse(), []
    with Sandbox(account, key=KEY) as api:
        api.faults.add("500", f"/bookings/{key}", times=None)
        if stream == "conversations":
            api.faults.add("500", "/bookings", query="expand", times=None)
        for _ in range(3):
            api.reset_log()
            assert loaded.sync(api, stream, **AT_ONCE).ended == "failed"
            assert unread(loaded.state) == [key]
            assert loaded.state["bookmarks"][stream]["replication_key_value"]
            assert api.count(f"/bookings/{key}") == 1
            costs.append(asked(api))
        assert costs[-1] <= 4
        assert costs[0] > 10
        api.faults.clear()
        loaded.sync(api, stream, **AT_ONCE)
        assert unread(loaded.state) == []
        assert_complete(loaded, api, stream)


def test_single_objects_by_their_ids_deleted_ones_included(tmp_path: Path) -> None:
    account = Account(seed=5, bookings=30, booking_calendars=5)
    gone, there = (account.objects("bookings")[i]["id"] for i in (3, 4))
    calendar = account.objects("booking_calendars")[2]["id"]
    account.delete("bookings", gone)
    settings = {"booking_ids": [gone, there, "BKNG-NONE"], "booking_calendar_ids": [calendar]}
    with Sandbox(account, key=KEY) as api:
        run = inside.spawn(tmp_path, api, "booking", "booking_calendar", **settings)
        assert len(api.log) == 4 + api.count("/test")
        vain = inside.spawn(tmp_path, api, "users", **settings)
    assert run.status == 0
    assert {r["id"]: r["deleted"] for r in run.records("booking")} == {gone: True, there: None}
    assert [r["id"] for r in run.records("booking_calendar")] == [calendar]
    assert sum("BKNG-NONE" in line for line in run.log.splitlines()) == 1
    assert "booking_ids is set, but the stream booking is not selected" in vain.log


# --- what only filters and expansions tell


@pytest.mark.parametrize("by_id", [True, False])
def test_a_server_that_expands_nothing_fails_that_stream_alone(*, by_id: bool) -> None:
    with Sandbox(Account(seed=4, bookings=80), key=KEY, expand_by_id=by_id) as api:
        # Refused as unknown, or the list does not answer, and the object stays as it is.
        fault = ("400", "/bookings*") if by_id else ("500", "/bookings")
        api.faults.add(*fault, query="expand", times=None)
        run = inside.sync(api, "conversations", "bookings", **AT_ONCE)
    assert run.ended == "failed"
    assert len(run.records("bookings")) == 80
    assert not run.records("conversations")


@pytest.mark.parametrize(("stream", "status"), [("booking_hosts", "403"), ("conversations", "404")])
def test_a_list_that_is_refused_after_its_first_page_has_not_ended(
    api: Sandbox, stream: str, status: str
) -> None:
    loaded = inside.Warehouse()
    api.faults.add(status, "/bookings", after=2, times=None)
    assert loaded.sync(api, stream, page_size=7).ended == "failed"
    assert loaded.tables[stream]
    api.faults.clear()
    loaded.sync(api, stream)
    assert_complete(loaded, api, stream)
