"""The server's clock, which may be wrong on purpose."""

from __future__ import annotations

import time
from dataclasses import dataclass
from email.utils import formatdate

_TICKS_PER_NANOSECOND = 100


@dataclass
class Clock:
    """This machine's time, shifted.

    Attributes:
        offset_seconds: how far the server is ahead of this machine.
    """

    offset_seconds: float = 0.0

    def time(self) -> float:
        """Return the seconds since 1970."""
        return time.time() + self.offset_seconds

    def now(self) -> int:
        """Return the units of 100 ns since 1970."""
        offset = int(self.offset_seconds * 10_000_000)
        return time.time_ns() // _TICKS_PER_NANOSECOND + offset

    def http_date(self, ahead: float = 0.0) -> str:
        """Return the text for a `Date` header."""
        return formatdate(self.time() + ahead, usegmt=True)
