"""Streams that cost a request for each object are read once a day, not in every run."""

from __future__ import annotations

import random
import re
import time
import typing as t
from datetime import datetime, timezone

import pytest

from sandbox import Account, Sandbox
from tests.support import inside
from tests.support.programs import KEY, ROOT, run_tap, settings_for
from tests.support.streams import LISTS

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SLOTS, AVAILABILITY = "booking_calendar_time_slots", "user_scheduling_availability"
PAGE = ROOT.joinpath("docs/limits.md").read_text()
CHANGING = ("users", "teams", "bookings", "contacts")
CHILDREN = (SLOTS, AVAILABILITY, "booking_calendar")
SELECTED = (*LISTS, *CHILDREN)


NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


def account_of(**sizes: t.Any) -> Account:
    """An account, and a clock of OnceHub's, that are the same on every day."""
    account = Account(**sizes, now=NOW.isoformat())
    account.clock.offset_seconds = NOW.timestamp() - time.time()
    return account


@pytest.fixture
def api() -> Iterator[Sandbox]:
    sizes = {"bookings": 30, "contacts": 20, "users": 12, "booking_calendars": 7}
    account = account_of(seed=4, **sizes, nasty=False)
    with Sandbox(account, key=KEY) as server:
        yield server


def sync(
    api: Sandbox, state: inside.State | None = None, *streams: str, **more: t.Any
) -> inside.InsideRun:
    settings = settings_for(api.url, **{"per_object_refresh_hours": 24, **more})
    return inside.run(settings, inside.catalog(*(streams or SELECTED)), state)


def asked(api: Sandbox) -> int:
    """Requests since the last call."""
    found = len(api.log)
    api.reset_log()
    return found


def wait(api: Sandbox, hours: float) -> None:
    """Let time pass, by OnceHub's clock."""
    api.account.clock.offset_seconds += hours * 3600


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

    wait(api, 20)
    third = sync(api, second.states[-1])
    assert read(third) == set()
    wait(api, 3.9)  # a daily run is not always as late in the day
    fourth = sync(api, third.states[-1])
    assert read(fourth) == set(CHILDREN)
    assert len(fourth.records(AVAILABILITY)) == len(first.records(AVAILABILITY))
    assert read(sync(api, fourth.states[-1])) == set()


@pytest.mark.parametrize(
    ("changed", "again"),
    [
        ({"time_slots_days": 40}, {SLOTS}),
        ({"emit_activate_version_messages": True}, set(CHILDREN)),
        ({"page_size": 50, "rate_limit_per_window": 100_000}, set()),
    ],
)
def test_a_changed_setting_reads_what_depends_on_it(
    api: Sandbox, changed: dict[str, t.Any], again: set[str]
) -> None:
    first = sync(api)

    assert read(sync(api, first.states[-1], **changed)) == again


def test_a_changed_selection_reads_the_stream(api: Sandbox) -> None:
    first = sync(api)
    chosen = inside.catalog(*SELECTED, without=("weekly",))
    settings = settings_for(api.url, per_object_refresh_hours=24)

    assert read(inside.run(settings, chosen, first.states[-1])) == {AVAILABILITY}


def test_a_pass_that_was_ended_goes_on_at_once(api: Sandbox) -> None:
    complete = sync(api, None, "users", AVAILABILITY)
    settings = settings_for(api.url, per_object_refresh_hours=24)
    chosen = inside.catalog("users", AVAILABILITY)
    wait(api, 25)
    ended = inside.run(settings, chosen, complete.states[-1], interrupt_after=9)
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
        settings = settings_for(api.url, per_object_refresh_hours=24)
        first = run_tap(tmp_path, settings)
        (told,) = re.findall(r"the next run needs at least (\d+)", first.log)
        api.reset_log()
        run_tap(tmp_path, settings, state=first.state)
        assert 0 <= asked(api) - int(told) <= 1  # many were updated at the bookmark's time


def test_a_day_of_hourly_runs_is_right_every_hour(api: Sandbox) -> None:
    loaded, rng = inside.Warehouse(), random.Random(3)
    counts: list[int] = []
    settings = {"full_table_refresh_hours": 6, "emit_activate_version_messages": True}
    for hour in range(26):
        api.account.random_changes(rng, edits=3, adds=1, deletes=1, streams=CHANGING)
        wait(api, 1)
        run = sync(api, loaded.state, **settings)
        loaded.load(run.messages)
        counts.append(asked(api))
        assert loaded.rows(AVAILABILITY), "lost in an hour in which it is not read"
        for stream in ("bookings", "contacts"):
            loaded.assert_current(stream, api.account.objects(stream))
        if hour % 6 == 0:
            for stream in ("users", "teams"):
                assert set(loaded.rows(stream)) == {i["id"] for i in api.account.objects(stream)}
        if AVAILABILITY in read(run):
            users = {item["id"] for item in api.account.objects("users")}
            assert set(loaded.rows(AVAILABILITY)) <= users
    assert max(counts[1:6]) < counts[6] < counts[23] <= counts[0] + 5
