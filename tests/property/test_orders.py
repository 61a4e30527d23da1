"""Heavy edits while a list is read end in equality, however the API behaves.

The order of lists is not documented. Where the latest update comes first, every edit
moves an object, also the one that a page ended with. Each history draws its combination
of everything else that decides what a page, a filter or a cursor means.
"""

from __future__ import annotations

import random
import typing as t
from datetime import datetime, timezone

import pytest

from sandbox import Account, Sandbox
from tests.support import inside, programs

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.inside import Message

ORDERS = ("created", "updated", "oldest", "starting")
DATES = ("ahead", "right", "right", "none")
POLICIES = ("400", "404", "start", "empty", "position")
PAGING = ("both", "link", "none", "denied")
STREAMS = ("bookings", "contacts", "users")
HISTORIES = 2000
A_DAY = 86_400


def play(seed: int, order: str) -> None:
    """Let a random history happen to an account and to a tap that reads it."""
    rng = random.Random(seed)
    year = rng.choice((2019, 2027, 2045))
    there = datetime(year, 3, 1, 12, tzinfo=timezone.utc)
    sizes = {name: rng.randint(0, 14) for name in STREAMS}
    account = Account(seed=seed, nasty=False, now=there.isoformat(), **sizes)
    account.clock.offset_seconds = (there - datetime.now(timezone.utc)).total_seconds() + 3600
    loaded = inside.Warehouse()
    catalog = inside.catalog(*STREAMS)
    switches: dict[str, t.Any] = {"order": order, "deleted_cursor": rng.choice(POLICIES)}
    # Where both clocks are ahead of the records' own, nothing tells.
    dates = DATES if year > datetime.now(timezone.utc).year else DATES[1:]
    switches |= {"date_header": rng.choice(dates), "has_more": rng.choice(PAGING)}
    lookback = rng.choice((0, 0, 300))
    # Without a date, only this machine tells a day from the next, and its clock goes on here.
    dated = switches["date_header"] != "none"
    whole = ("whole_days",) if dated else ()
    switches["time_filters"] = rng.choice(("times", "times", "dates", "days", *whole))
    page_size = rng.randint(1, 5)
    with Sandbox(account, key=programs.KEY, **switches) as api:
        settings = programs.settings_for(
            api.url,
            page_size=page_size,
            lookback_seconds=lookback,
            emit_activate_version_messages=True,
        )
        jumps = (0.0, 0.3, 7.0) if dated else (0.0,)
        for _ in range(rng.randint(1, 4)):
            busy = edits(account, rng, rng.choice((0.05, 0.2, 0.5)), jumps)
            kill = rng.choice((None, rng.randint(1, 60)))
            run = inside.run(settings, catalog, loaded.state, watch=busy, kill_after=kill)
            assert run.ended in {"well", "killed", "failed"}  # it may change too fast to be read
            loaded.load(run.messages)
            account.clock.offset_seconds += rng.choice((0, 1, 3600, 8 * A_DAY)) * dated
        # What is in progress, then what changed since it began, then what was deleted. Where
        # OnceHub compares whole days, a change comes with the first run of the next one.
        days = A_DAY if switches["time_filters"] == "whole_days" else 0
        for seconds in (7, 7 + days, 8 * A_DAY):
            account.clock.offset_seconds += seconds * dated
            run = inside.run(settings, catalog, loaded.state)
            loaded.load(run.messages)
            if run.ended == "failed":
                assert any(is_halved(account, loaded.state, stream) for stream in STREAMS[:2])
                run = inside.run(settings, catalog, {})  # as the error says
                loaded.load(run.messages)
            assert run.ended == "well"
        for stream in STREAMS:
            objects = account.objects(stream)
            loaded.assert_current(stream, objects)
            if dated or stream == "users":
                assert set(loaded.rows(stream)) == {item["id"] for item in objects}, stream


def is_halved(account: Account, state: inside.State, stream: str) -> bool:
    """Return whether less than half is left of what the last full pass brought."""
    _, _, objects, *_ = state["bookmarks"][stream]["full_pass"]
    return len(account.objects(stream)) < t.cast("int", objects) / 2


def edits(
    account: Account, rng: random.Random, often: float, jumps: tuple[float, ...]
) -> Callable[[Message, int], None]:
    """Return what edits, adds and deletes while the tap reads."""

    def watch(_message: Message, _number: int) -> None:
        if rng.random() < often:
            account.clock.offset_seconds += rng.choice(jumps)
            gone = rng.random() < 0.1
            account.random_changes(
                rng, edits=rng.randint(0, 4), adds=rng.random() < 0.1, deletes=gone, streams=STREAMS
            )

    return watch


@pytest.mark.parametrize("order", ORDERS)
def test_heavy_edits_end_in_equality(order: str) -> None:
    for seed in range(8):
        play(seed, order)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("order", ORDERS)
def test_thousands_of_histories_end_in_equality(order: str) -> None:
    for seed in range(HISTORIES):
        play(seed, order)
