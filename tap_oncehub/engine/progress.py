"""What a person sees of a sync: where it is, what it waits for, what it cost."""

from __future__ import annotations

import time
import typing as t
from collections import defaultdict
from dataclasses import dataclass

if t.TYPE_CHECKING:
    import logging
    from collections.abc import Callable
    from datetime import datetime

EVERY_SECONDS = 10.0
_MOST_IDS = 10


@dataclass
class StreamStats:
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
        """Return the figures for a person."""
        records = _counted(self.records, "record")
        requests = _counted(self.requests, "request")
        return f"{self.stream}: {records}, {requests}, {self.waited:.0f} s waited"


class Progress:
    """Counts by stream, and reports every ten seconds."""

    def __init__(self, logger: logging.Logger, requests_left: Callable[[], int | None]) -> None:
        """Start counting.

        Args:
            logger: Where the lines go.
            requests_left: Returns the requests left in the window, None without a limit.
        """
        self._logger = logger
        self._requests_left = requests_left
        self._stats: dict[str, StreamStats] = {}
        self._reported = time.monotonic()

    def stats(self, stream: str) -> StreamStats:
        """Return the figures of a stream, new ones at the first call."""
        return self._stats.setdefault(stream, StreamStats(stream))

    def count_request(self, stats: StreamStats) -> None:
        """Count a request; report how far the sync is, if a report is due."""
        stats.requests += 1
        if self._due:
            self._report(stats)

    def report_wait(self, stats: StreamStats, seconds: float, until: datetime) -> None:
        """Report a wait of so many seconds that is long, or if a report is due."""
        if self._due or seconds >= EVERY_SECONDS:
            self._report(stats, f", waiting until {until:%H:%M:%S %Z}")

    def summarize(self, least_requests: int) -> None:
        """Log the figures of every stream that was read, and what the next run costs."""
        read = [stats for stats in self._stats.values() if stats.requests]
        for stats in read:
            self._logger.info("%s", stats)
        requests = sum(stats.requests for stats in read)
        waited = sum(stats.waited for stats in read)
        total, least = _counted(requests, "request"), _counted(least_requests, "request")
        self._logger.info("Total: %s, %.0f s waited; next run: %s at least", total, waited, least)

    @property
    def _due(self) -> bool:
        return time.monotonic() - self._reported >= EVERY_SECONDS

    def _report(self, stats: StreamStats, wait: str = "") -> None:
        self._reported = time.monotonic()
        back = f", back to {stats.back_to[:10]}" if stats.back_to else ""
        left = self._requests_left()
        window = "" if left is None else f", {left} requests left in this window"
        self._logger.info("%s%s%s%s", stats, back, window, wait)


class Notices:
    """Counts what came up, and names the first few objects it concerns."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], int] = defaultdict(int)
        self._ids: dict[tuple[str, str], list[str]] = defaultdict(list)

    def add(self, stream: str, notice: str, identifier: str) -> None:
        """Note what came up, in words that follow a count: "calendars skipped: …"."""
        key = (stream, notice)
        self._counts[key] += 1
        if len(self._ids[key]) < _MOST_IDS:
            self._ids[key].append(identifier)

    def log(self, logger: logging.Logger) -> None:
        """Log one line for each notice."""
        for (stream, notice), count in self._counts.items():
            ids = ", ".join(self._ids[stream, notice])
            more = "" if count <= _MOST_IDS else f" and {count - _MOST_IDS:,} more"
            logger.info("%s: %d %s (%s%s)", stream, count, notice, ids, more)


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" + "s" * (number != 1)
