"""What a person sees of a sync: where it is, what it waits for, what it cost."""

from __future__ import annotations

import time
import typing as t
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

if t.TYPE_CHECKING:
    import logging

    from tap_oncehub.api.rate_limit import RequestLimiter
    from tap_oncehub.signals import Interruption

EVERY_SECONDS = 10.0
_NAMED = 10


@dataclass
class Tally:
    """What one stream brought and cost.

    Attributes:
        stream: The stream's name.
        records: Records written.
        requests: Requests sent, retries included.
        waited: Seconds spent waiting for limits and retries.
        back_to: Creation time of the last record.
    """

    stream: str
    records: int = 0
    requests: int = 0
    waited: float = 0.0
    back_to: str | None = None

    def __str__(self) -> str:
        """Write the figures for a person."""
        records = _counted(self.records, "record")
        requests = _counted(self.requests, "request")
        return f"{self.stream}: {records}, {requests}, {self.waited:.0f} s waited"


class Progress:
    """Counts by stream, and tells about it every ten seconds."""

    def __init__(self, logger: logging.Logger, interruption: Interruption) -> None:
        """Start counting.

        Args:
            logger: Where the lines go.
            interruption: Lets SIGTERM and Ctrl-C end a wait.
        """
        self.limiter: RequestLimiter | None = None
        self.interruption = interruption
        self._logger = logger
        self._tallies: dict[str, Tally] = {}
        self._active: Tally | None = None
        self._told = time.monotonic()

    def tally(self, stream: str) -> Tally:
        """Give the figures of a stream, new ones at the first call."""
        return self._tallies.setdefault(stream, Tally(stream))

    def requested(self, tally: Tally) -> None:
        """Count a request; tell how far the sync is, if it is time to."""
        tally.requests += 1
        if time.monotonic() - self._told >= EVERY_SECONDS:
            self._say()

    @property
    def stream(self) -> str:
        """Name of the stream that is being read."""
        return self._active.stream if self._active else ""

    def turn_to(self, tally: Tally) -> None:
        """Put the waits from now on to a stream's account."""
        self._active = tally

    def pause(self, seconds: float) -> None:
        """Wait; say at once until when if it takes long, and then every ten seconds.

        Args:
            seconds: How long.
        """
        started = time.monotonic()
        ends = started + seconds
        until = datetime.now().astimezone() + timedelta(seconds=seconds)
        waiting = f", waiting until {until:%H:%M:%S %Z}"
        if seconds >= EVERY_SECONDS:
            self._say(waiting)
        try:
            while (left := ends - time.monotonic()) > 0:
                due = self._told + EVERY_SECONDS - time.monotonic()
                if due <= 0:
                    self._say(waiting)
                    due = EVERY_SECONDS
                with self.interruption.breakable():
                    time.sleep(min(left, due))
        finally:
            if self._active:
                self._active.waited += time.monotonic() - started

    def summary(self) -> None:
        """Tell the figures of every stream that was read."""
        for tally in self._tallies.values():
            if tally.requests:
                self._logger.info("%s", tally)

    def _say(self, what: str = "") -> None:
        self._told = time.monotonic()
        tally = self._active
        if tally is None:
            return
        back = f", back to {tally.back_to[:10]}" if tally.back_to else ""
        left = self.limiter.left if self.limiter else None
        window = "" if left is None else f", {left} requests left in this window"
        self._logger.info("%s%s%s%s", tally, back, window, what)


class Remarks:
    """Counts what came up, and names the first few objects it concerns."""

    def __init__(self) -> None:
        """Start without remarks."""
        self._counts: dict[tuple[str, str], int] = defaultdict(int)
        self._ids: dict[tuple[str, str], list[str]] = defaultdict(list)

    def add(self, stream: str, remark: str, identifier: str) -> None:
        """Note that something came up.

        Args:
            stream: Where.
            remark: What.
            identifier: The object that it concerns.
        """
        key = (stream, remark)
        self._counts[key] += 1
        if len(self._ids[key]) < _NAMED:
            self._ids[key].append(identifier)

    def tell(self, logger: logging.Logger) -> None:
        """Write one line for each remark.

        Args:
            logger: Where the lines go.
        """
        for key, count in self._counts.items():
            named = ", ".join(self._ids[key])
            more = "" if count <= _NAMED else f" and {count - _NAMED:,} more"
            logger.info("%s: %s: %d (%s%s)", *key, count, named, more)


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" + "s" * (number != 1)
