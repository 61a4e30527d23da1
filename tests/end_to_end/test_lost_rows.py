"""Each of these once lost rows with exit status 0, or stuck for ever."""

import signal
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import Account, Sandbox
from tests.support import inside, kills, programs, warehouse
from tests.support.programs import KEY, settings_for
from tests.support.project import Project
from tests.support.raw import page, raw_server, response
from tests.support.streams import KEYS, offered

AVAILABILITY = "user_scheduling_availability"
AT_ONCE = {"max_wait_seconds": 0}
"""What stays broken for a minute, without the minute."""


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


# --- Meltano merges states


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


# --- bodies that are no object of the endpoint


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


# --- one object that is broken for good


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


# --- states that nobody wrote


def test_a_state_that_is_no_state_is_refused_in_one_line(tmp_path: Path, api: Sandbox) -> None:
    time = {"replication_key_value": "x" * 1_000_000}
    for state in ({"bookmarks": {"bookings": time}}, {"bookmarks": []}, {"bookings": {}}):
        run = programs.run_tap(tmp_path, settings_for(api.url), state=state)
        assert (run.status, len(run.errors), "Traceback" in run.log) == (1, 1, False), run.log
        assert len(run.log) < 2000
    assert not api.log
