"""Random histories in memory end in equality, whatever happens in between."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest

from tests.engine import memory
from tests.engine.memory import CONFIG, DAY, ORDERS, SECOND, STREAMS, Killed, Server, World

OFFSETS = (timedelta(0), timedelta(0), timedelta(hours=1), timedelta(hours=-1), -300 * DAY)


def play(seed: int, order: str, change: Callable[[World], None] = lambda _world: None) -> World:
    """Let a random history happen to a server, a tap, a loader and Meltano."""
    rng = random.Random(seed)
    world = draw(rng, order)
    change(world)
    is_told = True  # of each version some state tells
    runs = [(rng.random() < 0.5, rng.random() < 0.15) for _ in range(rng.randint(1, 4))]
    if rng.random() < 0.15:  # Meltano merges the states of all three
        runs = [(False, False), (True, False), (True, True)]
    for is_killed, refresh in runs:
        if rng.random() < 0.15 and is_told:  # a version that no state tells cannot be known
            world.offset = rng.choice(possible_offsets(world))
        if rng.random() < 0.25:
            world.config["start_date"] = rng.choice(start_dates(world, rng))
        if rng.random() < 0.4:
            faults(world, rng)
        kill = rng.randint(1, rng.choice((15, 150))) if is_killed else None
        lag = rng.choice(((0, 0), (0, 0), (0, 1), (0, 2), (12, 0), (12, 1)))
        ended = world.run(busy(world, rng, kill), lag, refresh=refresh)
        assert ended != "killed" or kill
        is_told = ended == "well" or (is_told and not lag[1])
        world.server.broken, world.server.flaky, world.is_named = {}, 0.0, True
        world.server.poisoned = set()
        world.server.now += rng.choice((SECOND, SECOND, 3600 * SECOND, DAY, 8 * DAY))
    # Where whole days are compared, an edit comes with the first run of the next day.
    pause = DAY if world.server.reading == "whole_days" else timedelta(0)
    settle(world, pause, pause)
    assert_equal(world, whole=False)
    settle(world, CONFIG["full_pass_days"] * DAY, DAY)
    assert_equal(world, whole=True)
    return world


def draw(rng: random.Random, order: str) -> World:
    """Draw what does not change in a history."""
    year = rng.choice((2019, 2026, 2027, 2045))
    now = datetime(year, 3, 1, rng.choice((0, 12, 23)), rng.choice((0, 59)), tzinfo=timezone.utc)
    ways = (rng.choice(choices) for choices in (memory.LOST, memory.PAGING, memory.READINGS))
    server = Server(rng, now, order, *ways)
    server.size = max(2, rng.randint(1, 6))
    for _ in range(rng.randint(0, 3)):
        server.add("users")
    for _ in range(rng.randint(0, 16)):
        server.add()
        server.now += rng.choice((0, 0.3, 7, 3600, 200_000)) * SECOND
    config = {**CONFIG, "lookback_seconds": rng.choice((0, 0, 300))}
    config["hours"] = rng.choice((0, 0, 1, 24))
    dates = rng.choice(("right", "right", "ahead", "none", "stuck"))
    world = World(server, config, dates, streams=tuple(rng.sample(STREAMS, 2)))
    config["start_date"] = rng.choice((None, None, *start_dates(world, rng)))
    world.offset = rng.choice(possible_offsets(world))
    return world


def possible_offsets(world: World) -> list[timedelta]:
    """Return wrong clocks by which something still tells."""
    if world.dates == "ahead":  # both ahead: nothing tells
        return [offset for offset in OFFSETS if offset <= timedelta(0)]
    if world.server.reading == "whole_days" and world.dates in {"none", "stuck"}:
        return [timedelta(0)]  # a day must end by one of both
    return list(OFFSETS)


def start_dates(world: World, rng: random.Random) -> list[str | None]:
    first = datetime(world.server.now.year, 2, 27, tzinfo=timezone.utc)
    later = first + timedelta(days=rng.choice((2, 4, 6, 20)), hours=rng.choice((0, 5)))
    of_some = (row["at"].isoformat() for row in world.server.objects.values())
    return [None, first.isoformat(), later.isoformat(), *of_some]


def faults(world: World, rng: random.Random) -> None:
    """Let some objects and filters, or any request, fail in one run."""
    server = world.server
    chosen = rng.sample(list(server.objects), min(len(server.objects), rng.randint(0, 6)))
    chosen += [f"host={user}" for user in server.users if rng.random() < 0.3]
    server.broken = {one: rng.choice((400, 409, 422, 500, 500, 403)) for one in chosen}
    server.flaky = rng.choice((0.0, 0.0, 0.02))
    server.poisoned = set(chosen[:1]) if rng.random() < 0.2 else set()
    world.is_named = rng.random() < 0.7


def busy(world: World, rng: random.Random, kill: int | None) -> Callable[[], None]:
    """Return what happens between any two steps of a run."""
    often, count = rng.choice((0.0, 0.02, 0.05, 0.2, 0.5)), 0

    def step() -> None:
        nonlocal count
        count += 1
        if count == kill:
            raise Killed
        if rng.random() < often:
            world.server.now += rng.choice((0, 0.3, 7)) * SECOND
            world.server.change(rng.randint(0, 3), rng.random() < 0.3, rng.random() < 0.3)

    return step


def settle(world: World, *pauses: timedelta) -> None:
    """Run undisturbed: what is in progress, then what changed since."""
    for pause in pauses:
        world.server.now += pause + 7 * SECOND
        ended = world.run()
        if any("less than half" in str(error) for error in world.failures.values()):
            world.server.now += SECOND
            ended = world.run(refresh=True)
        assert ended == "well", {name: str(error) for name, error in world.failures.items()}


def assert_equal(world: World, *, whole: bool) -> None:
    """Check what is loaded: what changed by time, or after a full pass all, without more."""
    server, start = world.server, world.config["start_date"]
    first = datetime.fromisoformat(start or "0001-01-01T00:00:00+00:00")
    for stream in world.streams:
        table = {key: value for key, (value, _) in world.tables.get(stream.name, {}).items()}
        by_time = stream.follows or stream.replication_method == "INCREMENTAL"
        objects = [row for row in server.objects.values() if not by_time or row["at"] >= first]
        expected = {row["id"]: row["v"] for row in objects}
        if stream.filters:
            hosted = ((row, user) for row in objects for user in row["hosts"] & server.users.keys())
            expected = {(row["id"], user): row["v"] for row, user in hosted}
        if by_time or whole:
            missing = expected.items() - table.items()
            assert not missing, (stream.name, "missing", missing)
        if whole and not (by_time and (start or stream.filters or stream.follows)):
            more = table.keys() - expected.keys()
            assert not more, (stream.name, "more", more)


@pytest.mark.parametrize("order", ORDERS)
def test_histories_end_in_equality(order: str) -> None:
    play_many(order, range(300))


@pytest.mark.slow
@pytest.mark.parametrize("order", ORDERS)
def test_histories_end_in_equality_by_the_thousand(order: str) -> None:
    play_many(order, range(1_000_000, 1_025_000))


def play_many(order: str, seeds: range) -> None:
    for seed in seeds:
        try:
            play(seed, order)
        except Exception as error:  # noqa: PERF203
            msg = f"play({seed}, {order!r})"
            raise AssertionError(msg) from error
