"""OnceHub's two rate limits, kept in one place for all taps of a user on this machine.

Documented limits: 5 requests a second for an account and 200 requests in 5 minutes
for an IP address, both counted here in sliding windows.
"""

from __future__ import annotations

import logging
import time
import typing as t

from tap_oncehub.engine.request_log import RequestLog, forget

if t.TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

_BURST = 5
_PROBES = (1 / 60, 4 / 60, 13 / 60, 40 / 60, 61 / 60)
"""When to ask again after a refusal without Retry-After, in windows since the first."""
_CERTAIN = 3
"""So many refusals in one window mean that others have used it up."""
_SHORTEST_WAIT, _LONGEST_WAIT = 0.001, 86_400.0
_COUNT = "INSERT OR REPLACE INTO requests VALUES (?, ?, ?, ?)"
_NTH_LATEST = "SELECT tick FROM requests ORDER BY tick DESC LIMIT 1 OFFSET ?"
_NTH_LATEST_OF_KEY = "SELECT tick FROM requests WHERE key = ? ORDER BY tick DESC LIMIT 1 OFFSET ?"


class RequestLimiter:
    """Lets a request pass when both of OnceHub's limits allow it.

    A request counts from the moment its answer arrives: OnceHub counted it earlier,
    so that its window is free again when ours is, whatever the network's delays.
    Until then it counts as sent a little later than now, for the other taps, and
    for all if this one is killed.
    """

    def __init__(  # noqa: PLR0913  # two limits, and where they are counted
        self,
        per_second: float,
        per_window: int,
        window_seconds: float,
        *,
        file: Path | None = None,
        key: str = "",
        logger: logging.Logger | None = None,
    ) -> None:
        """Set up the limits.

        Args:
            per_second: Requests a second, 0 for no such limit. A rate above 5 is
                spread: 50 a second are 5 in a tenth of a second.
            per_window: Requests in one window, 0 for no such limit.
            window_seconds: Length of the window.
            file: Where all taps count; None counts in memory.
            key: The API key, whose requests a second are counted.
            logger: Where an unusable file is logged.
        """
        self._window_seconds = window_seconds
        self._per_window = per_window
        self._burst = min(_BURST, max(1, int(per_second))) if per_second else 0
        self._burst_seconds = min(self._burst / per_second, _LONGEST_WAIT) if per_second else 0.0
        self._log = RequestLog(file, key, logger or logging.getLogger(__name__))
        self._latest: int | None = None
        self._not_before = 0.0
        self._first_refusal = float("-inf")
        self._refusals = 0

    def try_acquire(self) -> float:
        """Count one more request if both limits allow it; else return the seconds to wait."""
        if (wait := self._not_before - time.monotonic()) > 0:
            return wait
        return self._log.run(self._try_acquire)

    def _try_acquire(self, connection: sqlite3.Connection, key: str) -> float:
        now = self._forget(connection)
        ((not_before,),) = connection.execute("SELECT not_before FROM machine")
        # Later than any wait that is written: from before a reboot.
        waits = [not_before - now if not_before - now <= self._window_seconds else 0.0]
        if self._per_window:
            rows = connection.execute(_NTH_LATEST, (self._per_window - 1,))
            waits += [min(tick, now) + self._window_seconds - now for (tick,) in rows]
        if self._burst:
            rows = connection.execute(_NTH_LATEST_OF_KEY, (key, self._burst - 1))
            waits += [min(tick, now) + self._burst_seconds - now for (tick,) in rows]
        if (wait := max(waits)) > 0:
            return max(wait, _SHORTEST_WAIT)
        if self._per_window or self._burst:
            reserved = (None, key, now + self._unanswered_seconds, time.time())
            self._latest = connection.execute(_COUNT, reserved).lastrowid
        return 0.0

    def mark_completed(self) -> None:
        """Count the latest request from now on: its answer has arrived."""
        if self._latest is not None:
            self._log.run(self._mark_completed)

    def _mark_completed(self, connection: sqlite3.Connection, key: str) -> None:
        connection.execute(_COUNT, (self._latest, key, time.monotonic(), time.time()))

    def on_rate_limited(self, retry_after: float | None) -> float:
        """Take in a 429, with OnceHub's Retry-After; return the seconds to wait."""
        now = time.monotonic()
        if now - self._first_refusal > 2 * self._window_seconds:
            self._first_refusal, self._refusals = now, 0
        self._refusals += 1
        wait = self._until_probe(now)
        if retry_after is not None:
            wait = max(retry_after, 0.0) + self._window_seconds / 1000
            wait += max(0, self._refusals - _CERTAIN) * self._window_seconds / 60
        self._not_before = now + wait
        self._log.run(lambda connection, _: self._tell_others(connection, wait))
        return wait

    @property
    def left(self) -> int | None:
        """Requests left in the current window; None without such a limit."""
        if not self._per_window:
            return None
        return self._log.run(lambda connection, _: self._left(connection))

    def _left(self, connection: sqlite3.Connection) -> int:
        self._forget(connection)
        ((used,),) = connection.execute("SELECT count(*) FROM requests")
        return max(0, self._per_window - int(used))

    @property
    def _unanswered_seconds(self) -> float:
        return self._window_seconds / 60

    def _forget(self, connection: sqlite3.Connection) -> float:
        now = time.monotonic()
        longest = max(self._window_seconds, self._burst_seconds)
        forget(connection, now, now + self._unanswered_seconds, longest)
        return now

    def _until_probe(self, now: float) -> float:
        if self._refusals > len(_PROBES):
            return self._window_seconds
        probe = self._first_refusal + self._window_seconds * _PROBES[self._refusals - 1]
        return max(probe - now, self._window_seconds / 60)

    def _tell_others(self, connection: sqlite3.Connection, wait: float) -> None:
        """Make the other taps wait too, a window at most."""
        now = self._forget(connection)
        until = now + min(wait, self._window_seconds)
        connection.execute("UPDATE machine SET not_before = ?", (until,))
        if self._refusals >= _CERTAIN and self._per_window:
            self._use_up(connection, now, wait)

    def _use_up(self, connection: sqlite3.Connection, now: float, wait: float) -> None:
        """Fill the window with the requests of others, whose times are unknown.

        They are spread evenly over the rest of the window, as a steady user's are.
        """
        missing = self._left(connection)
        first = now + wait - self._window_seconds
        step = max(0.0, now - first) / max(missing, 1)
        wall = time.time()
        others = [(None, None, first + i * step, wall) for i in range(missing)]
        connection.executemany(_COUNT, others)
