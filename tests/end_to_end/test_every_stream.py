"""All nineteen streams, in DuckDB, with whatever OnceHub may send."""

from __future__ import annotations

import json
import time
import typing as t
from datetime import timedelta, timezone

import pytest

from sandbox import Account, Sandbox
from tests.support import inside, programs, warehouse
from tests.support.streams import ALL, LISTS, offered

if t.TYPE_CHECKING:
    from pathlib import Path

Switches = dict[str, t.Any]


def sync_all(api: Sandbox, folder: Path, **settings: t.Any) -> None:
    catalog = inside.catalog(*ALL, settings=settings)
    run = programs.run_tap(folder, programs.settings_for(api.url, **settings), catalog=catalog)
    assert run.status == 0, run.log
    assert max(len(json.dumps(s, separators=(",", ":"))) for s in run.states) < 4096
    programs.load(folder, run.output)


SWITCHES: dict[str, Switches] = {
    "plain": {},
    "other envelopes": {
        "time_slots_envelope": "data",
        "webhook_events": "objects",
        "has_more": "link",
        "order": "updated",
    },
    "other names": {
        "webhook_events": "strings_array",
        "order": "oldest",
        "terms_field": "terms_of_service",
        "secret_field": "signing_secret",
    },
    "neither": {
        "webhook_events": "strings",
        "has_more": "none",
        "slots_strict": True,
        "order": "updated",
    },
    "objects": {
        "webhook_events": "objects_array",
        "has_more": "denied",
        "time_filters": "days",
    },
}


@pytest.mark.parametrize("switches", SWITCHES.values(), ids=SWITCHES)
def test_every_stream_arrives_field_by_field(tmp_path: Path, switches: Switches) -> None:
    account = Account(seed=7, bookings=200, users=30, booking_calendars=12, booking_pages=100)
    with Sandbox(account, key=programs.KEY, **switches) as api:
        sync_all(api, tmp_path, time_slots_days=45)
        for stream in ALL:
            objects = offered(api, account, stream)
            assert objects or (stream == "webhook_events" and not switches), stream
            if objects:
                warehouse.assert_equal(tmp_path / "warehouse.duckdb", stream, objects)


def test_values_of_other_types_are_found_in_their_column_or_in_extra(
    tmp_path: Path,
) -> None:
    account = Account(seed=11, bookings=300)
    with Sandbox(account, key=programs.KEY, wrong_types=True) as api:
        sync_all(api, tmp_path)
        for stream in LISTS:
            found = warehouse.rows(tmp_path / "warehouse.duckdb", stream)
            objects = account.objects(stream)
            assert len(found) == len(objects)
            for item in objects:
                warehouse.assert_nothing_lost(item, found[(str(item["id"]),)])


def test_single_objects_by_their_ids_deleted_ones_included(tmp_path: Path) -> None:
    account = Account(seed=5, bookings=30, booking_calendars=5)
    gone, there = (account.objects("bookings")[i]["id"] for i in (3, 4))
    calendar = account.objects("booking_calendars")[2]["id"]
    account.delete("bookings", gone)
    settings = {"booking_ids": [gone, there, "BKNG-NONE"], "booking_calendar_ids": [calendar]}
    catalog = inside.catalog("booking", "booking_calendar", settings=settings)
    with Sandbox(account, key=programs.KEY) as api:
        made = programs.settings_for(api.url, **settings)
        run = programs.run_tap(tmp_path, made, catalog=catalog)
        assert len(api.log) == 4 + api.count("/test")
    assert run.status == 0
    assert {r["id"]: r["deleted"] for r in run.records("booking")} == {gone: True, there: None}
    assert [r["id"] for r in run.records("booking_calendar")] == [calendar]
    assert sum("BKNG-NONE" in line for line in run.log.splitlines()) == 1


def test_objects_that_are_named_in_vain_are_worth_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings = {"booking_ids": ["BKNG-1"]}
    with Sandbox(Account(seed=5, bookings=3), key=programs.KEY) as api:
        made = programs.settings_for(api.url, **settings)
        assert inside.run(made, inside.catalog("users", settings=settings)).ended == "well"
    assert "booking_ids is set, but the stream booking is not selected" in caplog.text


def test_with_only_children_selected_the_parents_are_read_but_not_written() -> None:
    children = {"booking_calendar_time_slots", "user_scheduling_availability", "booking"}
    with Sandbox(Account(seed=2, bookings=20), key=programs.KEY) as api:
        run = inside.run(programs.settings_for(api.url), inside.catalog(*children))
    assert run.ended == "well"
    assert {m["stream"] for m in run.messages if m["type"] == "RECORD"} == children
    parents = {"booking_calendars", "users", "bookings"}
    assert not any(run.states[-1]["bookmarks"].get(parent) for parent in parents)


def test_time_slots_are_asked_for_in_ranges_of_at_most_30_days(tmp_path: Path) -> None:
    account = Account(seed=9, bookings=10, booking_calendars=1)
    catalog = inside.catalog("booking_calendar_time_slots")
    with Sandbox(account, key=programs.KEY) as api:
        settings = programs.settings_for(api.url, time_slots_days=75)
        run = programs.run_tap(tmp_path, settings, catalog=catalog)
        asked = [e.query for e in api.log if e.path.endswith("/time-slots")]
    assert len(asked) == 3
    assert "start_time" not in asked[0]  # from now on
    ends = [warehouse.moment(query["end_time"]) for query in asked]
    assert [query["start_time"] for query in asked[1:]] == [q["end_time"] for q in asked[:-1]]
    assert [end - ends[0] for end in ends] == [timedelta(days=days) for days in (0, 30, 45)]
    slots = [row["start_time"] for row in run.records("booking_calendar_time_slots")]
    assert len(slots) == len(set(slots)) > 0


@pytest.mark.parametrize("ahead", [-90_000.0, 0.0, 90_000.0])
def test_slots_are_read_by_oncehubs_clock_whatever_this_machines_says(ahead: float) -> None:
    account = Account(seed=9, bookings=10, booking_calendars=3)
    account.clock.offset_seconds = ahead
    stream = "booking_calendar_time_slots"
    with Sandbox(account, key=programs.KEY, slots_strict=True) as api:
        settings = programs.settings_for(api.url, time_slots_days=31)
        run = inside.run(settings, inside.catalog(stream))
        assert run.ended == "well"
        wanted = warehouse.expected(stream, offered(api, account, stream))
        last = max(entry.query["end_time"] for entry in api.log if "end_time" in entry.query)
    found = [(row["booking_calendar_id"], row["start_time"]) for row in run.records(stream)]
    assert len(found) == len(wanted) > 0
    end = warehouse.moment(last).replace(tzinfo=timezone.utc).timestamp() - time.time() - ahead
    assert abs(end - 31 * 86400) < 60


@pytest.mark.parametrize("name", ["secret", "signing_secret"])
def test_a_webhooks_secret_is_nowhere_unless_it_is_wanted(tmp_path: Path, name: str) -> None:
    account = Account(seed=4, bookings=10, webhooks=3)
    with Sandbox(account, key=programs.KEY, secret_field=name) as api:
        secrets = [item[name] for item in account.objects("webhooks")]
        assert any(secrets)
        catalog = inside.catalog("webhooks")
        run = programs.run_tap(tmp_path, programs.settings_for(api.url), catalog=catalog)
        assert "secret" not in run.output.decode()
        assert not any(secret in run.output.decode() for secret in secrets if secret)
        wanted = {"include_webhook_secrets": True}
        catalog = inside.catalog("webhooks", settings=wanted)
        settings = programs.settings_for(api.url, **wanted)
        run = programs.run_tap(tmp_path, settings, catalog=catalog)
    found = [(row["_extra"] or {}).get(name, row.get(name)) for row in run.records("webhooks")]
    assert found == secrets


def test_half_of_a_surrogate_pair_becomes_a_replacement_character(
    tmp_path: Path,
) -> None:
    account = Account(seed=6, bookings=120)
    catalog = inside.catalog(*LISTS)
    with Sandbox(account, key=programs.KEY, lone_surrogates=True) as api:
        run = programs.run_tap(tmp_path, programs.settings_for(api.url), catalog=catalog)
    assert run.status == 0, run.log
    assert len(run.records("bookings")) == 120
    assert "\ufffd" in json.dumps(run.records("bookings"), ensure_ascii=False)
    programs.load(tmp_path, run.output)
