"""When a stream that is not read in every run is to be read again."""

from __future__ import annotations

import hashlib
import json
import typing as t
from datetime import datetime, timedelta, timezone

from tap_oncehub.engine.times import milliseconds, moment_of

if t.TYPE_CHECKING:
    from tap_oncehub.state.bookmark import State

_COMPLETE = "complete_pass"
_TOLERANCE = 0.95
"""A daily run comes to a stream a little earlier one day than the day before."""


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
        self._validity = timedelta(hours=hours) * _TOLERANCE
        text = json.dumps(form, sort_keys=True, default=str)
        self._form = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    def due(self, now: datetime) -> datetime | None:
        """Return when the stream is to be read again; None if that is now."""
        saved = self._state.get(_COMPLETE)
        if not isinstance(saved, dict) or saved.get("form") != self._form:
            return None
        began, here = moment_of(saved.get("began")), moment_of(saved.get("here"))
        # OnceHub's Date may stand still, as some cache has it: either clock will do.
        clocks = [(began, now), (here, datetime.now(timezone.utc))]
        if began is None or any(then and abs(at - then) >= self._validity for then, at in clocks):
            return None
        return began + self._validity

    def complete(self, began: str | None) -> None:
        """Record that a pass is complete, and when it began, by OnceHub's clock."""
        if self._validity:
            here = milliseconds(datetime.now(timezone.utc))
            self._state[_COMPLETE] = {"began": began, "here": here, "form": self._form}


def takes_part(holder: State, stream: str) -> bool:
    """Return whether a stream is read in a pass that is not complete.

    Its state, or that of its parent, holds the pass.
    """
    checkpoint = holder.get("checkpoint")
    streams = checkpoint.get("streams") if isinstance(checkpoint, dict) else None
    return isinstance(streams, list) and stream in streams
