"""Where a sync stands, so that it can be killed at any moment and go on.

Lists come newest-created first; a page position stays valid while objects are edited
and added. So the state of a stream holds, beside the Singer bookmark, a checkpoint of
the pass under way, written after every page. Nothing outside this module edits state.
"""

from __future__ import annotations

import time
import typing as t
from datetime import datetime, timedelta, timezone

import msgspec

from tap_oncehub.errors import SettingsError
from tap_oncehub.times import milliseconds, parse_time

if t.TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    State: t.TypeAlias = dict[str, t.Any]

CURSORS_KEPT = 5
_ENDLESS = int(datetime(9999, 1, 1, tzinfo=timezone.utc).timestamp() * 1000)
_KEY, _VALUE, _CHECKPOINT = "replication_key", "replication_key_value", "checkpoint"
_START = "start_date"
_FOREIGN = (
    "partitions",
    "progress_markers",
    "replication_key_signpost",
    "starting_replication_value",
)
"""What the SDK's own taps keep in a state; a bookmark beside it holds."""


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


class Pass:
    """One reading of a list from its start to its end, over any number of runs.

    Attributes:
        resumed: Whether an earlier run began this pass.
        refusal: Why a checkpoint in the state is not used, for the log.
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
        """Go on with the pass that the state tells of, or begin a new one.

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
        self._key = replication_key
        self._kind = replication_key or ("versioned" if versioned else "full")
        self._start_date = start_date if replication_key else None
        self._lookback = lookback
        self.refusal: str | None = None
        since = self._since()
        saved = self._saved(since)
        self.resumed = saved is not None
        self._point = saved or Checkpoint(
            version=int(time.time() * 1000), streams=list(states), kind=self._kind, since=since
        )

    @property
    def cursor(self) -> str | None:
        """Id of the object to go on after; None for the start of the list."""
        return self._point.cursors[-1] if self._point.cursors else None

    @property
    def since(self) -> str | None:
        """Value of the time filter; None reads everything."""
        return self._point.since

    @property
    def version(self) -> int:
        """Marks all records of this pass, the same over all its runs."""
        return self._point.version

    def started(self, moment: datetime) -> None:
        """Note when the pass began, unless an earlier answer or run did.

        Args:
            moment: OnceHub's time, not later than the first answer's content.
        """
        if self._point.began is None:
            self._point.began = milliseconds(moment)

    def reached(self, cursor: str, values: Sequence[t.Any]) -> None:
        """Note that everything up to an object is written.

        Args:
            cursor: Id of the object.
            values: Replication key values written since the last call.
        """
        self.saw(values)
        kept = [*self._point.cursors, cursor][-CURSORS_KEPT:]
        self._point.cursors = kept
        self._holder[_CHECKPOINT] = msgspec.to_builtins(self._point)

    def saw(self, values: Sequence[t.Any]) -> None:
        """Take replication key values into account.

        Args:
            values: As they came; what is no time is passed over.
        """
        texts = [value for value in values if isinstance(value, str)]
        self._point.newest = _latest([self._point.newest, *texts])

    def step_back(self) -> bool:
        """Give up the latest cursor; its object may be gone.

        Returns:
            Whether there was one to give up.
        """
        cursors = self._point.cursors
        self._point.cursors = cursors[:-1]
        return bool(cursors)

    def abandon(self) -> None:
        """End the pass so that the next one reads the same again."""
        self._holder.pop(_CHECKPOINT, None)

    def finish(self) -> None:
        """End the pass: move the bookmarks to the newest key that is surely complete.

        That is never later than the time at which the pass began: what was edited
        since may stand on a page that had been read before.
        """
        self._holder.pop(_CHECKPOINT, None)
        if self._key is None:
            return
        for state in self._states.values():
            covered = self._covered(state)
            newest = _latest([state.get(_VALUE), self._point.newest])
            if bookmark := newest and _earliest([newest, self._point.began]):
                state.update({_KEY: self._key, _VALUE: bookmark, _START: covered})

    @property
    def _holder(self) -> State:
        return next(iter(self._states.values()))

    def _since(self) -> str | None:
        """Find the time filter that misses nothing for any of the streams."""
        if self._key is None:
            return None
        starts = [self._start(state) for state in self._states.values()]
        if any(start is None for start in starts):
            return None
        return milliseconds(min(start for start in starts if start))

    def _start(self, state: State) -> datetime | None:
        wanted = _moment(self._start_date)
        bookmark = self._bookmark(state)
        # The filter is strict: what was updated at start_date itself is wanted too.
        first = _before(wanted, timedelta(milliseconds=1)) if wanted else None
        if bookmark is None or self._moved_back(state, wanted, bookmark):
            return first
        behind = _before(bookmark, self._lookback)
        return max(behind, first) if first else behind

    def _bookmark(self, state: State) -> datetime | None:
        if state.get(_KEY, self._key) != self._key:
            return None
        return _moment(state.get(_VALUE))

    def _moved_back(self, state: State, wanted: datetime | None, bookmark: datetime) -> bool:
        """Whether start_date now reaches further back than what was read."""
        if _START not in state or (wanted and wanted >= bookmark):
            return False
        covered = _moment(state[_START])
        return covered is not None and (wanted is None or wanted < covered)

    def _covered(self, state: State) -> str | None:
        """The start date from which on the bookmark's stream is complete."""
        wanted, bookmark = _moment(self._start_date), self._bookmark(state)
        if bookmark is None or _START not in state:
            return self._start_date
        covered = _moment(state[_START])
        reaches = covered is None or (wanted is not None and covered <= wanted)
        if reaches and (wanted is None or wanted <= bookmark):
            return t.cast("str | None", state[_START])
        return self._start_date

    def _saved(self, since: str | None) -> Checkpoint | None:
        """Read the checkpoint, if it covers what this pass must read."""
        raw = self._holder.get(_CHECKPOINT)
        if raw is None:
            return None
        try:
            point = msgspec.convert(raw, Checkpoint)
        except msgspec.ValidationError:
            self.refusal = "it cannot be read"
            return None
        times = [point.began, point.since, point.newest]
        if any(text is not None and parse_time(text) is None for text in times):
            self.refusal = "its times cannot be read"
        elif not point.cursors or point.began is None:
            self.refusal = "it has no position"
        elif not 0 < point.version < _ENDLESS:
            self.refusal = "its version is from no possible time"
        elif point.streams != list(self._states):
            self.refusal = "other streams are selected now"
        elif point.kind != self._kind:
            self.refusal = "the records are replicated in another way now"
        elif not _covers(point.since, since):
            self.refusal = "more is to be read now than then"
        else:
            return point
        return None


def check_state(state: t.Any, streams: Collection[str]) -> None:
    """Refuse a state whose bookmarks cannot be used; drop what other taps add.

    Args:
        state: The decoded state, as it was given to the tap.
        streams: Names of the streams whose bookmarks are times.

    Raises:
        SettingsError: Naming the stream and what is wrong.
    """
    bookmarks = state.get("bookmarks", {}) if isinstance(state, dict) else None
    if not isinstance(bookmarks, dict):
        msg = 'The state must look like {"bookmarks": {"STREAM": {…}}}.'
        raise SettingsError(msg)
    for stream, bookmark in bookmarks.items():
        if not isinstance(bookmark, dict):
            msg = f"The state of {stream} must be an object."
            raise SettingsError(msg)
        for name in _FOREIGN:
            bookmark.pop(name, None)
        for name in (_VALUE, _START):
            value = bookmark.get(name)
            if stream in streams and value is not None and not _is_time(value):
                msg = f"The {name} of {stream} in the state is no time: write it like "
                raise SettingsError(msg + "2026-01-31T00:00:00Z.")


def _is_time(value: t.Any) -> bool:
    return isinstance(value, str) and parse_time(value) is not None


def _moment(text: t.Any) -> datetime | None:
    return parse_time(text) if isinstance(text, str) else None


def _before(moment: datetime, span: timedelta) -> datetime:
    try:
        return moment - span
    except OverflowError:
        return datetime.min.replace(tzinfo=timezone.utc)


def _covers(saved: str | None, needed: str | None) -> bool:
    first, second = _moment(saved), _moment(needed)
    return first is None or (second is not None and first <= second)


def _latest(texts: Sequence[str | None]) -> str | None:
    return max(_times(texts), default=(None, None))[1]


def _earliest(texts: Sequence[str | None]) -> str | None:
    return min(_times(texts), default=(None, None))[1]


def _times(texts: Sequence[str | None]) -> list[tuple[datetime, str]]:
    pairs = [(_moment(text), text) for text in texts]
    return [(moment, text) for moment, text in pairs if moment and text]
