"""Each of these once lost rows with exit status 0, or stuck for ever."""

from __future__ import annotations

import json
import signal
import subprocess
import typing as t

import pytest

from sandbox import Account, Sandbox
from tests.support import inside, kills, programs, warehouse
from tests.support.programs import KEY, settings_for
from tests.support.project import Project
from tests.support.raw import page, raw_server, response
from tests.support.streams import KEYS, offered

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AVAILABILITY = "user_scheduling_availability"
AT_ONCE = {"max_wait_seconds": 0}
"""What stays broken for a minute, without the minute."""
MERGE = """
import functools, json, sys
from meltano.core.utils import merge
print(json.dumps(functools.reduce(lambda old, new: merge(new, old), json.load(sys.stdin))))
"""


@pytest.fixture
def account() -> Account:
    account = Account(seed=4, bookings=150, users=12, nasty=False, now="2026-03-01T12:00:00Z")
    account.clock.offset_seconds = -3600  # never later than this machine's clock
    return account


@pytest.fixture
def api(account: Account) -> Iterator[Sandbox]:
    with Sandbox(account, key=KEY) as running:
        yield running


def ids(rows: t.Iterable[dict[str, t.Any]]) -> list[str]:
    return [row["id"] for row in rows]


def unread(state: inside.State) -> list[str]:
    return [key for bookmark in state["bookmarks"].values() for key in bookmark.get("unread", [])]


def edit_many(account: Account) -> None:
    for key in ids(account.objects("bookings"))[:80]:
        account.edit("bookings", key, subject="edited")


# --- 1. Meltano merges states


def merged(*states: inside.State) -> inside.State:
    """Merge states, the oldest first, with Meltano's own function."""
    python = programs.MELTANO.resolve().with_name("python")
    given = json.dumps(states).encode()
    done = subprocess.run([python, "-c", MERGE], input=given, capture_output=True, check=True)
    return t.cast("inside.State", json.loads(done.stdout))


@pytest.mark.parametrize("after", [0, 12 * 10])
def test_a_refresh_that_was_stopped_goes_on_from_merged_states(
    api: Sandbox, account: Account, after: int
) -> None:
    settings, catalog = settings_for(api.url, page_size=10), inside.catalog("bookings")
    complete = inside.run(settings, catalog).states[-1]
    edit_many(account)
    api.faults.add("500", "/bookings", after=5, times=None)
    failed = inside.run(settings | AT_ONCE, catalog, complete)
    assert failed.ended == "failed"
    api.faults.clear()
    loaded = inside.Warehouse()  # it was deleted
    refresh = inside.run(settings, catalog, kill_after=after or 3)
    loaded.load(refresh.messages)
    state = merged(complete, failed.states[-1], *refresh.states)
    run = inside.run(settings, catalog, state)
    loaded.load(run.messages)
    assert run.ended == "well"
    loaded.assert_current("bookings", account.objects("bookings"))


@pytest.mark.slow
def test_a_refresh_with_meltano_that_was_stopped_goes_on(tmp_path: Path, account: Account) -> None:
    with Sandbox(account, key=KEY) as api:
        project = Project(
            tmp_path / "project",
            api.url,
            TAP_ONCEHUB_PAGE_SIZE="10",
            TAP_ONCEHUB_MAX_WAIT_SECONDS="0",
            TARGET_DUCKDB_BATCH_SIZE_ROWS="20",
        )
        assert project.run().status == 0
        edit_many(account)
        api.faults.add("500", "/bookings", after=5, times=None)
        assert project.run().status == 1
        api.faults.clear()
        project.database.unlink()
        with kills.holding_back(api, "/bookings", 12) as asked:
            pair = ("--full-refresh", "tap-oncehub", "target-duckdb")
            project.kill(asked, *pair, number=signal.SIGINT)
        run = project.run()
        assert run.status == 0, run.log
    warehouse.assert_equal(project.database, "bookings", account.objects("bookings"))


# --- 2. refused once


@pytest.mark.parametrize(
    ("stream", "query", "statuses"),
    [("booking_hosts", "host=*", ("400", "404", "409")), ("booking", None, ("400", "409"))],
)
def test_what_was_refused_once_comes_in_the_next_run(
    api: Sandbox, account: Account, stream: str, query: str | None, statuses: tuple[str, ...]
) -> None:
    settings, catalog = settings_for(api.url), inside.catalog(stream)
    path = "/bookings" if query else "/bookings/*"
    everything = {
        tuple(row[name] for name in KEYS[stream]) for row in offered(api, account, stream)
    }
    for status in statuses:
        loaded = inside.Warehouse()
        fault = api.faults.add(status, path, query=query, after=2)
        first = inside.run(settings, catalog)
        loaded.load(first.messages)
        assert (first.ended, fault.hits) == ("failed", 1)
        assert len(unread(loaded.state)) == 1
        assert len(loaded.tables[stream]) < len(everything)
        api.reset_log()
        second = inside.run(settings, catalog, loaded.state)
        loaded.load(second.messages)
        assert (second.ended, unread(loaded.state)) == ("well", [])
        assert set(loaded.tables[stream]) == everything
        assert len(api.log) < 20


# --- 3. bodies that are no object of the endpoint


NO_SCHEDULES: list[t.Any] = [
    {"type": "api_error", "message": "busy"},
    {"data": {"object": "schedule", "timezone": "UTC", "weekly": [], "overrides": []}},
    [], 0, False, "", "busy", [{"timezone": "UTC"}],
]  # fmt: skip
NOT_THE_OBJECT: list[tuple[str, str, t.Any]] = [
    *((AVAILABILITY, "/users/X-1/scheduling-availability", body) for body in NO_SCHEDULES),
    *(
        ("booking_calendar_time_slots", "/booking-calendars/X-1/time-slots", body)
        for body in ({"type": "api_error"}, {}, None, 0, {"data": {}}, [0], [[]])
    ),
    *(("booking", "/bookings/X-1", body) for body in ({"type": "api_error"}, {}, [], None, 0)),
    *(("booking_calendar", "/booking-calendars/X-1", body) for body in ({"data": {}}, [], "")),
]


@pytest.mark.parametrize(("stream", "path", "body"), NOT_THE_OBJECT)
def test_a_body_that_is_not_the_endpoints_object_changes_no_row(
    stream: str, path: str, body: t.Any
) -> None:
    lists = {"/users", "/bookings", "/booking-calendars"}
    when = {"last_updated_time": "2026-01-01T00:00:00Z"}
    found = {
        AVAILABILITY: {"timezone": "UTC", "weekly": [], "overrides": []},
        "booking_calendar_time_slots": [{"start_time": "2026-01-01T00:00:00Z"}],
    }.get(stream, {"id": "X-1"} | when)
    answers = [found]

    def script(asked: str, _query: dict[str, str]) -> bytes:
        if asked in lists:
            return response(page({"id": "X-1"} | when))
        return response(answers[0]) if asked == path else b""

    loaded, catalog = inside.Warehouse(), inside.catalog(stream)
    with raw_server(script) as server:
        settings = settings_for(server.url, emit_activate_version_messages=True, time_slots_days=1)
        loaded.load(inside.run(settings, catalog).messages)
        rows = dict(loaded.tables[stream])
        assert len(rows) == 1
        answers[0] = body
        again = {"per_object_refresh_hours": 0, "lookback_seconds": 60}
        run = inside.run(settings | AT_ONCE | again, catalog, loaded.state)
        loaded.load(run.messages)
        assert run.ended == "failed"
        assert loaded.tables[stream] == rows
        assert unread(loaded.state) == ["X-1"]
        answers[0] = found
        assert inside.run(settings, catalog, loaded.state).ended == "well"


# --- 4. a cursor whose object was deleted


LOST = ("500", "409", "403", "404", "html", "data_null", "empty", "410")


@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize("answer", LOST)
def test_a_cursor_that_is_lost_costs_no_row_however_it_is_answered(
    api: Sandbox, account: Account, answer: str, *, killed: bool
) -> None:
    settings = settings_for(api.url, page_size=10, **AT_ONCE)
    catalog, objects = inside.catalog("bookings"), ids(account.objects("bookings"))
    sixth_page = 2 + 6 * 10 + 1  # messages
    cursor = objects[6 * 9 - 1]

    def delete(_: inside.Message, number: int) -> None:
        if number == sixth_page - 1:
            account.delete("bookings", cursor)
            api.faults.add(answer, "/bookings", query=f"after={cursor}", times=None)

    loaded = inside.Warehouse()
    first = inside.run(settings, catalog, watch=delete, kill_after=sixth_page if killed else None)
    loaded.load(first.messages)
    assert first.ended == ("killed" if killed else "well")
    run = inside.run(settings, catalog, loaded.state)
    loaded.load(run.messages)
    assert run.ended == "well"
    assert {entry.fault for entry in api.log} >= {answer}
    loaded.assert_current("bookings", account.objects("bookings"))


# --- 5. one object that is broken for good


@pytest.mark.parametrize("stream", ["booking", "conversations"])
def test_an_object_that_never_answers_costs_one_request_a_run(
    api: Sandbox, account: Account, stream: str
) -> None:
    settings, catalog = settings_for(api.url, **AT_ONCE), inside.catalog(stream)
    key = {"booking": ids(account.objects("bookings"))[7]}.get(stream)
    key = key or str(account.conversations()[3]["bookings"][0])
    api.faults.add("500", f"/bookings/{key}", times=None)
    if stream == "conversations":
        api.faults.add("500", "/bookings", query="expand", times=None)
    loaded, costs = inside.Warehouse(), []
    for _ in range(3):
        api.reset_log()
        run = inside.run(settings, catalog, loaded.state)
        loaded.load(run.messages)
        costs.append(len(api.log))
        assert run.ended == "failed"
        assert unread(loaded.state) == [key]
        assert loaded.state["bookmarks"][stream]["replication_key_value"]
        assert api.count(f"/bookings/{key}") == 1
    assert costs[-1] <= 4
    assert costs[0] > 10
    api.faults.clear()
    loaded.load(inside.run(settings, catalog, loaded.state).messages)
    assert unread(loaded.state) == []
    wanted = {tuple(row[name] for name in KEYS[stream]) for row in offered(api, account, stream)}
    assert set(loaded.tables[stream]) == wanted


# --- 6. a filter that takes no time


@pytest.mark.parametrize("status", ["400", "422"])
def test_where_a_time_is_refused_in_any_way_the_date_is_tried(
    api: Sandbox, account: Account, status: str
) -> None:
    settings, catalog = settings_for(api.url, **AT_ONCE), inside.catalog("bookings")
    loaded = inside.Warehouse()
    loaded.load(inside.run(settings, catalog).messages)
    fault = api.faults.add(status, "/bookings", query="last_updated_time.gt=*T*", times=None)
    edit_many(account)
    run = inside.run(settings, catalog, loaded.state)
    loaded.load(run.messages)
    assert (run.ended, fault.hits) == ("well", 1)
    loaded.assert_current("bookings", account.objects("bookings"))
    api.faults.add(status, "/bookings", query="last_updated_time.gt", times=None)
    api.reset_log()
    assert inside.run(settings, catalog, loaded.state).ended == "failed"
    assert api.count("/bookings") == 2


# --- 7. states that nobody wrote


NO_ID = "BKNG-000000000000"
SAVED = [1, "last_updated_time", 0, ["2026-01-01T00:00:00Z"] * 2, [], None, None, None, 0]
HOSTILE: dict[str, dict[str, t.Any]] = {
    "cursors of an older version": {
        "checkpoint": {"version": 1, "kind": "incremental", "cursors": [NO_ID] * 100_000}
    },
    "many positions": {"resume": [*SAVED, [[NO_ID, None, None, None]] * 100_000]},
    "lost positions": {
        "resume": [*SAVED, [[f"{NO_ID}{n}", f"{NO_ID}{n}", None, None] for n in range(5)]]
    },
    "a long text": {"resume": [*SAVED, [["x" * 1_000_000, None, None, None]]]},
    "no positions": {"resume": [*SAVED, []]},
    "another form": {"resume": [99, {}, [], "x"]},
    "many unread": {"unread": [f"{NO_ID}{n}" for n in range(100_000)]},
    "a late version": {"full_pass": [2**60, ["2026-01-01T00:00:00Z"] * 2, 5, ""]},
    "no times": {"wide_read": ["x", "y"], "full_pass": [5, ["x", "y"], -3, ""]},
    "dictionaries": {"resume": {"a": 1}, "unread": {"b": []}, "wide_read": {}, "full_pass": {}},
    "other types": {"resume": "x", "unread": 7, "wide_read": True, "full_pass": [None]},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_state_is_ignored_and_costs_no_more_than_a_first_sync(
    api: Sandbox, account: Account, name: str
) -> None:
    settings = settings_for(api.url, page_size=10, emit_activate_version_messages=True)
    state = {"bookmarks": {"bookings": HOSTILE[name]}}
    loaded = inside.Warehouse()
    run = inside.run(settings, inside.catalog("bookings"), state)
    loaded.load(run.messages)
    assert run.ended == "well"
    assert api.count("/bookings") <= programs.pages_of(150, 10) + 6
    loaded.assert_current("bookings", account.objects("bookings"))
    assert len(json.dumps(loaded.state)) < 4096


def test_a_state_that_is_no_state_is_refused_in_one_line(tmp_path: Path, api: Sandbox) -> None:
    time = {"replication_key_value": "x" * 1_000_000}
    for state in ({"bookmarks": {"bookings": time}}, {"bookmarks": []}, {"bookings": {}}):
        run = programs.run_tap(tmp_path, settings_for(api.url), state=state)
        assert (run.status, len(run.errors), "Traceback" in run.log) == (1, 1, False), run.log
        assert len(run.log) < 2000
    assert not api.log
