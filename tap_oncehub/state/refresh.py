"""When a stream that costs a request for each object is to be read again."""

from __future__ import annotations

import hashlib
import json
import typing as t
from datetime import datetime, timedelta

from tap_oncehub.times import moment_of

if t.TYPE_CHECKING:
    from tap_oncehub.state.bookmark import State

_COMPLETE = "complete_pass"


class Refresh:
    """The last complete pass of one stream, and what it was a pass of."""

    def __init__(self, state: State, hours: float, form: t.Any) -> None:
        """Look at a stream's state.

        Args:
            state: The writable state of the stream.
            hours: How long a complete pass is good for.
            form: Selection and settings that the rows depend on.
        """
        self._state = state
        self._hours = hours
        text = json.dumps(form, sort_keys=True, default=str)
        self._form = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    def due(self, now: datetime) -> datetime | None:
        """Return when the stream is to be read again; None if that is now.

        Args:
            now: OnceHub's clock.
        """
        saved = self._state.get(_COMPLETE)
        if not isinstance(saved, dict) or saved.get("form") != self._form:
            return None
        began = moment_of(saved.get("began"))
        if began is None or abs(now - began) >= timedelta(hours=self._hours):
            return None
        return began + timedelta(hours=self._hours)

    def complete(self, began: str | None) -> None:
        """Record that a pass is complete.

        Args:
            began: When it began, by OnceHub's clock.
        """
        self._state[_COMPLETE] = {"began": began, "form": self._form}


def takes_part(parent: State, stream: str) -> bool:
    """Return whether a stream is read in a pass of its parent that is not complete.

    Args:
        parent: The state of the parent.
        stream: Its child.
    """
    checkpoint = parent.get("checkpoint")
    streams = checkpoint.get("streams") if isinstance(checkpoint, dict) else None
    return isinstance(streams, list) and stream in streams
