"""Moments as integers of 100 ns since 1970, as text, how they are spread, and the clock."""

import re
import time
from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.utils import formatdate
from itertools import accumulate

SECOND = 10_000_000
MILLISECOND = SECOND // 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - naive is faster, all is UTC here
LACKING = 43
"""Of 61 nasty objects, the one whose update time is absent rather than null."""
_FORM = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?)?", re.ASCII
)

# Realistic: how busy an hour of the day (UTC) and a day of the week (Monday first) is.
_HOURS = (2, 1, 1, 1, 2, 4, 10, 22, 38, 46, 44, 36, 32, 40, 46, 42, 34, 26, 18, 12, 9, 7, 5, 3)
_DAYS = (21, 20, 19, 18, 14, 4, 4)
_YEARS_IN_HOURS = 3 * 365 * 24

# How some of eleven nasty objects write times.
_STYLES = {3: "offset", 5: "7", 7: "s"}


@dataclass
class Clock:
    """This machine's time, shifted: `offset_seconds` is how far the server is ahead."""

    offset_seconds: float = 0.0

    def time(self) -> float:
        """Return the seconds since 1970."""
        return time.time() + self.offset_seconds

    def now(self) -> int:
        """Return the units of 100 ns since 1970."""
        return time.time_ns() // 100 + int(self.offset_seconds * SECOND)

    def http_date(self, ahead: float) -> str:
        """Return the text for a header."""
        return formatdate(self.time() + ahead, usegmt=True)


def style(turn: int | None, usual: str) -> str:
    """Choose how an object writes a time."""
    return usual if turn is None else _STYLES.get(turn % 11, usual)


def creation(turn: int | None, created: int, usual: str = "s") -> str | None:
    """Write a creation time, which some lack."""
    return None if turn is not None and turn % 67 == 29 else text(created, style(turn, usual))


def update(turn: int | None, updated: int) -> str | None:
    """Write an update time, which some lack."""
    if turn is None:
        return text(updated)
    if turn % 61 in {17, LACKING}:
        return None
    return text(updated - (1 + turn % 9973) * (style(turn, "") == "7"), style(turn, "ms"))


def text(ticks: int, style: str = "ms") -> str:
    """Write a moment: "s", "ms", "7" (digits) or "offset" (two hours ahead)."""
    seconds, rest = divmod(ticks, SECOND)
    there = 7200 if style == "offset" else 0
    iso = (_EPOCH + timedelta(seconds=seconds + there)).isoformat()
    if there:
        return iso + f".{rest:07d}".rstrip("0").rstrip(".") + "+02:00"
    if style == "7" or rest % MILLISECOND:
        return f"{iso}.{rest:07d}Z"
    return f"{iso}.{rest // MILLISECOND:03d}Z" if style == "ms" or rest else f"{iso}Z"


def parse(value: object) -> int | None:
    """Read a date, or date and time, UTC if not said; None if it is neither."""
    found = _FORM.fullmatch(value) if isinstance(value, str) else None
    if not found:
        return None
    day, clock, fraction, offset = found.groups()
    try:
        zone = (offset or "Z").replace("Z", "+00:00")
        moment = datetime.fromisoformat(f"{day}T{clock or '00:00:00'}{zone}")
    except ValueError:
        return None
    seconds = int((moment - datetime(1970, 1, 1, tzinfo=timezone.utc)).total_seconds())
    return seconds * SECOND + int((fraction or "0").ljust(7, "0")[:7])


class Arrivals:
    """When the objects of a list were created: three years up to now, in busy hours.

    Monotone in the index, so that a list is sorted without being generated.
    """

    def __init__(self, now: int) -> None:
        first = now // HOUR - _YEARS_IN_HOURS
        self._start, self._now = first * HOUR, now
        self._weights = [
            _HOURS[(first + hour) % 24]
            * _DAYS[((first + hour) // 24 + 3) % 7]
            # Realistic: the account is 2.5 times as busy today as three years ago.
            * (1000 + 1500 * hour // _YEARS_IN_HOURS)
            for hour in range(_YEARS_IN_HOURS)
        ]
        self._sums = list(accumulate(self._weights))

    def moment(self, index: int, size: int, jitter: int) -> int:
        """Return the creation of number `index`, 0 is the newest; `jitter` < 1000."""
        total = self._sums[-1]
        target = total - 1 - (index * 1000 + jitter) * total // (size * 1000)
        hour = bisect_right(self._sums, target)
        before = self._sums[hour] - self._weights[hour]
        seconds = (target - before) * 3600 // self._weights[hour]
        return min(self._now, self._start + hour * HOUR + seconds * SECOND)
