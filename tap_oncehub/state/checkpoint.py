"""Where a sync stands, so that it can be killed at any moment and resume.

Lists come newest-created first; a page position stays valid while objects are edited
and added. So the state of a stream holds, beside the Singer bookmark, a checkpoint of
the pass under way, written after every page. Nothing outside this folder edits state.
"""

from __future__ import annotations

import time
import typing as t
from datetime import datetime, timedelta, timezone

import msgspec

from tap_oncehub.state.bookmark import Bookmark
from tap_oncehub.times import latest, milliseconds, moment_of

if t.TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_oncehub.state.bookmark import State

CURSORS_KEPT = 5
_ENDLESS = int(datetime(9999, 1, 1, tzinfo=timezone.utc).timestamp() * 1000)
_CHECKPOINT = "checkpoint"


class Checkpoint(msgspec.Struct, omit_defaults=True):
    """A pass under way, as it stands in the state.

    Attributes:
        version: Marks all records of this pass, in milliseconds since 1970.
        streams: The streams that take part; others would miss what is read already.
        kind: The replication key, or what a full pass's records are good for.
        began: When the pass began, by OnceHub's clock.
        since: The time filter of the pass; None reads everything.
        newest: The newest replication key seen so far.
        cursors: Where the latest pages ended, the latest last.
    """

    version: int
    streams: list[str]
    kind: str
    began: str | None = None
    since: str | None = None
    newest: str | None = None
    cursors: list[str] = []


class SyncPass:
    """One reading of a list from its start to its end, over any number of runs.

    Attributes:
        resumed: Whether an earlier run began this pass.
        rejected_because: Why a checkpoint in the state is ignored, for the log.
    """

    def __init__(
        self,
        states: Mapping[str, State],
        *,
        replication_key: str | None,
        versioned: bool = False,
        start_date: str | None = None,
        lookback: timedelta = timedelta(0),
    ) -> None:
        """Resume the pass that the state holds, or start a new one.

        Args:
            states: Writable states of the streams that are written in this pass, the
                one that holds the checkpoint first.
            replication_key: The key of an incremental pass; None for a full one.
            versioned: Whether records carry the version, so that loaders can remove
                all others.
            start_date: Nothing that was updated before is wanted.
            lookback: How far behind the bookmark to start again.
        """
        self._states = states
        self._kind = replication_key or ("versioned" if versioned else "full")
        self._bookmarks = [
            Bookmark(state, replication_key, start_date, lookback)
            for state in states.values()
            if replication_key
        ]
        self.rejected_because: str | None = None
        since = self._since()
        saved = self._saved(since)
        self.resumed = saved is not None
        self._point = saved or Checkpoint(
            version=int(time.time() * 1000), streams=list(states), kind=self._kind, since=since
        )

    @property
    def cursor(self) -> str | None:
        """Id of the object to continue after; None for the start of the list."""
        return self._point.cursors[-1] if self._point.cursors else None

    @property
    def since(self) -> str | None:
        """Value of the time filter; None reads everything."""
        return self._point.since

    @property
    def version(self) -> int:
        """Marks all records of this pass, the same over all its runs."""
        return self._point.version

    @property
    def began(self) -> str | None:
        """When the pass began, by OnceHub's clock."""
        return self._point.began

    def mark_started(self, moment: datetime) -> None:
        """Record when the pass began, unless an earlier answer or run did.

        Args:
            moment: OnceHub's time, not later than the first answer's content.
        """
        if self._point.began is None:
            self._point.began = milliseconds(moment)

    def commit_page(self, cursor: str, values: Sequence[t.Any]) -> None:
        """Record that everything up to an object is written.

        Args:
            cursor: Id of the object.
            values: Replication key values written since the last call.
        """
        self.observe(values)
        kept = [*self._point.cursors, cursor][-CURSORS_KEPT:]
        self._point.cursors = kept
        self._holder[_CHECKPOINT] = msgspec.to_builtins(self._point)

    def observe(self, values: Sequence[t.Any]) -> None:
        """Record replication key values.

        Args:
            values: As they came; what is no time is passed over.
        """
        texts = [value for value in values if isinstance(value, str)]
        self._point.newest = latest([self._point.newest, *texts])

    def rewind(self) -> bool:
        """Return to the cursor before; the latest one's object may be gone.

        Returns:
            Whether there was one to give up.
        """
        cursors = self._point.cursors
        self._point.cursors = cursors[:-1]
        return bool(cursors)

    def discard(self) -> None:
        """End the pass so that the next one reads the same again."""
        self._holder.pop(_CHECKPOINT, None)

    def finish(self) -> None:
        """End the pass: move the bookmarks to the newest key that is surely complete.

        That is never later than the time at which the pass began: what was edited
        since may stand on a page that had been read before.
        """
        self._holder.pop(_CHECKPOINT, None)
        for bookmark in self._bookmarks:
            bookmark.advance(self._point.newest, self._point.began)

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
        times = [point.began, point.since, point.newest]
        if any(text is not None and moment_of(text) is None for text in times):
            self.rejected_because = "its times cannot be read"
        elif not point.cursors or point.began is None:
            self.rejected_because = "it has no position"
        elif not 0 < point.version < _ENDLESS:
            self.rejected_because = "its version is from no possible time"
        elif point.streams != list(self._states):
            self.rejected_because = "other streams are selected now"
        elif point.kind != self._kind:
            self.rejected_because = "the records are replicated in another way now"
        elif not _covers(point.since, since):
            self.rejected_because = "more is to be read now than then"
        else:
            return point
        return None


def _covers(saved: str | None, needed: str | None) -> bool:
    first, second = moment_of(saved), moment_of(needed)
    return first is None or (second is not None and first <= second)
