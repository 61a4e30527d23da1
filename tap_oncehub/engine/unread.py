"""Objects that could not be read: remembered in the state, and asked for first in the next run."""

import typing as t
from collections.abc import Iterator

from tap_oncehub.engine.errors import EndpointError, RefusedError
from tap_oncehub.engine.readers import ListMovedError, Record, Stream
from tap_oncehub.engine.state import MAX_UNREAD

OBJECT_SECONDS = 60.0
"""How long one object is retried, before the run's third that stays broken."""
_MAX_PATIENT = 3
_OBJECT_REFUSALS = {400, 402, 404, 409, 410, 422}
"""What concerns one object, so that the others can be asked for."""


class UnreadObjects:
    """The objects, or values of filters, that a stream could not read, in this run or before."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._state: dict[str, t.Any] = stream.stream_state
        self._left_out: set[str] = set()
        self._broken = 0
        self._why: object = "in an earlier run"

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._state["unread"]))

    def read(self, identifier: str) -> Iterator[Record]:
        """Yield the rows of an object; remember it if they do not come."""
        if identifier in self._left_out:
            return  # it did not come in this run
        seconds = OBJECT_SECONDS if self._broken < _MAX_PATIENT else 0
        try:
            with self._stream.run.client.patience(seconds):
                yield from self._stream.rows_of(identifier)
        except (EndpointError, ListMovedError) as error:
            self.leave_out(identifier, error)
        else:
            self.discard(identifier)

    def leave_out(self, identifier: str, error: Exception) -> None:
        """Go on without an object that does not come.

        Raises:
            EndpointError: If the error concerns all of them, or there are too many.
        """
        if isinstance(error, RefusedError):
            if reason := self._stream.documented_refusals.get(error.status):
                self.discard(identifier)
                what = f"skipped: {reason} ({error.status})"
                self._stream.run.notices.add(self._stream.name, what, identifier)
                return
            if error.status not in _OBJECT_REFUSALS:
                raise error
        else:
            self._broken += 1
        self._why = error
        self._left_out.add(identifier)
        self.add(identifier)

    def add(self, identifier: str) -> None:
        """Remember an object.

        Raises:
            EndpointError: If there are too many, over all streams.
        """
        if identifier in self._state["unread"]:
            return
        if self._stream.run.count_unread() >= MAX_UNREAD:
            msg = f"more than {MAX_UNREAD} objects could not be read ({self._why})"
            raise EndpointError(msg)
        self._state["unread"] = [*self, identifier]

    def discard(self, identifier: str) -> None:
        """Forget an object: it was read, or is gone."""
        self._state["unread"] = [other for other in self if other != identifier]

    @property
    def error(self) -> EndpointError | None:
        """What to tell of them; None if there are none."""
        count = len(self._state["unread"])
        if not count:
            return None
        what = "1 object" if count == 1 else f"{count} objects"
        return EndpointError(f"{what} could not be read ({self._why}). The next run asks again")
