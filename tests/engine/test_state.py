"""What random histories do not tell: states, clocks, start dates, lists that move, by the case."""

import json
import random
import typing as t
from datetime import datetime, timezone

import pytest

from tap_oncehub.engine.plan import Clocks, Plan
from tap_oncehub.engine.state import MAX_UNREAD, last_full_pass, prepare
from tap_oncehub.engine.sync_pass import SyncPass, due_passes
from tests.engine import memory
from tests.engine.memory import CONFIG, DAY, SECOND, Filtered, FullTable, Incremental, Slots, World

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


def world(*streams: t.Any, users: int = 0, objects: int = 0, order: str = "created") -> World:
    """A server with objects of a day each."""
    server = memory.Server(random.Random(1), NOW, order, "400", "has_more link", "times")
    server.size = 5
    for kind in ["users"] * users + ["objects"] * objects:
        server.add(kind)
        server.now += DAY
    return World(server, {**CONFIG}, streams=streams)


HOSTILE: tuple[dict[str, t.Any], ...] = (
    {"resume": [["x" * 20]] * 100_000},
    {"resume": [1, "updated", 0, ["a", "b"], [], None, None, None, 0, [["x" * 1_000_000]]]},
    {"resume": [1, "updated", 0, ["a", "b"], [], None, None, None, 0, [["x"]] * 6]},
    {"full_pass": [2**60, ["a", "b"], 1, ""]},
    {"full_pass": [1, ["a", "b"], 10**400, ""]},
    {"unread": [1]},
    {"unread": None, "full_pass": 0, "resume": {}, "wide_read": ""},
    {"unread": ["x"] * (MAX_UNREAD + 1)},
    {"foreign": "x" * 1_000_000},
    {**BOOKMARK, "replication_key_value": "2027-03-08T12:00:01Z"},  # later than now
)


@pytest.mark.parametrize("state", HOSTILE)
def test_prepare_hostile_state(state: dict[str, t.Any]) -> None:
    found = prepared(state)
    assert len(json.dumps(found)) < 400
    assert [sync_pass.since for sync_pass in passes(found)] == [None]


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
    plan = Plan("updated", start_date=wanted)
    assert passes(found, plan)[0].since == since
    # Where a whole day is asked for, what is older than the start date is left out.
    assert plan.is_wanted({"updated": "2027-01-31T23:59:59Z"}) == (wanted is None)


TEN, FIVE_TO = "2027-03-08T10:00:00.000Z", "2027-03-08T09:55:00.000Z"
NINE = "2027-03-08T09:00:00.000Z"


@pytest.mark.parametrize(
    ("bookmark", "digest", "start", "since"),
    [
        ({}, "a", "2027-03-08T09:00:00Z", FIVE_TO),  # it goes on
        ({}, "a", "2027-03-08T09:01:00Z", FIVE_TO),
        ({}, "a", "2027-03-08T08:59:00Z", TEN),  # it left rows out
        ({}, "a", None, TEN),
        ({}, "b", "2027-03-08T09:00:00Z", TEN),  # its rows would be others
        ({"replication_key_value": "2027-03-08T09:00:00Z"}, "a", NINE, NINE),
        ({"replication_key": "created"}, "a", None, None),
    ],
)
def test_pass_that_no_longer_fits_is_not_resumed(
    bookmark: dict[str, t.Any], digest: str, start: str | None, since: str | None
) -> None:
    resume = [3, "updated a", 0, ["", ""], [], FIVE_TO, None, None, 5, [["O5"]], NINE]
    found = prepared({**BOOKMARK, **bookmark, "wide_read": CLOCKS.days, "resume": resume})
    plan = Plan("updated", digest=digest, start_date=start)
    assert passes(found, plan)[0].since == since


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


def test_named_object_that_is_unread_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Slots, "ids_setting", "ids")
    here = world(Slots, objects=3)
    here.config["ids"] = ["O1"]
    with monkeypatch.context() as broken:
        broken.setattr(here.server, "one", lambda _: memory.refuse(500))
        assert here.run() == "failed"
    before = here.server.requests
    assert here.run() == "well"
    assert here.server.requests == before + 1


def edit_all(here: World) -> None:
    for row in here.server.objects.values():
        here.server.edit(row)
        row["hosts"] = set(here.server.users)


def test_filter_that_is_unread_stays_so_until_it_is_read_whole() -> None:
    here = world(Filtered, users=2, objects=3)
    assert here.run() == "well"
    here.server.now += DAY / 12
    edit_all(here)
    asked, fails = f"host={next(iter(here.server.users))}", [True, True]
    page = here.server.page

    def broken(path: str, value: str | None, *more: t.Any) -> t.Any:
        if value == asked and fails and fails.pop():
            memory.refuse(500)
        return page(path, value, *more)

    here.server.page = broken
    # It fails while the other moves the bookmark, then first thing in the next run.
    for ended in ("failed", "failed", "well"):
        assert here.run() == ended
        here.server.now += 60 * SECOND
    found = {key: value for key, (value, _) in here.tables["filtered"].items()}
    assert found == {
        (one, user): row["v"] for one, row in here.server.objects.items() for user in row["hosts"]
    }


def test_value_that_is_new_while_the_values_are_read_counts_from_the_beginning() -> None:
    here = world(Filtered, users=2, objects=1)
    edit_all(here)
    page = here.server.page

    def late(path: str, *more: t.Any) -> t.Any:
        answer = page(path, *more)
        if path == "/users" and len(here.server.users) == 2:
            here.server.now += 5 * SECOND
            here.server.add("users")
            edit_all(here)
            here.server.now += 5 * SECOND
        return answer

    here.server.page = late
    for _ in range(2):
        assert here.run() == "well"
        here.server.now += 60 * SECOND
    assert {user for _, user in here.tables["filtered"]} == set(here.server.users)


@pytest.mark.parametrize("place", [3, 12, 38, 59])
@pytest.mark.parametrize("order", ["oldest", "created"])
def test_page_that_stays_broken_ends_the_stream(place: int, order: str) -> None:
    here = world(FullTable, Incremental, objects=60, order=order)
    here.server.poisoned = {f"O{place}"}
    assert here.run() == "failed"
    assert here.failures.keys() == {"full_table", "incremental"}
    assert here.server.requests < 2 * 13 * 40
    here.server.poisoned = set()
    assert here.run() == "well"
    assert len(here.tables["incremental"]) == 60


def test_objects_that_are_read_again_count_once() -> None:
    here, edits = world(Incremental, objects=60), 0
    server = here.server

    def step() -> None:
        nonlocal edits
        if server.cursor == "O29" and edits < 25:
            edits += 1
            server.now += SECOND
            server.edit(server.objects["O24"])  # with which the page after O25 must begin

    assert here.run(step) == "well"
    assert edits == 25
    assert last_full_pass(here.completed["incremental"]).objects == 60


def test_without_a_date_the_newest_key_tells_when_a_pass_began() -> None:
    here, edited = world(Incremental, objects=60), False
    here.dates, here.offset = "none", DAY / 24
    server = here.server

    def step() -> None:
        nonlocal edited
        if server.cursor == "O29" and not edited:
            edited = True
            for name in ("O50", "O10"):  # one that was read before, then one that comes later
                server.now += 60 * SECOND
                server.edit(server.objects[name])

    assert here.run() == "well"
    server.now += 8 * DAY
    assert here.run(step) == "well"
    assert edited
    server.now += 60 * SECOND
    assert here.run() == "well"
    assert here.tables["incremental"]["O50"][0] == server.objects["O50"]["v"]


def test_full_pass_waits_for_a_run_that_may_tell_deletes() -> None:
    here = world(Incremental, objects=60, order="oldest")
    assert here.run() == "well"
    del here.server.objects["O7"]
    here.server.now += 8 * DAY
    here.is_named = False
    before = here.server.requests
    assert here.run() == "well"
    assert here.server.requests - before < 6
    here.is_named = True
    here.server.now += DAY / 24
    assert here.run() == "well"
    assert "O7" not in here.tables["incremental"]
    assert len(here.tables["incremental"]) == 59
