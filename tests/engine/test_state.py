"""What becomes of states, clocks and start dates, case by case."""

import json
import random
import typing as t
from datetime import datetime, timedelta, timezone

import pytest

from tap_oncehub.engine.errors import EndpointError
from tap_oncehub.engine.plan import Clocks, Plan
from tap_oncehub.engine.readers import ListMovedError, Page
from tap_oncehub.engine.state import MAX_UNREAD, prepare
from tap_oncehub.engine.sync_pass import SyncPass, due_passes
from tests.engine.memory import (
    CONFIG,
    DAY,
    Filtered,
    Incremental,
    MemoryStream,
    Server,
    Slots,
    World,
)

NOW = datetime(2027, 3, 8, 12, tzinfo=timezone.utc)
CLOCKS = Clocks(NOW, NOW)
WEEK = Plan("updated", versioned=True, max_age=7 * DAY)
BOOKMARK = {"replication_key": "updated", "replication_key_value": "2027-03-08T10:00:00Z"}


def prepared(state: t.Any) -> dict[str, t.Any]:
    state = dict(state)
    prepare(state, "updated", lambda _: None)
    return state


def passes(state: t.Any, plan: Plan = WEEK, clocks: Clocks = CLOCKS) -> list[SyncPass]:
    return list(due_passes(state, plan, clocks, lambda _: None))


def world(*streams: type[MemoryStream], users: int = 0, objects: int = 0) -> World:
    server = Server(random.Random(1), NOW, "created", "400", {}, "times")
    server.size = 4
    for _ in range(users):
        server.add("users")
    for _ in range(objects):
        server.add()
    return World(server, {**CONFIG}, streams=streams)


HOSTILE: tuple[dict[str, t.Any], ...] = (
    {"resume": [["x" * 20]] * 100_000},
    {"resume": [1, "updated", 0, ["a", "b"], [], None, None, None, 0, [["x" * 1_000_000]]]},
    {"resume": [1, "updated", 0, ["a", "b"], [], None, None, None, 0, [["x"]] * 6]},
    {"full_pass": [2**60, ["a", "b"], 1, ""]},
    {"unread": [1]},
    {"unread": None, "full_pass": 0, "resume": {}, "wide_read": ""},
    {"unread": ["x"] * (MAX_UNREAD + 1)},
    {"foreign": "x" * 1_000_000},
)


@pytest.mark.parametrize("state", HOSTILE)
def test_prepare_hostile_state(state: dict[str, t.Any]) -> None:
    found = prepared(state)
    assert len(json.dumps(found)) < 400
    assert [sync_pass.since for sync_pass in passes(found)] == [None]


def test_prepare_state_of_before() -> None:
    merged = {
        **BOOKMARK,
        "checkpoint": {"cursors": ["B1"], "filter": "x"},
        "complete_pass": {"began": "2027-03-08T10:00:00Z"},
        "version": 1,
    }
    found = prepared(merged)
    assert found == {**prepared({}), **BOOKMARK}
    (sync_pass,) = passes(found)
    assert sync_pass.since == "2027-03-07T00:00:00.000Z"  # the first of the day
    assert sync_pass.record_version


@pytest.mark.parametrize("stuck", [0, 1, None])
def test_full_pass_is_due_by_either_clock(stuck: int | None) -> None:
    found = prepared(BOOKMARK)
    passes(found)  # an old bookmark without one: it is due after its days
    assert not WEEK.is_full_pass_due(found, Clocks(*(clock + 6 * DAY for clock in CLOCKS)))
    clocks = [NOW if place == stuck else clock + 7 * DAY for place, clock in enumerate(CLOCKS)]
    assert WEEK.is_full_pass_due(found, Clocks(*clocks))


@pytest.mark.parametrize(
    ("covered", "wanted", "since"),
    [
        (None, None, "2027-03-08T10:00:00.000Z"),
        ("2027-03-01T00:00:00Z", None, None),
        ("2027-03-01T00:00:00Z", "2027-02-01T00:00:00Z", "2027-01-30T00:00:00.000Z"),
        ("2027-03-01T00:00:00Z", "2027-03-01T01:00:00+01:00", "2027-03-08T10:00:00.000Z"),
        ("2027-03-01T00:00:00Z", "2027-03-02T00:00:00Z", "2027-03-08T10:00:00.000Z"),
        (None, "2027-03-09T00:00:00Z", "2027-03-08T23:59:59.999Z"),
    ],
)
def test_start_date_moves(covered: str | None, wanted: str | None, since: str | None) -> None:
    found = prepared({**BOOKMARK, "start_date": covered, "wide_read": CLOCKS.days})
    assert passes(found, Plan("updated", start_date=wanted))[0].since == since


def test_twelve_rewinds_step_back_one_more_each() -> None:
    (full,) = passes(prepared({}))
    asked = []

    def read(position: t.Any) -> t.Iterator[Page]:
        asked.append(position)
        msg = "moved"
        raise ListMovedError(msg)
        yield

    with pytest.raises(EndpointError, match="faster"):
        list(full.pages(read))
    assert len(asked) == 13


def test_less_than_half_tells_no_deletes_until_confirmed() -> None:
    here = world(Incremental, objects=9)
    assert here.run() == "well"
    for one in list(here.server.objects)[:6]:
        del here.server.objects[one]
    for _ in range(2):
        here.server.now += 8 * DAY
        assert here.run() == "failed"
        assert len(here.tables["incremental"]) == 9
    here.server.now += DAY
    assert here.run(refresh=True) == "well"
    assert here.tables["incremental"].keys() == here.server.objects.keys()


def test_unread_holds_a_hundred_over_all_streams() -> None:
    here = world(Slots, objects=MAX_UNREAD + 1)
    here.server.broken = dict.fromkeys(here.server.objects, 500)
    here.server.rng.random = lambda: 0.1  # type: ignore[method-assign]
    assert here.run() == "failed"
    assert "more than 100" in str(here.failures["slots"])
    assert len(here.partial["slots"]["unread"]) == MAX_UNREAD


def test_filter_that_is_unread_stays_so_until_it_is_read_whole() -> None:
    here = world(Filtered, users=2, objects=3)
    assert here.run() == "well"
    here.server.now += timedelta(hours=2)
    for row in here.server.objects.values():
        here.server.edit(row)
        row["hosts"] = set(here.server.users)
    asked = f"host={next(iter(here.server.users))}"
    fails, page = [True, True], here.server.page

    def broken(path: str, value: str | None, *rest: t.Any) -> t.Any:
        if value == asked and fails and fails.pop():
            msg = "broken"
            raise EndpointError(msg)
        return page(path, value, *rest)

    here.server.page = broken  # type: ignore[method-assign]
    # It fails while the other moves the bookmark, then first thing in the next run.
    for ended in ("failed", "failed", "well"):
        assert here.run() == ended
        here.server.now += timedelta(minutes=1)
    found = {key: value for key, (value, _) in here.tables["filtered"].items()}
    assert found == {
        (one, user): row["v"] for one, row in here.server.objects.items() for user in row["hosts"]
    }


def test_value_that_is_new_while_the_values_are_read_counts_from_the_beginning() -> None:
    here = world(Filtered, users=2, objects=1)
    (row,) = here.server.objects.values()
    row["hosts"] = set(here.server.users)
    page = here.server.page

    def late(path: str, value: str | None, *rest: t.Any) -> t.Any:
        answer = page(path, value, *rest)
        if path == "/users" and len(here.server.users) == 2:
            here.server.now += 5 * timedelta(seconds=1)
            here.server.add("users")
            here.server.edit(row)
            row["hosts"] = set(here.server.users)
            here.server.now += 5 * timedelta(seconds=1)
        return answer

    here.server.page = late  # type: ignore[method-assign]
    for _ in range(2):
        assert here.run() == "well"
        here.server.now += timedelta(minutes=1)
    assert {user for _, user in here.tables["filtered"]} == set(here.server.users)
