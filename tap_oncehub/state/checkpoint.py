"""Where a sync stands, so that it can be killed at any moment and resume.

Lists come newest-created first; a page position stays valid while objects are edited
and added. So the state of a stream holds, beside the Singer bookmark, a checkpoint of
the pass under way, written after every page. Nothing outside this folder edits state.
"""

from __future__ import annotations

import time
import typing as t
from contextlib import suppress
from datetime import datetime, timedelta, timezone

import msgspec

from tap_oncehub.engine.times import earliest, latest, milliseconds, moment_of
from tap_oncehub.pagination import Position
from tap_oncehub.state.bookmark import Bookmark

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tap_oncehub.state.bookmark import State

CURSORS_KEPT = 5
_ENDLESS = int(datetime(9999, 1, 1, tzinfo=timezone.utc).timestamp() * 1000)
_CHECKPOINT, _VERSION = "checkpoint", "version"


class Checkpoint(msgspec.Struct, omit_defaults=True):
    """A pass under way, as it stands in the state.

    Attributes:
        version: Marks all records of this pass, in milliseconds since 1970.
        streams: The streams that take part; others would miss what is read already.
        kind: The replication key, or what a full pass's records are good for.
        began: When the pass began, by OnceHub's clock.
        since: The time filter of the pass; None reads everything.
        newest: The newest replication key seen so far.
        oldest: The oldest one after ``since``.
        undated: Whether ``began`` is by this machine's clock only.
        whole_days: Whether to ask for everything since the day before ``since``.
        incomplete: Streams without the rows of what OnceHub refused, which may not be gone.
        cursors: Where the latest pages ended, the latest last.
        firsts: What the page after each of these begins with, and when it was updated.
    """

    version: int
    streams: list[str]
    kind: str
    began: str | None = None
    since: str | None = None
    newest: str | None = None
    oldest: str | None = None
    undated: bool = False
    whole_days: bool = False
    incomplete: list[str] = []
    cursors: list[str] = []
    firsts: list[tuple[str | None, str | None]] = []


class SyncPass:
    """One reading of a list from its start to its end, over any number of runs.

    Attributes:
        resumed: Whether an earlier run began this pass.
        rejected_because: Why a checkpoint in the state is ignored, for the log.
        bookmark_ahead: Whether a bookmark is later than now, and does not count.
    """

    def __init__(  # noqa: PLR0913  # what a pass depends on
        self,
        states: Mapping[str, State],
        *,
        replication_key: str | None,
        versioned: bool = False,
        start_date: str | None = None,
        lookback: timedelta = timedelta(0),
        now: datetime | None = None,
    ) -> None:
        """Resume the pass that the state holds, or start a new one; see also Bookmark.

        Args:
            states: Writable states of the streams that are written in this pass, the
                one that holds the checkpoint first.
            replication_key: The key of an incremental pass; None for a full one.
            versioned: Whether loaders can remove records without this pass's version.
            start_date: Nothing that was updated before is wanted.
            lookback: How far behind the bookmark to start again.
            now: No bookmark can be later.
        """
        self._states = states
        self._kind = replication_key or ("versioned" if versioned else "full")
        self._bookmarks = [
            Bookmark(state, replication_key, start_date, lookback, now)
            for state in states.values()
            if replication_key
        ]
        self.bookmark_ahead = any(bookmark.ahead for bookmark in self._bookmarks)
        self.rejected_because: str | None = None
        since = self._since()
        saved = self._saved(since)
        self.resumed = saved is not None
        self._point = saved or Checkpoint(
            version=next_version(states.values()),
            streams=list(states),
            kind=self._kind,
            since=since,
        )
        firsts = self._point.firsts
        if len(firsts) != len(self._point.cursors):  # as an older version wrote it
            firsts = [(None, None)] * len(self._point.cursors)
        places = zip(self._point.cursors, firsts, strict=True)
        self._positions = list({after: Position(after, *first) for after, first in places}.values())

    @property
    def position(self) -> Position | None:
        """Where to continue; None for the start of the list."""
        return self._positions[-1] if self._positions else None

    @property
    def since(self) -> str | None:
        """Value of the time filter; None reads everything."""
        return self._point.since

    @property
    def whole_days(self) -> bool:
        """Whether the filter takes the date of the day before; a resumed pass goes on so."""
        return self._point.whole_days

    def is_complete(self, stream: str) -> bool:
        """Return whether rows of a stream that did not come are gone."""
        return stream not in self._point.incomplete

    def mark_incomplete(self, stream: str) -> None:
        """Record that rows of a stream may be missing."""
        self._point.incomplete = sorted({*self._point.incomplete, stream})

    @property
    def version(self) -> int:
        """Marks all records of this pass, the same over all its runs."""
        return self._point.version

    @property
    def began(self) -> str | None:
        """When the pass began, by OnceHub's clock."""
        return self._point.began

    def mark_started(self, moment: datetime, *, dated: bool = True) -> None:
        """Record when the pass began, and whether OnceHub said so; the first answer counts."""
        if self._point.began is None:
            self._point.began = milliseconds(moment)
            self._point.undated = not dated

    def commit_page(self, position: Position, values: Sequence[t.Any]) -> None:
        """Record that everything before a position is written."""
        self.observe(values)
        others = [other for other in self._positions if other.after != position.after]
        self._positions = [*others, position][-CURSORS_KEPT:]
        self._point.cursors = [p.after for p in self._positions]
        self._point.firsts = [(p.first, p.updated) for p in self._positions]
        self._holder[_CHECKPOINT] = msgspec.to_builtins(self._point)

    def observe(self, values: Sequence[t.Any]) -> None:
        """Record replication key values."""
        texts = [value for value in values if isinstance(value, str)]
        self._point.newest = latest([self._point.newest, *texts])
        if since := moment_of(self.since):
            after = [text for text in texts if (moment_of(text) or since) > since]
            self._point.oldest = earliest([self._point.oldest, *after])

    @property
    def oldest(self) -> str | None:
        """The oldest replication key after the time filter's value."""
        return self._point.oldest

    @property
    def overlaps(self) -> bool:
        """Whether a record came that shows that the filter compares times.

        That is one of the day on which it begins, known from an earlier pass if there is
        one. True where none is expected: without a filter or a lookback, or where all of
        that day was read before.
        """
        since, oldest = moment_of(self.since), moment_of(self.oldest)
        values = [bookmark.value for bookmark in self._bookmarks if bookmark.value]
        if since is None or any(value <= since for value in values):
            return True
        if values and min(values).date() > since.date():
            return True
        known = [bookmark.newest for bookmark in self._bookmarks if bookmark.newest]
        if oldest is None or oldest.date() > since.date():
            return False
        return not known or oldest <= min(known)

    def rewind(self) -> None:
        """Return to the position before; the latest one leads nowhere."""
        self._positions = self._positions[:-1]

    def read_whole_days(self) -> None:
        """Return to the start of the list, and ask from the day before on."""
        self._positions, self._point.whole_days = [], True

    def discard(self) -> None:
        """End the pass so that the next one reads the same again."""
        self._holder.pop(_CHECKPOINT, None)
        self._keep_version()

    def finish(self) -> None:
        """End the pass: move the bookmarks to the newest key that is surely complete.

        That is never later than the time at which the pass began: what was edited
        since may stand on a page that had been read before.
        """
        self._holder.pop(_CHECKPOINT, None)
        self._keep_version()
        for bookmark in self._bookmarks:
            bookmark.advance(self._point.newest, self._complete_until)

    @property
    def _complete_until(self) -> str | None:
        """When the pass began; by the records' own clock where OnceHub did not tell."""
        began, newest = moment_of(self._point.began), moment_of(self._point.newest)
        if self._point.undated and began and newest:
            with suppress(OverflowError):
                began = min(began, newest - (datetime.now(timezone.utc) - began))
        return milliseconds(began) if began else None

    def _keep_version(self) -> None:
        for state in self._states.values():  # Meltano's merge may bring the checkpoint back
            record_version(state, self.version)

    @property
    def _holder(self) -> State:
        return next(iter(self._states.values()))

    def _since(self) -> str | None:
        """Find the time filter that misses nothing for any of the streams."""
        starts = [bookmark.start for bookmark in self._bookmarks]
        moments = [start for start in starts if start]
        everything = not moments or len(moments) < len(starts)
        return None if everything else milliseconds(min(moments))

    def _saved(self, since: str | None) -> Checkpoint | None:
        """Read the checkpoint, if it covers what this pass must read."""
        raw = self._holder.get(_CHECKPOINT)
        if raw is None:
            return None
        try:
            point = msgspec.convert(raw, Checkpoint)
        except msgspec.ValidationError:
            self.rejected_because = "it cannot be read"
            return None
        self.rejected_because = self._objection(point, since)
        return None if self.rejected_because else point

    def _objection(  # noqa: PLR0911  # one line a reason
        self, point: Checkpoint, since: str | None
    ) -> str | None:
        """Return why a checkpoint cannot be resumed from; None if it can."""
        times = [point.began, point.since, point.newest, point.oldest]
        if any(text is not None and moment_of(text) is None for text in times):
            return "its times cannot be read"
        if not point.cursors or point.began is None:
            return "it has no position"
        if not all(_is_unicode(text) for text in point.cursors):
            return "its position cannot be used"
        if not 0 < point.version < _ENDLESS:
            return "its version is not a valid time"
        if any(_version_in(state) >= point.version for state in self._states.values()):
            return "a later pass is complete"  # Meltano merges states
        if point.streams != list(self._states):
            return "other streams are selected now"
        if point.kind != self._kind:
            return "the records are replicated in another way now"
        if not _covers(point.since, since):
            return "the settings now ask for more"
        return None


def next_version(states: Iterable[State]) -> int:
    """Return a version later than all before, though the clock may have been ahead."""
    last = 0
    for state in states:
        checkpoint = state.get(_CHECKPOINT)
        unfinished = checkpoint if isinstance(checkpoint, dict) else {}
        last = max(last, _version_in(state), _version_in(unfinished))
    return max(int(time.time() * 1000), last + 1)


def _version_in(holder: Mapping[str, t.Any]) -> int:
    version = holder.get(_VERSION)
    return version if isinstance(version, int) and 0 < version < _ENDLESS - 1 else 0


def record_version(state: State, version: int) -> None:
    """Record the version of a stream's last full pass."""
    state[_VERSION] = version


def _is_unicode(text: str) -> bool:
    try:
        return bool(text.encode())
    except UnicodeEncodeError:
        return False


def _covers(saved: str | None, needed: str | None) -> bool:
    first, second = moment_of(saved), moment_of(needed)
    return first is None or (second is not None and first <= second)
