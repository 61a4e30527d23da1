"""What a person sees of a sync: where it is, what it waits for, what it cost; never the key."""

import dataclasses
import logging
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime

from singer_sdk.metrics import Point
from typing_extensions import override

EVERY_SECONDS = 10.0
_MIN_RATE_SECONDS = 5.0
_MOST_IDS = 10
_LONGEST_LINE = 20_000
_SHORTEST_KEY = 8  # what is shorter is no API key, and would take letters out of every word


@dataclasses.dataclass
class StreamStats:
    """What one stream brought and cost."""

    stream: str
    records: int = 0
    requests: int = 0
    waited: float = 0.0  # seconds, for limits and retries
    back_to: str = ""  # creation time of the last record
    is_absent: bool = False
    started: float = float("inf")  # when the first request was sent, on the monotonic clock


class Progress:
    """Counts by stream, and reports every ten seconds.

    The lines are for people. Each carries its figures as an attribute of the log record too
    (``progress``, ``stream_stats``, ``run_stats``), for programs that read a structured log.
    """

    def __init__(self, logger: logging.Logger, requests_left: Callable[[], int | None]) -> None:
        self._logger, self._requests_left = logger, requests_left
        self._stats: dict[str, StreamStats] = {}
        self._noted: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._reported = time.monotonic()
        self._has_reported = False

    def stats(self, stream: str) -> StreamStats:
        """Return the figures of a stream, new ones at the first call."""
        return self._stats.setdefault(stream, StreamStats(stream))

    def count_request(self, stats: StreamStats) -> None:
        """Count a request; report how far the sync is, if a report is due."""
        stats.requests += 1
        stats.started = min(stats.started, time.monotonic())
        if self._due:
            self._report(stats)

    def report_wait(self, stats: StreamStats, seconds: float, until: datetime) -> None:
        """Report a wait of so many seconds that is long, or if a report is due."""
        if self._due or seconds >= EVERY_SECONDS:
            self._report(stats, until if seconds >= 1 else None)

    def note(self, stream: str, notice: str, identifier: str) -> None:
        """Note what came up, in words that ids follow: "calendars skipped"."""
        self._noted[stream, notice].append(identifier)

    def summarize(self, min_requests: int | None) -> None:
        """Log notes, the figures of every stream, and what the next run costs, if known."""
        for (stream, notice), ids in self._noted.items():
            more = f" and {len(ids) - _MOST_IDS:,} more" if len(ids) > _MOST_IDS else ""
            self._logger.info("%s: %s: %s%s", stream, notice, ", ".join(ids[:_MOST_IDS]), more)
        read = [stats for stats in self._stats.values() if stats.requests]
        for stats in read:
            records, requests = counted(stats.records, "record"), counted(stats.requests)
            told = ("stream", "records", "requests", "is_absent")
            figures = {name: getattr(stats, name) for name in told}
            line = f"{stats.stream}: {records}, {requests}, {stats.waited:.0f} s waited"
            self._logger.info("%s", line, extra={"stream_stats": figures})
        if min_requests is not None:
            total = sum(stats.requests for stats in read)
            line = f"{counted(total)}; the next run needs at least {min_requests:,}"
            figures = {"requests": total, "min_requests": min_requests}
            self._logger.info("%s", line, extra={"run_stats": figures})

    @property
    def _due(self) -> bool:
        return time.monotonic() - self._reported >= EVERY_SECONDS

    def _report(self, stats: StreamStats, until: datetime | None = None) -> None:
        self._reported = time.monotonic()
        seconds, left = self._reported - stats.started, self._requests_left()
        rate = int(stats.records / seconds * 60) if seconds >= _MIN_RATE_SECONDS else None
        parts = (
            counted(stats.records, "record"),
            "" if rate is None else f"{rate:,} a minute",
            f"back to {stats.back_to[:10]}" if stats.back_to else "",
            "" if left is None else f"{counted(left)} left",
            f"waiting until {until:%H:%M:%S %Z}" if until else "",
            "" if self._has_reported else "may be stopped at any time: the next run resumes",
        )
        self._has_reported = True
        figures = {
            "stream": stats.stream,
            "records": stats.records,
            "records_per_minute": rate,
            "back_to": stats.back_to or None,
            "requests_left": left,
            "waiting_until": until.isoformat() if until else None,
        }
        line = ", ".join(filter(None, parts))
        self._logger.info("%s: %s", stats.stream, line, extra={"progress": figures})


def counted(number: int, what: str = "request") -> str:
    """Return a number of things in words."""
    return f"{number:,} {what}" + "s" * (number != 1)


def plain_text(text: str, secret: str = "") -> str:
    """Return a text as one printable line without the API key."""
    visible = "".join(c for c in text[: 2 * _LONGEST_LINE] if c.isprintable() or c.isspace())
    if secret:
        visible = visible.replace(secret, "…")
    return " ".join(visible.split())[:_LONGEST_LINE]


class PlainTextFilter(logging.Filter):
    """Makes every message of a handler plain text; metrics keep their form."""

    secret = ""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple) and record.args and isinstance(record.args[0], Point):
            return True  # Meltano takes a metric apart; as a text it would be of no use
        record.msg, record.args = plain_text(record.getMessage(), self.secret), None
        if record.levelno < logging.ERROR:
            record.exc_info = None  # urllib3 warns of a header that it cannot read with a traceback
        return True


_PLAIN = PlainTextFilter()


def keep_plain(secret: str) -> None:
    """Make all that is logged plain text without the API key."""
    _PLAIN.secret = secret if len(secret) >= _SHORTEST_KEY else ""
    for handler in logging.getLogger().handlers:
        handler.addFilter(_PLAIN)  # which adds it only once
