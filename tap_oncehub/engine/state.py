"""What a stream's state keeps; sync_pass.py edits it.

Meltano merges the dictionaries of old and new states key by key. So what belongs together
is an array, which replaces the old one whole, and what is over is an empty array:

- ``replication_key``, ``replication_key_value``: the bookmark;
- ``start_date``: how far back the bookmark reaches; null is everything;
- ``wide_read``: the days, by both clocks, of the last pass that asked wide;
- ``resume``: the pass in progress, see ``SavedPass``;
- ``full_pass``: the last complete pass over the whole list, see ``FullPass``;
- ``unread``: ids of objects that could not be read, to be asked for first.
"""

import typing as t
from collections.abc import Collection, Iterator
from http import HTTPStatus

import msgspec
from singer_sdk.streams.core import StreamStateManager  # type: ignore[attr-defined]
from typing_extensions import override

from tap_oncehub.engine.errors import EndpointError, RefusedError, SettingsError
from tap_oncehub.engine.progress import counted
from tap_oncehub.engine.readers import Count, ListMovedError, Position, Record, Stream, Warn
from tap_oncehub.engine.times import moment_of

State: t.TypeAlias = dict[str, t.Any]

POSITIONS_KEPT = 5
MAX_UNREAD = 100
OBJECT_SECONDS = 60.0  # how long one is retried, until three of its stream stay broken
_MAX_PATIENT = 3
_Text = t.Annotated[str, msgspec.Meta(max_length=200)]
_Version = t.Annotated[int, msgspec.Meta(gt=-(2**53), lt=2**53)]
_Days = t.Annotated[list[_Text], msgspec.Meta(max_length=2)]
_Times = tuple[_Text, _Text]
_Unread = t.Annotated[list[_Text], msgspec.Meta(max_length=MAX_UNREAD)]


class PassState(StreamStateManager):
    """The passes edit the state; the SDK adds nothing of its own."""

    @override
    def increment_state(self, *_: t.Any, **__: t.Any) -> None: ...

    write_starting_replication_value = write_replication_key_signpost = increment_state
    finalize_state = increment_state


class FullPass(t.NamedTuple):
    """A complete pass over the whole list; without values there was none."""

    version: _Version = 0  # of its records: milliseconds since 1970, and later than any before
    begun: _Times = ("", "")  # by this machine's clock and the server's
    objects: Count = 0
    digest: _Text = ""  # stands for the settings that its rows depend on


class SavedPass(t.NamedTuple):
    """A pass in progress, as it stands in the state; without values there is none."""

    form: Count = 0  # which version of this tuple it is
    reads: _Text = ""  # the replication key, if there is one, and the plan's digest
    version: _Version = 0  # that of a full pass, negative if no record carries it
    begun: _Times = ("", "")  # by this machine's clock and the server's
    wide_read: _Days = []  # for which it asks wide; empty if it does not  # noqa: RUF012
    since: _Text | None = None  # what the time filter asks for; None reads everything
    began: _Text | None = None  # when it was surely true: the earlier clock, less a second
    newest: _Text | None = None  # the newest replication key so far
    objects: Count = 0
    positions: t.Annotated[list[Position], msgspec.Meta(max_length=POSITIONS_KEPT)] = []  # noqa: RUF012
    start_date: _Text | None = None  # what is older was not written


def prepare(state: State, key: str | None, warn: Warn) -> None:
    """Give a stream's state every key that it may have, and drop all others.

    The first STATE of a run must hold them all, or a merge brings old ones back.
    """
    kinds = {"wide_read": _Days, "resume": SavedPass, "full_pass": FullPass, "unread": _Unread}
    try:
        for name, kind in kinds.items():
            if state.get(name):
                msgspec.convert(state[name], kind)
    except msgspec.ValidationError:
        warn("the state cannot be read; the stream is read from its start")
        state.clear()
    empty: State = {}
    if key:
        empty = {"replication_key": key, "replication_key_value": None, "start_date": None}
        if state.pop("replication_key", key) != key:
            state["replication_key_value"] = None
    empty |= {name: [] for name in kinds}
    known = {*empty, "account"}  # whose state it is
    kept = {name: value for name, value in state.items() if value and name in known}
    state.clear()
    state |= {**empty, **kept}


def check_state(state: State, streams: Collection[str]) -> None:
    """Refuse a state that is none, or the bookmark of one of the streams that is no time."""
    bookmarks: t.Any = state.get("bookmarks") if state.keys() - {"currently_syncing"} else {}
    parts = bookmarks.values() if isinstance(bookmarks, dict) else [bookmarks]
    if not all(isinstance(part, dict) for part in parts):
        raise SettingsError('The state must look like {"bookmarks": {"STREAM": {…}}}.')
    for stream, bookmark in bookmarks.items():
        for name in ("replication_key_value", "start_date"):
            value = bookmark.get(name)
            if stream in streams and value is not None and moment_of(value) is None:
                what = f"The {name} of {stream} in the state is not a time"
                raise SettingsError(f"{what}: write it like 2026-01-31T00:00:00Z.")


def last_full_pass(state: State) -> FullPass:
    """Return the last full pass that was complete."""
    return FullPass(*state.get("full_pass", ()))


class UnreadObjects:
    """The objects, or values of filters, that a stream could not read, in this run or before."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._state: State = stream.stream_state
        self._broken = 0
        self._why: object = "in an earlier run"

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._state["unread"]))

    def read(self, identifier: str, *, again: bool = False) -> Iterator[Record]:
        """Yield the rows of an object; remember it if they do not come."""
        if identifier in self and not again:
            return  # it was asked for first thing in this run, or failed since
        seconds = OBJECT_SECONDS if self._broken < _MAX_PATIENT else 0
        try:
            with self._stream.run.client.patience(seconds):
                yield from self._stream.rows_of(identifier)
        except (EndpointError, ListMovedError) as error:
            self.leave_out(identifier, error)
        else:
            self.discard(identifier)

    def leave_out(self, identifier: str, error: Exception) -> None:
        """Go on without an object that does not come, unless the error concerns all of them."""
        if isinstance(error, RefusedError):
            if reason := self._stream.documented_refusals.get(error.status):
                self.discard(identifier)
                what = f"skipped: {reason} ({error.status})"
                self._stream.run.progress.note(self._stream.name, what, identifier)
                return
            if error.status == HTTPStatus.FORBIDDEN:  # of the plan, which concerns all
                raise error
        else:
            self._broken += 1
        self._why = error
        if identifier in self:
            return
        states = self._stream.run.states.values()
        if sum(len(state.get("unread", [])) for state in states) >= MAX_UNREAD:
            raise EndpointError(f"more than {MAX_UNREAD} objects could not be read ({error})")
        self._state["unread"] = [*self, identifier]

    def discard(self, identifier: str) -> None:
        """Forget an object: it was read, or is gone."""
        self._state["unread"] = [other for other in self if other != identifier]

    def check(self) -> None:
        """Raise EndpointError if there are any."""
        if count := len(self._state["unread"]):
            what = f"{counted(count, 'object')} could not be read ({self._why})"
            raise EndpointError(f"{what}. The next run asks again")
