"""All nineteen streams, in DuckDB, with whatever OnceHub may send."""

import json
import re
import time
import typing as t
from datetime import timedelta, timezone
from pathlib import Path

import pytest

from sandbox import Account, Sandbox
from tests.support import inside, programs, warehouse
from tests.support.streams import ALL, LISTS, offered

Switches = dict[str, t.Any]
SLOTS = "booking_calendar_time_slots"
SWITCHES: dict[str, Switches] = {
    "plain": {},
    "other envelopes": {
        "time_slots_envelope": "data",
        "webhook_events": "objects",
        "has_more": "link",
        "order": "updated",
        "terms_field": "terms_of_service",
        "secret_field": "signing_secret",
    },
    "neither": {
        "webhook_events": "strings_array",
        "has_more": "none",
        "slots_strict": True,
        "order": "oldest",
        "time_filters": "days",
    },
}


@pytest.mark.parametrize("switches", SWITCHES.values(), ids=SWITCHES)
def test_every_stream_arrives_field_by_field(tmp_path: Path, switches: Switches) -> None:
    account = Account(seed=7, bookings=110, users=15, booking_calendars=8, booking_pages=40)
    with Sandbox(account, key=programs.KEY, **switches) as api:
        run = inside.spawn(tmp_path, api, *ALL, time_slots_days=45)
        assert run.status == 0, run.log
        assert max(len(json.dumps(s, separators=(",", ":"))) for s in run.states) < 4096
        programs.load(tmp_path, run.output)
        for stream in ALL:
            objects = offered(api, account, stream)
            assert objects or (stream == "webhook_events" and not switches), stream
            if objects:
                warehouse.assert_equal(tmp_path / "warehouse.duckdb", stream, objects)


@pytest.mark.parametrize("form", ["objects_array", "strings"])
def test_webhook_events_of_any_form(form: str) -> None:
    account, stream = Account(seed=7, bookings=2), "webhook_events"
    with Sandbox(account, key=programs.KEY, webhook_events=form) as api:
        run = inside.sync(api, stream)
        assert len(run.records(stream)) == len(offered(api, account, stream)) > 0


def test_values_of_other_types_and_half_characters_arrive(tmp_path: Path) -> None:
    """In their column or in _extra, and as replacement characters."""
    account = Account(seed=11, bookings=200)
    with Sandbox(account, key=programs.KEY, wrong_types=True, lone_surrogates=True) as api:
        run = inside.spawn(tmp_path, api, *LISTS)
        assert run.status == 0, run.log
        assert "\ufffd" in json.dumps(run.records("bookings"), ensure_ascii=False)
        programs.load(tmp_path, run.output)
        for stream in LISTS:
            found = warehouse.rows(tmp_path / "warehouse.duckdb", stream)
            text = json.dumps(account.objects(stream), ensure_ascii=False)
            objects = json.loads(re.sub("[\ud800-\udfff]", "\ufffd", text))
            assert len(found) == len(objects)
            for item in objects:
                warehouse.assert_nothing_lost(item, found[(str(item["id"]),)])


def test_single_objects_by_their_ids_deleted_ones_included(tmp_path: Path) -> None:
    account = Account(seed=5, bookings=30, booking_calendars=5)
    gone, there = (account.objects("bookings")[i]["id"] for i in (3, 4))
    calendar = account.objects("booking_calendars")[2]["id"]
    account.delete("bookings", gone)
    settings = {"booking_ids": [gone, there, "BKNG-NONE"], "booking_calendar_ids": [calendar]}
    with Sandbox(account, key=programs.KEY) as api:
        run = inside.spawn(tmp_path, api, "booking", "booking_calendar", **settings)
        assert len(api.log) == 4 + api.count("/test")
        vain = inside.spawn(tmp_path, api, "users", **settings)
    assert run.status == 0
    assert {r["id"]: r["deleted"] for r in run.records("booking")} == {gone: True, there: None}
    assert [r["id"] for r in run.records("booking_calendar")] == [calendar]
    assert sum("BKNG-NONE" in line for line in run.log.splitlines()) == 1
    assert "booking_ids is set, but the stream booking is not selected" in vain.log


def test_with_only_children_selected_the_parents_are_read_but_not_written() -> None:
    children = {SLOTS, "user_scheduling_availability", "booking"}
    with Sandbox(Account(seed=2, bookings=20), key=programs.KEY) as api:
        run = inside.sync(api, *children)
    assert run.ended == "well"
    assert {m["stream"] for m in run.messages if m["type"] == "RECORD"} == children
    parents = {"booking_calendars", "users", "bookings"}
    assert not any(run.states[-1]["bookmarks"].get(parent) for parent in parents)


@pytest.mark.parametrize("ahead", [-90_000.0, 0.0, 90_000.0])
def test_slots_are_asked_for_by_oncehubs_clock_in_ranges_of_at_most_30_days(ahead: float) -> None:
    account = Account(seed=9, bookings=10, booking_calendars=1)
    account.clock.offset_seconds = ahead
    with Sandbox(account, key=programs.KEY, slots_strict=True) as api:
        run = inside.sync(api, SLOTS, time_slots_days=75)
        assert run.ended == "well"
        wanted = warehouse.expected(SLOTS, offered(api, account, SLOTS))
        asked = [e.query for e in api.log if e.path.endswith("/time-slots")]
    assert len(asked) == 3
    assert "start_time" not in asked[0]  # from now on
    ends = [warehouse.moment(query["end_time"]) for query in asked]
    assert [query["start_time"] for query in asked[1:]] == [q["end_time"] for q in asked[:-1]]
    assert [end - ends[0] for end in ends] == [timedelta(days=days) for days in (0, 30, 45)]
    now = time.time() + ahead
    assert abs(ends[-1].replace(tzinfo=timezone.utc).timestamp() - now - 75 * 86400) < 60
    slots = [row["start_time"] for row in run.records(SLOTS)]
    assert len(slots) == len(set(slots)) == len(wanted) > 0


@pytest.mark.parametrize("name", ["secret", "signing_secret"])
def test_a_webhooks_secret_is_nowhere_unless_it_is_wanted(name: str) -> None:
    account = Account(seed=4, bookings=10, webhooks=3)
    with Sandbox(account, key=programs.KEY, secret_field=name) as api:
        secrets = [item[name] for item in account.objects("webhooks")]
        assert any(secrets)
        written = inside.sync(api, "webhooks").output.decode()
        run = inside.sync(api, "webhooks", include_webhook_secrets=True)
    assert "secret" not in written
    assert not any(secret in written for secret in secrets if secret)
    found = [(row["_extra"] or {}).get(name, row.get(name)) for row in run.records("webhooks")]
    assert found == secrets
