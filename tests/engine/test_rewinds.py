"""A list that does not go on where it ended: the pass steps back, and ends."""

import random
from datetime import datetime, timedelta, timezone

import pytest

from tap_oncehub.engine.state import last_full_pass
from tests.engine.memory import CONFIG, DAY, SECOND, FullTable, Incremental, Server, World


def begin(order: str = "oldest", pause: timedelta = DAY) -> World:
    now = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
    server = Server(random.Random(1), now, order, "400", {}, "times")
    server.size = 5
    for _ in range(60):
        server.add()
        server.now += pause
    return World(server, {**CONFIG}, streams=(FullTable, Incremental))


@pytest.mark.parametrize("place", [3, 12, 38, 59])
@pytest.mark.parametrize("order", ["oldest", "created"])
def test_page_that_stays_broken_ends_the_stream(place: int, order: str) -> None:
    world = begin(order)
    world.server.poisoned = {f"O{place}"}
    assert world.run() == "failed"
    assert world.failures.keys() == {"full_table", "incremental"}
    assert world.server.requests < 2 * 13 * 40
    world.server.poisoned = set()
    assert world.run() == "well"
    assert len(world.tables["incremental"]) == 60


def test_objects_that_are_read_again_count_once() -> None:
    world, edits = begin("created"), 0
    server, world.streams = world.server, (Incremental,)

    def step() -> None:
        nonlocal edits
        if server.cursor == "O29" and edits < 25:
            edits += 1
            server.now += SECOND
            server.edit(server.objects["O24"])  # with which the page after O25 must begin

    assert world.run(step) == "well"
    assert edits == 25
    assert last_full_pass(world.completed["incremental"]).objects == 60


def test_full_pass_waits_for_a_run_that_may_tell_deletes() -> None:
    world = begin()
    assert world.run() == "well"
    del world.server.objects["O7"]
    world.server.now += 8 * DAY
    world.is_named = False
    before = world.server.requests
    assert world.run() == "well"
    assert world.server.requests - before < 20
    world.is_named = True
    world.server.now += DAY / 24
    assert world.run() == "well"
    assert "O7" not in world.tables["incremental"]
    assert len(world.tables["incremental"]) == 59
