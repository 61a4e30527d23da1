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
_SHORTEST_WAIT_SECONDS = 1.0
_MIN_RATE_SECONDS = 5.0
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
        is_absent: Whether the account has no such list.
        started: When the first request was sent, on the monotonic clock.
    """

    stream: str
    records: int = 0
    requests: int = 0
    waited: float = 0.0
    back_to: str | None = None
    is_absent: bool = False
    started: float | None = None

    def __str__(self) -> str:
        """Return the figures for a person."""
        records = _counted(self.records, "record")
        requests = _counted(self.requests, "request")
        return f"{self.stream}: {records}, {requests}, {self.waited:.0f} s waited"

    @property
    def records_per_minute(self) -> int | None:
        """The records a minute since the first request; None while there is too little to say."""
        seconds = 0.0 if self.started is None else time.monotonic() - self.started
        return int(self.records / seconds * 60) if seconds >= _MIN_RATE_SECONDS else None


class Progress:
    """Counts by stream, and reports every ten seconds.

    The lines are for people. Each carries its figures as an attribute of the log record too
    (``progress``, ``stream_stats``, ``run_stats``), for programs that read a structured log.
    """

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
        self._has_reported = False

    def stats(self, stream: str) -> StreamStats:
        """Return the figures of a stream, new ones at the first call."""
        return self._stats.setdefault(stream, StreamStats(stream))

    def count_request(self, stats: StreamStats) -> None:
        """Count a request; report how far the sync is, if a report is due."""
        stats.requests += 1
        if stats.started is None:
            stats.started = time.monotonic()
        if self._due:
            self._report(stats)

    def report_wait(self, stats: StreamStats, seconds: float, until: datetime) -> None:
        """Report a wait of so many seconds that is long, or if a report is due."""
        if self._due or seconds >= EVERY_SECONDS:
            self._report(stats, until if seconds >= _SHORTEST_WAIT_SECONDS else None)

    def summarize(self, min_requests: int | None) -> None:
        """Log the figures of every stream that was read, and what the next run costs.

        Args:
            min_requests: Requests that the next run needs at least; None where this one did
                not read everything, so that nobody knows.
        """
        read = [stats for stats in self._stats.values() if stats.requests]
        for stats in read:
            figures = {"records": stats.records, "requests": stats.requests}
            extra = {"stream": stats.stream, "is_absent": stats.is_absent, **figures}
            self._logger.info("%s", stats, extra={"stream_stats": extra})
        if min_requests is None:
            return
        requests = sum(stats.requests for stats in read)
        self._logger.info(
            "%s; the next run needs at least %s",
            _counted(requests, "request"),
            f"{min_requests:,}",
            extra={"run_stats": {"requests": requests, "min_requests": min_requests}},
        )

    @property
    def _due(self) -> bool:
        return time.monotonic() - self._reported >= EVERY_SECONDS

    def _report(self, stats: StreamStats, until: datetime | None = None) -> None:
        self._reported = time.monotonic()
        rate, left = stats.records_per_minute, self._requests_left()
        parts = [_counted(stats.records, "record")]
        parts += [] if rate is None else [f"{rate:,} a minute"]
        parts += [f"back to {stats.back_to[:10]}"] if stats.back_to else []
        parts += [] if left is None else [f"{_counted(left, 'request')} left"]
        parts += [f"waiting until {until:%H:%M:%S %Z}"] if until else []
        parts += [] if self._has_reported else ["may be stopped at any time: the next run resumes"]
        self._has_reported = True
        extra = {
            "stream": stats.stream,
            "records": stats.records,
            "records_per_minute": rate,
            "back_to": stats.back_to,
            "requests_left": left,
            "waiting_until": until.isoformat() if until else None,
        }
        self._logger.info("%s: %s", stats.stream, ", ".join(parts), extra={"progress": extra})


class Notices:
    """Counts what came up, and names the first few objects it concerns."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], int] = defaultdict(int)
        self._ids: dict[tuple[str, str], list[str]] = defaultdict(list)

    def add(self, stream: str, notice: str, identifier: str) -> None:
        """Note what came up, in words that ids follow: "calendars skipped"."""
        key = (stream, notice)
        self._counts[key] += 1
        if len(self._ids[key]) < _MOST_IDS:
            self._ids[key].append(identifier)

    def log(self, logger: logging.Logger) -> None:
        """Log one line for each notice."""
        for (stream, notice), count in self._counts.items():
            ids = ", ".join(self._ids[stream, notice])
            more = "" if count <= _MOST_IDS else f" and {count - _MOST_IDS:,} more"
            logger.info("%s: %s: %s%s", stream, notice, ids, more)


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" + "s" * (number != 1)
