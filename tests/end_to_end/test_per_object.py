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
HOURLY = {"full_table_refresh_hours": 24, **DAILY}
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


def read(run: Run) -> set[str]:
    return {m["stream"] for m in run.messages if m["type"] == "RECORD"} - set(LISTS)


def unread(state: inside.State) -> list[str]:
    return [key for bookmark in state["bookmarks"].values() for key in bookmark.get("unread", [])]


def assert_complete(loaded: inside.Warehouse, api: Sandbox, *streams: str) -> None:
    for stream in streams:
        objects = offered(api, api.account, stream)
        wanted = {tuple(row[name] for name in KEYS[stream]) for row in objects}
        assert set(loaded.tables[stream]) == wanted, stream


# --- once a day


def test_a_stream_is_read_again_when_its_hours_have_passed(api: Sandbox) -> None:
    loaded, selected = inside.Warehouse(), (*SELECTED, "booking_page_links")
    assert read(loaded.sync(api, *selected, **HOURLY)) == {*CHILDREN, "booking_page_links"}
    # A daily run is not always as late in the day.
    for hours, found in ((0, set()), (20, set()), (3.9, set(CHILDREN)), (0, set())):
        api.account.clock.offset_seconds += hours * 3600
        api.reset_log()
        assert read(loaded.sync(api, *selected, **HOURLY)) - {"booking_page_links"} == found
        # Whose key it is, and what is read by time, as docs/limits.md has it
        assert found or len(api.log) == 5


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


def test_the_log_says_what_the_next_run_costs(tmp_path: Path) -> None:
    account = account_of(seed=5, bookings=230, users=50, sms_notifications=0)
    with Sandbox(account, key=KEY) as api:
        first = inside.spawn(tmp_path, api, **DAILY)
        (told,) = re.findall(r"the next run needs at least (\d+)", first.log)
        api.reset_log()
        inside.spawn(tmp_path, api, state=first.state, **DAILY)
        assert 0 <= len(api.log) - int(told) <= 1  # many were updated at the bookmark's time


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


OBJECT = {"id": "X-1", "last_updated_time": "2026-01-01T00:00:00Z"}
SCHEDULE = {"timezone": "UTC", "weekly": [], "overrides": []}
BODIES: dict[str, tuple[str, t.Any, list[t.Any]]] = {
    AVAILABILITY: (
        "/users/X-1/scheduling-availability",
        SCHEDULE,
        [
            *({"type": "api_error", "message": "busy"}, {"data": {"object": "x", **SCHEDULE}}),
            *([], 0, False, "", "busy", [{"timezone": "UTC"}]),
        ],
    ),
    SLOTS: (
        "/booking-calendars/X-1/time-slots",
        [{"start_time": "2026-01-01T00:00:00Z"}] * 2,  # where ranges meet
        [{"type": "api_error"}, {}, None, 0, {"data": {}}, [0], [[]]],
    ),
    "booking": ("/bookings/X-1", OBJECT, [{"type": "api_error"}, {}, [], None, 0]),
    "booking_calendar": ("/booking-calendars/X-1", {"id": "X-1"}, [{"data": {}}, [], ""]),
}
"""A path, what it should answer, and what is not that."""


@pytest.mark.parametrize("stream", BODIES)
def test_a_body_that_is_not_the_endpoints_object_changes_no_row(stream: str) -> None:
    path, right, wrong = BODIES[stream]
    lists = dict.fromkeys(("/users", "/bookings", "/booking-calendars"), page(OBJECT))
    settings = {"emit_activate_version_messages": True, "time_slots_days": 1, **AT_ONCE}
    settings["lookback_seconds"] = 60
    loaded, rows = inside.Warehouse(), {}
    with raw_server(lambda path, _: response(bodies.get(path, page()))) as server:
        for number, body in enumerate((right, *wrong, right), start=1):
            bodies = {**lists, path: body}
            run = loaded.sync(server, stream, **settings)
            assert run.ended == ("well" if body is right else "failed"), body
            assert number > 1 or len(run.records(stream)) == 1
            rows = rows or loaded.rows(stream)
            assert loaded.rows(stream) == rows != {}
            assert unread(loaded.state) == ([] if body is right else ["X-1"])
            asked = sum(one == path for one, _ in server.asked)
            assert body is right or asked == number  # once a run


def test_a_conversation_that_never_answers_costs_one_request_a_run() -> None:
    account, loaded, costs = account_of(seed=4, bookings=150, nasty=False), inside.Warehouse(), []
    key = account.conversations()[3]["bookings"][0]
    with Sandbox(account, key=KEY) as api:
        # The pages of the list do not answer either, so that each booking is asked for its own.
        api.faults.add("500", f"/bookings/{key}", times=None)
        api.faults.add("500", "/bookings", query="expand", times=None)
        for _ in range(3):
            api.reset_log()
            assert loaded.sync(api, "conversations", **AT_ONCE).ended == "failed"
            assert unread(loaded.state) == [key]
            assert api.count(f"/bookings/{key}") == 1
            costs.append(len(api.log))
        assert (costs[0] > 10, costs[-1] <= 4) == (True, True)
        api.faults.clear()
        loaded.sync(api, "conversations", **AT_ONCE)
        assert unread(loaded.state) == []
        assert_complete(loaded, api, "conversations")


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


@pytest.mark.parametrize(
    ("stream", "fault", "more", "by_id"),
    [
        # Refused as unknown, or the list does not answer, and the object stays as it is
        ("conversations", ("400", "/bookings*"), {"query": "expand"}, True),
        ("conversations", ("500", "/bookings"), {"query": "expand"}, False),
        # What is refused after its first page has not ended.
        ("conversations", ("404", "/bookings"), {"after": 2}, True),
        ("booking_hosts", ("403", "/bookings"), {"after": 2}, True),
    ],
)
def test_a_list_that_is_refused_fails_its_stream_alone(
    stream: str, fault: tuple[str, str], more: dict[str, t.Any], *, by_id: bool
) -> None:
    loaded = inside.Warehouse()
    with Sandbox(account_of(seed=4, bookings=80), key=KEY, expand_by_id=by_id) as api:
        api.faults.add(*fault, times=None, **more)
        assert loaded.sync(api, stream, "users", page_size=7, **AT_ONCE).ended == "failed"
        assert bool(loaded.tables[stream]) == ("after" in more)
        assert_complete(loaded, api, "users")
        api.faults.clear()
        api.switch(expand_by_id=True)
        loaded.sync(api, stream)
        assert_complete(loaded, api, stream)
