"""Streams that cost a request for each object are read once a day, not in every run."""

from __future__ import annotations

import copy
import typing as t
from datetime import datetime, timedelta

import pytest

from sandbox import Account, Sandbox
from tests.support import inside
from tests.support.programs import KEY, pages_of, settings_for
from tests.support.streams import LISTS

if t.TYPE_CHECKING:
    from collections.abc import Iterator

SLOTS, AVAILABILITY = "booking_calendar_time_slots", "user_scheduling_availability"
CHILDREN = (SLOTS, AVAILABILITY, "booking_calendar")
SELECTED = (*LISTS, *CHILDREN)


@pytest.fixture
def api() -> Iterator[Sandbox]:
    account = Account(seed=4, bookings=30, contacts=20, users=12, booking_calendars=7)
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


def aged(run: inside.InsideRun, hours: float) -> inside.State:
    """The state of a run, so many hours later."""
    state = copy.deepcopy(run.states[-1])
    for bookmark in state["bookmarks"].values():
        if saved := bookmark.get("complete_pass"):
            began = datetime.fromisoformat(saved["began"].replace("Z", "+00:00"))
            saved["began"] = (began - timedelta(hours=hours)).isoformat()
    return state


def read(run: inside.InsideRun) -> set[str]:
    return {m["stream"] for m in run.messages if m["type"] == "SCHEMA"} & set(CHILDREN)


def test_a_stream_is_read_again_when_its_hours_have_passed(api: Sandbox) -> None:
    first = sync(api)
    whole = asked(api)
    assert read(first) == set(CHILDREN)

    second = sync(api, first.states[-1])
    assert read(second) == set()
    assert asked(api) == whole - 12 - 2 * 7

    third = sync(api, aged(second, 23))
    assert read(third) == set()
    fourth = sync(api, aged(third, 2))
    assert read(fourth) == set(CHILDREN)
    assert len(fourth.records(AVAILABILITY)) == len(first.records(AVAILABILITY))
    assert read(sync(api, fourth.states[-1])) == set()


def test_zero_hours_and_no_state_read_every_time(api: Sandbox) -> None:
    first = sync(api, per_object_refresh_hours=0)

    assert read(sync(api, first.states[-1], per_object_refresh_hours=0)) == set(CHILDREN)
    assert read(sync(api)) == set(CHILDREN)


def test_a_stream_that_is_not_read_loses_nothing(api: Sandbox) -> None:
    versions = {"emit_activate_version_messages": True}
    warehouse = inside.Warehouse()
    for _ in range(2):
        warehouse.load(sync(api, warehouse.state, **versions).messages)

    assert len(warehouse.rows(AVAILABILITY)) > 1
    assert len(warehouse.rows("users")) == 12


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
    chosen = inside.catalog(*SELECTED)
    for entry in chosen["streams"]:
        if entry["tap_stream_id"] == AVAILABILITY:
            entry["metadata"] += [
                {"breadcrumb": ["properties", "weekly"], "metadata": {"selected": False}}
            ]
    settings = settings_for(api.url, per_object_refresh_hours=24)

    assert read(inside.run(settings, chosen, first.states[-1])) == {AVAILABILITY}


def test_a_pass_that_was_ended_goes_on_at_once(api: Sandbox) -> None:
    complete = sync(api, None, "users", AVAILABILITY)
    settings = settings_for(api.url, per_object_refresh_hours=24)
    chosen = inside.catalog("users", AVAILABILITY)
    ended = inside.run(settings, chosen, aged(complete, 25), interrupt_after=9)
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


def test_a_child_without_its_parent_is_skipped_as_well(api: Sandbox) -> None:
    first = sync(api, None, AVAILABILITY)
    asked(api)

    assert sync(api, first.states[-1], AVAILABILITY).ended == "well"
    assert asked(api) == 1  # whose key it is


def test_an_hourly_run_of_a_large_account_costs_few_requests() -> None:
    sizes = {"users": 300, "booking_calendars": 150, "bookings": 10, "contacts": 10}
    with Sandbox(Account(seed=5, **sizes, nasty=False), key=KEY) as api:
        state = sync(api, None, *LISTS, SLOTS, AVAILABILITY).states[-1]
        assert asked(api) > 450
        sync(api, state, *LISTS, SLOTS, AVAILABILITY)
        cost = asked(api)
    lists = pages_of(300) + pages_of(150) + len(LISTS) - 2
    ask_whose_key_it_is, sms_promise_nothing = 1, 1
    assert cost == lists + ask_whose_key_it_is + sms_promise_nothing
