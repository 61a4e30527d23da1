"""Streams that cost a request for each object are read once a day, not in every run."""

import re
import time
import typing as t
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from sandbox import Account, Sandbox
from tests.support import inside
from tests.support.programs import KEY, ROOT
from tests.support.streams import LISTS

SLOTS, AVAILABILITY = "booking_calendar_time_slots", "user_scheduling_availability"
PAGE = ROOT.joinpath("docs/limits.md").read_text()
CHILDREN = (SLOTS, AVAILABILITY, "booking_calendar")
SELECTED = (*LISTS, *CHILDREN)
DAILY = {"per_object_refresh_hours": 24}
NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


def account_of(**sizes: t.Any) -> Account:
    """An account, and a clock of OnceHub's, that are the same on every day."""
    account = Account(**sizes, now=NOW.isoformat())
    account.clock.offset_seconds = NOW.timestamp() - time.time()
    return account


@pytest.fixture
def api() -> Iterator[Sandbox]:
    sizes = {"bookings": 30, "contacts": 20, "users": 12, "booking_calendars": 7}
    with Sandbox(account_of(seed=4, **sizes, nasty=False), key=KEY) as server:
        yield server


def sync(
    api: Sandbox, state: inside.State | None = None, *streams: str, **more: t.Any
) -> inside.InsideRun:
    return inside.sync(api, *(streams or SELECTED), state=state, **{**DAILY, **more})


def asked(api: Sandbox) -> int:
    """Requests since the last call."""
    found = len(api.log)
    api.reset_log()
    return found


def read(run: inside.InsideRun) -> set[str]:
    return {m["stream"] for m in run.messages if m["type"] == "RECORD"} & set(CHILDREN)


def test_a_stream_is_read_again_when_its_hours_have_passed(api: Sandbox) -> None:
    first = sync(api)
    whole = asked(api)
    assert read(first) == set(CHILDREN)
    second = sync(api, first.states[-1])
    assert read(second) == set()
    lists_of_their_own = 3
    assert asked(api) == whole - 12 - 2 * 7 - lists_of_their_own
    # A daily run is not always as late in the day.
    state = second.states[-1]
    for hours, found in ((20, set()), (3.9, set(CHILDREN)), (0, set())):
        api.account.clock.offset_seconds += hours * 3600
        run = sync(api, state)
        assert read(run) == found
        state = run.states[-1]


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
    first = sync(api)
    assert read(sync(api, first.states[-1], **changed)) == again


def test_a_pass_that_was_ended_goes_on_at_once(api: Sandbox) -> None:
    complete = sync(api, None, "users", AVAILABILITY)
    api.account.clock.offset_seconds += 25 * 3600
    state, end = complete.states[-1], {"interrupt_after": 9}
    ended = sync(api, state, "users", AVAILABILITY, end=end)
    assert ended.ended == "interrupted"
    rest = sync(api, ended.states[-1], "users", AVAILABILITY)
    got = {row["user_id"] for run in (ended, rest) for row in run.records(AVAILABILITY)}
    assert got == {row["user_id"] for row in complete.records(AVAILABILITY)}
    assert read(sync(api, rest.states[-1], "users", AVAILABILITY)) == set()


def test_a_stream_that_failed_is_read_again(api: Sandbox) -> None:
    api.faults.add(403, "/users/*", times=1)
    first = sync(api)
    assert first.ended == "failed"
    assert read(sync(api, first.states[-1])) == {AVAILABILITY}


@pytest.mark.parametrize("stream", [AVAILABILITY, "booking_page_links"])
def test_what_is_selected_alone_is_skipped_as_well(api: Sandbox, stream: str) -> None:
    first = sync(api, None, stream)
    assert first.records(stream)
    asked(api)

    assert sync(api, first.states[-1], stream).ended == "well"
    assert asked(api) == 1  # whose key it is


@pytest.mark.parametrize(
    ("users", "calendars"), [(20, 10), (200, 100), pytest.param(1000, 500, marks=pytest.mark.slow)]
)
def test_what_an_hourly_run_costs(users: int, calendars: int) -> None:
    sizes = {"users": users, "booking_calendars": calendars, "bookings": 10, "contacts": 10}
    streams = (*LISTS, SLOTS, AVAILABILITY)
    costs = []
    with Sandbox(account_of(seed=5, **sizes, nasty=False), key=KEY) as api:
        state = sync(api, None, *streams, full_table_refresh_hours=24).states[-1]
        assert asked(api) > users + calendars
        for hours in (0, 24):
            sync(api, state, *streams, full_table_refresh_hours=hours)
            costs.append(asked(api))
    row = re.findall(rf"^\| {users:,} \| {calendars:,} \| (\d+) \| (\d+) \|$", PAGE, re.MULTILINE)
    assert row == [tuple(map(str, costs))]
    assert costs[-1] <= 20


def test_the_log_says_what_the_next_run_costs(tmp_path: Path) -> None:
    account = account_of(seed=5, bookings=230, users=150, sms_notifications=0)
    with Sandbox(account, key=KEY) as api:
        first = inside.spawn(tmp_path, api, **DAILY)
        (told,) = re.findall(r"the next run needs at least (\d+)", first.log)
        api.reset_log()
        inside.spawn(tmp_path, api, state=first.state, **DAILY)
        assert 0 <= asked(api) - int(told) <= 1  # many were updated at the bookmark's time
