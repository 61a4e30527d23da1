"""Any sequence of changes, kills and clocks ends in equality."""

from __future__ import annotations

import json
import random
import typing as t
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from sandbox import Account, Sandbox
from tests.support import inside, programs

if t.TYPE_CHECKING:
    from tests.support.inside import Message

INCREMENTAL = ("bookings", "contacts", "sms_notifications")
FULL = ("users", "teams", "booking_calendars")
CHILDREN = ("booking", "user_scheduling_availability")
LISTS = (*INCREMENTAL, *FULL)
LONGEST_STATE = 4096
ORDERS = ("created", "updated", "oldest")

changes = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**16),
        "edits": st.integers(0, 4),
        "adds": st.integers(0, 3),
        "deletes": st.integers(0, 3),
    }
)
# Fractions of a second are where off-by-one mistakes with strict filters live.
passing = st.sampled_from((0.0, 0.3, 7.0, 3600.0))
moments = st.integers(1, 90)


class AnySequence(RuleBasedStateMachine):
    """An account, a tap that is killed again and again, and a warehouse."""

    @initialize(
        year=st.sampled_from((2019, 2027, 2045)),
        policy=st.sampled_from(("400", "404", "start", "empty", "position")),
        order=st.sampled_from(ORDERS),
        bookings=st.integers(0, 24),
        page_size=st.integers(1, 6),
        child=st.booleans(),
        lookback=st.sampled_from((0, 0, 300)),
    )
    def begin(  # noqa: PLR0917
        self,
        year: int,
        policy: str,
        order: str,
        bookings: int,
        page_size: int,
        lookback: int,
        *,
        child: bool,
    ) -> None:
        """Open an account whose server lives in a year of its own."""
        there = datetime(year, 3, 1, 12, tzinfo=timezone.utc)
        self.account = Account(
            seed=bookings, bookings=bookings, nasty=False, now=there.isoformat(), contacts=9
        )
        ahead = there - datetime.now(timezone.utc) + timedelta(hours=1)
        self.account.clock.offset_seconds = ahead.total_seconds()
        self.api = Sandbox(self.account, key=programs.KEY, deleted_cursor=policy, order=order)
        self.api.start()
        self.streams = (*LISTS, CHILDREN[1], *(CHILDREN[:1] if child else ()))
        self.catalog = inside.catalog(*self.streams)
        self.settings = programs.settings_for(
            self.api.url,
            page_size=page_size,
            lookback_seconds=lookback,
            emit_activate_version_messages=True,
        )
        self.warehouse = inside.Warehouse()

    def teardown(self) -> None:
        """End in equality: one run to finish what is under way, one undisturbed."""
        if not hasattr(self, "api"):
            return
        try:
            self.wait(7.0)
            assert self.run_tap().ended == "well"
            assert not any(
                state.get("resume") for state in self.warehouse.state["bookmarks"].values()
            )
            self.wait(7.0)
            assert self.run_tap().ended == "well"
            self.compare()
        finally:
            self.api.stop()

    @rule(change=changes, seconds=passing)
    def live(self, change: dict[str, int], seconds: float) -> None:
        """Something happens in the account."""
        self.wait(seconds)
        self.change(change)

    @rule(share=st.sampled_from((0.5, 1.0)), stream=st.sampled_from(LISTS), seconds=passing)
    def wipe(self, share: float, stream: str, seconds: float) -> None:
        """Half of a list, or all of it, is deleted."""
        self.wait(seconds)
        ids = [item["id"] for item in self.account.objects(stream)]
        for key in ids[: int(len(ids) * share)]:
            self.account.delete(stream, key)

    @rule()
    def delete_cursors(self) -> None:
        """What the state points to is deleted."""
        for name, bookmark in self.warehouse.state.get("bookmarks", {}).items():
            alive = {item["id"] for item in self.account.objects(name)} if name in LISTS else set()
            positions = bookmark["resume"][-1] if bookmark.get("resume") else []
            for key in alive & {position[0] for position in positions[-2:]}:
                self.account.delete(name, key)

    @rule(after=moments, lag=st.integers(0, 3))
    def kill(self, after: int, lag: int) -> None:
        """SIGKILL; the loader may have got less far than what was written."""
        self.run_tap(kill_after=after, lag=lag)

    @rule(after=moments)
    def interrupt(self, after: int) -> None:
        """SIGTERM, which always leaves a state."""
        assert self.run_tap(interrupt_after=after).ended in {"interrupted", "well"}

    @rule(after=moments, change=changes, seconds=passing, kill=st.one_of(st.none(), moments))
    def busy(self, after: int, change: dict[str, int], seconds: float, kill: int | None) -> None:
        """Something happens while the tap reads."""

        def watch(_: Message, number: int) -> None:
            if number == after:
                self.live(change, seconds)

        self.run_tap(watch=watch, kill_after=kill and after + kill)

    @rule(stream=st.sampled_from(LISTS))
    def forget(self, stream: str) -> None:
        """Somebody resets a bookmark."""
        self.warehouse.state.get("bookmarks", {}).pop(stream, None)

    def wait(self, seconds: float) -> None:
        """Let the server's clock go on."""
        self.account.clock.offset_seconds += seconds

    def change(self, change: dict[str, int]) -> None:
        """Edit, add and delete."""
        counts = {name: count for name, count in change.items() if name != "seed"}
        self.account.random_changes(random.Random(change["seed"]), **counts, streams=LISTS)

    def run_tap(self, *, lag: int = 0, **how: t.Any) -> inside.InsideRun:
        """Run the tap from the last state, and load what it writes."""
        run = inside.run(self.settings, self.catalog, self.warehouse.state, **how)
        self.warehouse.load(run.messages)
        if run.ended == "killed" and lag:
            # The rows arrived, but only an earlier state was kept.
            self.warehouse.state = ([self.warehouse.state, *run.states][:-lag] or [{}])[-1]
        assert len(json.dumps(self.warehouse.state)) < LONGEST_STATE
        return run

    def compare(self) -> None:
        """Every object is there as it is now; full tables hold no others."""
        for stream in LISTS:
            objects = self.account.objects(stream)
            self.warehouse.assert_current(stream, objects)
            if stream in FULL:
                assert set(self.warehouse.rows(stream)) == {item["id"] for item in objects}, stream
            if stream == "bookings" and "booking" in self.streams:
                self.warehouse.assert_current("booking", objects)
        rows = self.warehouse.rows("user_scheduling_availability")
        users = [user["id"] for user in self.account.objects("users")]
        assert rows.keys() == {u for u in users if self.account.scheduling_availability(u)}


PROFILE = settings(
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    print_blob=False,
)


def test_any_sequence_ends_in_equality() -> None:
    run_state_machine_as_test(
        AnySequence, settings=settings(PROFILE, max_examples=20, stateful_step_count=8)
    )


@pytest.mark.slow
def test_many_sequences_end_in_equality() -> None:
    run_state_machine_as_test(
        AnySequence,
        settings=settings(
            PROFILE, derandomize=False, print_blob=True, max_examples=600, stateful_step_count=20
        ),
    )
