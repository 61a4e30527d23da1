"""Requests that OnceHub refuses for good: how much each of them costs."""

from __future__ import annotations

import json
import random
import time
import typing as t
from datetime import datetime, timezone

import pytest

from sandbox import Account, Sandbox
from tests.support import inside, programs, warehouse
from tests.support.streams import offered

if t.TYPE_CHECKING:
    from pathlib import Path

REFUSALS = (400, 402, 404, 409, 410, 422)
AT_MIDNIGHT = datetime(2026, 3, 4, 23, 50, tzinfo=timezone.utc).timestamp()
CHILDREN = {
    "booking_calendar_time_slots": (
        "booking_calendars", {402, 404, 422}, "/booking-calendars/*/time-slots",
    ),
    "user_scheduling_availability": ("users", {404}, "/users/*/scheduling-availability"),
    "booking": ("bookings", {404}, "/bookings/*"),
    "booking_calendar": ("booking_calendars", {404}, "/booking-calendars/*"),
}  # fmt: skip
"""Each with its parent, the statuses that may concern one object, and its path."""


def made() -> Account:
    return Account(seed=6, bookings=25, users=20, booking_calendars=20, nasty=False)


@pytest.mark.parametrize("status", REFUSALS)
def test_an_object_that_is_refused_costs_no_other(tmp_path: Path, status: int) -> None:
    account = made()
    catalog = inside.catalog(*CHILDREN)
    with Sandbox(account, key=programs.KEY, refusal=status) as api:
        run = programs.run_tap(tmp_path, programs.settings_for(api.url), catalog=catalog)
        for child, (parent, documented, _) in CHILDREN.items():
            ids = [item["id"] for item in account.objects(parent)]
            refused = [key for key in ids if account.refusal(child, key) == status]
            rows = warehouse.expected(child, offered(api, account, child))
            assert len(run.records(child)) == len(rows) > 0, child
            unread = run.state["bookmarks"][child]["unread"]
            assert unread == ([] if status in documented else refused)
            said = [line for line in run.log.splitlines() if f"({status})" in line]
            assert any(f"{child}: skipped: " in line for line in said) == (status in documented)
    every = all(status in documented for _, documented, _ in CHILDREN.values())
    assert run.status == (0 if every else 1)


@pytest.mark.parametrize("status", REFUSALS)
@pytest.mark.parametrize("child", CHILDREN)
def test_where_every_object_is_refused_the_stream_fails_unless_each_may_be_for_itself(
    child: str, status: int
) -> None:
    parent, documented, path = CHILDREN[child]
    with Sandbox(made(), key=programs.KEY) as api:
        api.faults.add(str(status), path, times=None)
        run = inside.run(programs.settings_for(api.url), inside.catalog(child, parent))
        assert api.count(status=status) == len(run.records(parent)) > 1
    assert run.ended == ("well" if status in documented else "failed")


def test_more_than_a_hundred_fail_the_stream_and_no_object_does_not() -> None:
    settings, catalog = {"page_size": 10}, inside.catalog("user_scheduling_availability")
    with Sandbox(Account(seed=6, bookings=2, users=140), key=programs.KEY) as api:
        api.faults.add("409", "/users/*", times=None)
        run = inside.run(programs.settings_for(api.url, **settings), catalog)
        assert api.count(status=409) == 101
    assert run.ended == "failed"
    assert len(json.dumps(run.states[-1])) < 4096
    with Sandbox(Account(seed=6, bookings=2, users=0), key=programs.KEY) as api:
        assert inside.run(programs.settings_for(api.url), catalog).ended == "well"


def test_another_refusal_ends_the_stream() -> None:
    with Sandbox(made(), key=programs.KEY) as api:
        api.faults.add("405", "/users/*", times=1, after=3)
        run = inside.run(
            programs.settings_for(api.url), inside.catalog("user_scheduling_availability")
        )
        assert sum(entry.path.endswith("/scheduling-availability") for entry in api.log) == 4
    assert run.ended == "failed"


@pytest.mark.parametrize("status", [404, 409])
def test_an_object_named_in_the_settings_is_refused_likewise(status: int) -> None:
    account = made()
    ids = [item["id"] for item in account.objects("bookings")]
    settings = {"booking_ids": ids}
    catalog = inside.catalog("booking", settings=settings)
    with Sandbox(account, key=programs.KEY, refusal=status) as api:
        run = inside.run(programs.settings_for(api.url, **settings), catalog)
    assert run.ended == ("well" if status == 404 else "failed")
    wanted = [key for key in ids if not account.refusal("booking", key)]
    assert [row["id"] for row in run.records("booking")] == wanted != ids


def test_objects_that_are_never_answered_do_not_hide_the_others() -> None:
    account, child = made(), "user_scheduling_availability"
    with Sandbox(account, key=programs.KEY) as api:
        settings = {"emit_activate_version_messages": True, "max_wait_seconds": 0}
        settings = programs.settings_for(api.url, **settings)
        complete = inside.run(settings, inside.catalog(child))
        broken = [item["id"] for item in account.objects("users")][5:9]
        for key in broken:
            api.faults.add("500", f"/users/{key}/scheduling-availability", times=None)
        run = inside.run(settings, inside.catalog(child))
    assert run.ended == "failed"
    assert "ACTIVATE_VERSION" not in dict(run.versions(child))
    whole = {row["user_id"] for row in complete.records(child)}
    assert {row["user_id"] for row in run.records(child)} == whole - set(broken)


@pytest.mark.parametrize("reading", ["dates", "days"])
def test_where_filters_take_dates_only_nothing_that_changed_is_missed(reading: str) -> None:
    streams = ("bookings", "contacts", "sms_notifications")
    account = Account(seed=5, bookings=60, contacts=40, nasty=False, now="2026-03-01T00:00:00Z")
    account.clock.offset_seconds = AT_MIDNIGHT - time.time()
    loaded = inside.Warehouse()
    with Sandbox(account, key=programs.KEY, time_filters=reading) as api:
        settings = programs.settings_for(api.url, page_size=7, lookback_seconds=0)
        for minutes in (0, 2, 600, 1430, 15, 15):
            account.clock.offset_seconds += 60 * minutes
            account.random_changes(random.Random(minutes), edits=9, adds=9, streams=streams)
            account.clock.offset_seconds += 5
            run = inside.run(settings, inside.catalog(*streams), loaded.state)
            assert run.ended == "well"
            loaded.load(run.messages)
            for stream in streams:
                loaded.assert_current(stream, account.objects(stream))
        asked = [entry for entry in api.log if entry.status == 400]
    assert {entry.path for entry in asked} == {
        "/v2/bookings", "/v2/contacts", "/v2/notifications/sms"
    }  # fmt: skip
    assert len(asked) == 5 * 3  # once a stream and run


@pytest.mark.parametrize(
    ("stream", "path", "settings"),
    [
        ("booking", "/bookings/*", {"booking_ids": ["first", "second"]}),
        ("booking_page_links", "/booking-pages", {}),
    ],
)
def test_what_is_refused_elsewhere_is_not_gone_either(
    stream: str, path: str, settings: dict[str, t.Any]
) -> None:
    account, catalog = made(), inside.catalog(stream)
    if "booking_ids" in settings:
        settings = {"booking_ids": [item["id"] for item in account.objects("bookings")[:2]]}
    with Sandbox(account, key=programs.KEY) as api:
        settings |= {"emit_activate_version_messages": True}
        settings = programs.settings_for(api.url, **settings)
        complete = inside.run(settings, catalog)
        api.faults.add(409, path, times=1)
        lacking = inside.run(settings, catalog, complete.states[-1])
        api.faults.add(409, path, times=None)
        none = inside.run(settings, catalog, complete.states[-1])
    # Those that the settings name are never all that there are.
    assert (complete.versions(stream)[-1][0] == "RECORD") == ("booking_ids" in settings)
    assert lacking.ended == "failed"
    assert none.ended == "failed"
    for run in (lacking, none):
        assert "ACTIVATE_VERSION" not in {kind for kind, _ in run.versions(stream)}
