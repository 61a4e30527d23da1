"""One reading of a list, over any number of runs: a checkpoint, and then a bookmark."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import msgspec

from tap_oncehub.engine import times
from tap_oncehub.engine.errors import EndpointError
from tap_oncehub.engine.plan import Clocks, Plan
from tap_oncehub.engine.readers import ListMovedError, Page, Position, TimeRefusedError, Warn
from tap_oncehub.engine.state import POSITIONS_KEPT, FullPass, SavedPass, State, last_full_pass

MAX_REWINDS = 12
_FORM = 3
_HALF = (
    "the list has {:,} objects, less than half of the {:,} of the last full pass, so that none is "
    "taken for deleted. If that is right, run once with an empty state (meltano run --full-refresh)"
)


class SyncPass:
    """One reading of a list from its start to its end, over any number of runs."""

    def __init__(self, state: State, plan: Plan, saved: SavedPass, warn: Warn) -> None:
        self.since = saved.since  # what the time filter asks for; None reads everything
        self.dates_only = False  # whether it takes a date, that of the day before
        self.is_wanted = plan.is_wanted
        self.is_full = saved.version != 0
        self._state, self._plan, self._saved, self._warn = state, plan, saved, warn
        self._positions = list(saved.positions)
        last = self._positions[-1] if self._positions else Position(None)
        self._last = last.filter, last.first  # the object that was read last
        self._failed_after: tuple[str | None, str | None] | None = None  # until it is read again
        self._rewinds = 0

    def pages(self, read: Callable[[Position | None], Iterator[Page]]) -> Iterator[Page]:
        """Read to the end; the n-th failure since the furthest page steps back n positions."""
        while True:
            try:
                yield from read(self._positions[-1] if self._positions else None)
            except TimeRefusedError as refused:  # noqa: PERF203  # rare
                self.since, self.dates_only = times.day_before(str(self.since)), True
                self._warn(f"{refused}; filtering by the date of the day before")
            except ListMovedError as moved:
                self._rewind(moved)
            else:
                return

    def _rewind(self, moved: ListMovedError) -> None:
        self._rewinds += 1
        self._failed_after = self._last
        if self._rewinds > MAX_REWINDS:
            self._state["resume"] = [*self._saved._replace(positions=[])]
            what = f"the list is broken there, or changes faster than it can be read ({moved})"
            raise EndpointError(f"{what}. The next run reads it again") from None
        self._warn(f"{moved}; reading again from an earlier page")
        self._positions = self._positions[: -self._rewinds]
        objects = self._positions[-1].objects if self._positions else 0
        self._saved = self._saved._replace(objects=objects)

    def commit(self, page: Page) -> None:
        """Record that all that a page brought is written."""
        keys = [found.get(self._plan.key or "") for found in page.objects]
        newest = times.latest([self._saved.newest, *(key for key in keys if isinstance(key, str))])
        ids = [(page.position.filter if page.position else None, one) for one in page.ids]
        if self._failed_after in ids:
            self._failed_after = None
        elif ids and self._failed_after is None:
            self._rewinds = 0
        self._last = ids[-1] if ids else self._last
        objects = self._saved.objects + len(page.objects)
        response, began = page.response, self._saved.began
        if not began and (response.date or newest):  # else nothing but this machine tells
            moment = None if response.date else times.moment_of(newest)
            told = times.before(moment, timedelta(seconds=1)) if moment else response.server_time
            # The lists of values were read before the first page.
            began = times.earliest([times.milliseconds(told), *self._saved.begun])
        self._saved = self._saved._replace(began=began, newest=newest, objects=objects)
        if page.position:
            position = page.position._replace(objects=objects)
            self._positions = [*self._positions, position][-POSITIONS_KEPT:]
            places = [[*place] for place in self._positions]
            self._state["resume"] = [*self._saved[:-2], places, self._saved.start_date]

    def finish(self, *, may_tell_deletes: bool) -> bool:
        """End the pass; return whether what it did not bring is gone: not after half a list."""
        state, saved = self._state, self._saved
        state["resume"] = []
        state["wide_read"] = list(saved.wide_read) or state["wide_read"]
        if self._plan.key:
            self._move_bookmark()
        if not self.is_full:
            return False
        last = last_full_pass(state).objects
        is_half = bool(self._plan.key) and saved.objects < last / 2
        objects = last if is_half else saved.objects
        # One whose deletes could not be told leaves the next one due.
        is_due = state["full_pass"] and self._plan.key and not may_tell_deletes
        begun = ("", "") if is_due else saved.begun
        state["full_pass"] = [abs(saved.version), begun, objects, self._plan.digest]
        if is_half and self._plan.versioned:
            raise EndpointError(_HALF.format(saved.objects, last))
        return not state["unread"]

    def _move_bookmark(self) -> None:
        """Move the bookmark to the newest key, but not beyond the beginning of the pass.

        What was edited since may stand on a page that had been read before.
        """
        state, wanted = self._state, times.moment_of(self._plan.start_date)
        bookmark = times.moment_of(state["replication_key_value"])
        is_gapless = bookmark and (not wanted or wanted <= bookmark)
        if not is_gapless or self._plan.is_moved_back(state) or self.since is None:
            state["start_date"] = self._plan.start_date
        new = self._saved.newest and times.earliest([self._saved.newest, self._saved.began])
        if value := times.latest([state["replication_key_value"], new]):
            state["replication_key_value"] = times.utc_text(value)


def due_passes(state: State, plan: Plan, clocks: Clocks, warn: Warn) -> Iterator[SyncPass]:
    """Yield the passes of a run: one in progress; else what is new, then all, if that is due."""
    reads = " ".join(filter(None, (plan.key, plan.digest)))
    begun = f"{clocks.machine:%Y-%m-%dT%H:%M:%SZ}", f"{clocks.server:%Y-%m-%dT%H:%M:%SZ}"
    start = plan.start(state, clocks, warn)
    if saved := _resumable(state, plan, reads, start):
        yield SyncPass(state, plan, saved, warn)
        return
    version = _next_version(state, clocks)
    state["resume"] = []
    if start:
        if plan.versioned and not state["full_pass"]:  # of an older version of the tap
            state["full_pass"] = [*FullPass(version, begun)]
            version += 1
        by_time = state["replication_key_value"] and not plan.is_moved_back(state)
        wide = [] if by_time and clocks.days == state["wide_read"] else clocks.days
        since = times.milliseconds(start)
        if wide:
            since = f"{times.day_before(since)}T00:00:00.000Z"
        saved = SavedPass(_FORM, reads, 0, begun, wide, since, start_date=plan.start_date)
        yield SyncPass(state, plan, saved, warn)
    if (plan.key and not start) or plan.is_full_pass_due(state, clocks):
        state["unread"] = []  # everything is asked for again
        signed = version if plan.versioned else -version
        saved = SavedPass(_FORM, reads, signed, begun, clocks.days if plan.key else [], None)
        # Without a position only its version counts, which none may repeat.
        state["resume"] = [*saved]
        yield SyncPass(state, plan, saved, warn)


def _resumable(state: State, plan: Plan, reads: str, start: datetime | None) -> SavedPass | None:
    """Return the pass in progress, if it reads all that a new one would."""
    if not state["resume"]:
        return None
    saved = msgspec.convert(state["resume"], SavedPass)
    dates = saved.since, saved.start_date, plan.start_date
    since, written, wanted = map(times.moment_of, dates)
    is_asked_for = since and start and since <= start
    is_written = not written or (wanted and wanted >= written)
    covers = saved.since is None or (is_asked_for and is_written)
    is_ours = saved.form == _FORM and saved.reads == reads and saved.positions
    return saved._replace(start_date=plan.start_date) if is_ours and covers else None


def _next_version(state: State, clocks: Clocks) -> int:
    """Return a version that is later than all before, though the clock may have been ahead."""
    used = last_full_pass(state).version, SavedPass(*state["resume"]).version
    return max(int(clocks.machine.timestamp() * 1000), *(abs(version) + 1 for version in used))
