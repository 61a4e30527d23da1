"""Any sequence of edits, deletes, kills and clocks ends in equality, however the API behaves.

The order of lists is not documented. Where the latest update comes first, every edit moves an
object, also the one that a page ended with. Each history draws its combination of everything else
that decides what a page, a filter or a cursor means. In memory: tests/engine/test_histories.py.
"""

import json
import random
import typing as t
from datetime import datetime, timezone

import pytest

from sandbox import Account, Sandbox
from tests.support import inside, programs
from tests.support.inside import Message
from tests.support.streams import KEYS, offered

ORDERS = ("created", "updated", "oldest", "starting")
DATES = ("ahead", "right", "right", "none")
LISTS = ("bookings", "contacts", "users")
CHILDREN = ("booking", "user_scheduling_availability", "booking_hosts", "conversations")
A_DAY = 86_400


class History:
    """A random account, its server's ways, and a loader with what Meltano keeps."""

    def __init__(self, seed: int, order: str) -> None:
        rng = self.rng = random.Random(seed)
        year = rng.choice((2019, 2027, 2045))
        there = datetime(year, 3, 1, 12, tzinfo=timezone.utc)
        sizes = {name: rng.randint(0, 14) for name in LISTS}
        self.account = Account(seed=seed, nasty=False, now=there.isoformat(), **sizes)
        self.wait((there - datetime.now(timezone.utc)).total_seconds() + 3600)
        # Where both clocks are ahead of the records' own, nothing tells.
        dates = DATES if year > datetime.now(timezone.utc).year else DATES[1:]
        lost = rng.choice(("400", "404", "start", "empty", "position"))
        self.switches = {"order": order, "deleted_cursor": lost, "date_header": rng.choice(dates)}
        self.switches["has_more"] = rng.choice(("both", "link", "none", "denied"))
        # Without a date, only this machine tells a day from the next, and its clock goes on here.
        self.dated = self.switches["date_header"] != "none"
        whole = ("whole_days",) if self.dated else ()
        self.switches["time_filters"] = rng.choice(("times", "times", "dates", "days", *whole))
        self.streams = (*LISTS, *rng.sample(CHILDREN, rng.choice((0, 0, 1, 3))))
        self.settings = {"page_size": rng.randint(1, 6), "lookback_seconds": rng.choice((0, 300))}
        self.settings["emit_activate_version_messages"] = True
        self.loaded = inside.Warehouse()

    def wait(self, seconds: float) -> None:
        self.account.clock.offset_seconds += seconds

    def run(self, api: Sandbox, **more: t.Any) -> programs.Run:
        """Run the tap; after a kill, the loader may have got less far than what was written."""
        before = self.loaded.state
        run = self.loaded.sync(api, *self.streams, **self.settings, **more)
        if run.ended == "killed" and (lag := self.rng.choice((0, 0, 1, 3))):
            self.loaded.state = ([before, *run.states][:-lag] or [{}])[-1]
        assert len(json.dumps(self.loaded.state)) < 4096
        return run

    def live(self, api: Sandbox) -> None:
        """A run that is perhaps killed or interrupted, while the account changes."""
        rng, jumps = self.rng, (0.0, 0.3, 7.0) if self.dated else (0.0,)
        often, ends = rng.choice((0.0, 0.05, 0.2, 0.5)), rng.choice(("", "kill", "interrupt"))

        def watch(_message: Message, _number: int) -> None:
            if rng.random() < often:
                self.wait(rng.choice(jumps))
                edits, add, gone = rng.randint(0, 4), rng.random() < 0.1, rng.random() < 0.1
                self.account.random_changes(rng, edits=edits, adds=add, deletes=gone, streams=LISTS)

        self.run(api, watch=watch, **({f"{ends}_after": rng.randint(1, 60)} if ends else {}))
        if rng.random() < 0.1:
            self.loaded.state.get("bookmarks", {}).pop(rng.choice(LISTS), None)  # a reset
        self.wait(rng.choice((0, 1, 3600, 8 * A_DAY)) * self.dated)

    def settle(self, api: Sandbox) -> None:
        """Finish what is in progress, then bring what changed since, then what was deleted."""
        # Where OnceHub compares whole days, a change comes with the first run of the next one.
        days = A_DAY if self.switches["time_filters"] == "whole_days" else 0
        for seconds in (7, 7 + days, 8 * A_DAY):
            self.wait(seconds * self.dated)
            run = self.run(api)
            if "less than half" in run.log:
                self.loaded.state = {}  # as the error says
                run = self.run(api)
            assert run.ended == "well", run.log

    def compare(self, api: Sandbox) -> None:
        for stream in self.streams:
            objects = offered(api, self.account, stream)
            found = self.loaded.tables[stream].keys()
            wanted = {tuple(item[name] for name in KEYS[stream]) for item in objects}
            assert found >= wanted, stream
            if stream in {*LISTS, "booking"}:
                self.loaded.assert_current(stream, objects)
            tells = LISTS if self.dated else ("users",)
            if stream in {*tells, "user_scheduling_availability"}:
                assert found == wanted, stream


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    "seeds", [range(3), pytest.param(range(3, 2000), marks=pytest.mark.slow)], ids=["few", "many"]
)
@pytest.mark.timeout(7200)
def test_histories_end_in_equality(order: str, seeds: range) -> None:
    for seed in seeds:
        history = History(seed, order)
        with Sandbox(history.account, key=programs.KEY, **history.switches) as api:
            for _ in range(history.rng.randint(1, 4)):
                history.live(api)
            history.settle(api)
            history.compare(api)
