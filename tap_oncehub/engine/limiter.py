"""Two rate limits in sliding windows, kept by all taps of a user on this machine together."""

import hashlib
import logging
import os
import sqlite3
import time
import typing as t
import weakref
from collections.abc import Callable
from pathlib import Path

T = t.TypeVar("T")

_BURST = 5
# After each refusal without Retry-After, in windows: together, more than one.
_PAUSES = (1 / 60, 4 / 60, 16 / 60, 40 / 60)
_CHANCE = 2  # more refusals in a window mean that others use it all the time
_SHORTEST_WAIT, _LONGEST_WAIT = 0.001, 86_400.0
_LOCKED_SECONDS = 10.0
_TABLE = """CREATE TABLE IF NOT EXISTS sent (
    id INTEGER PRIMARY KEY AUTOINCREMENT, moment REAL NOT NULL, key TEXT
)"""
_COUNT = "INSERT OR REPLACE INTO sent VALUES (?, ?, ?)"
_NTH_LATEST = """SELECT moment FROM sent WHERE coalesce(?, key) IS key
    ORDER BY moment DESC LIMIT 1 OFFSET ?"""


class RequestLimiter:
    """Lets a request pass when both limits allow it.

    A request counts from the moment its answer arrives: the service counted it earlier,
    so that its window is free again when ours is. Until then it counts as sent a little
    later than now, for the other taps, and for all if this one is killed.
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
        """Limit the requests a second of a key, and those of all keys in a window; 0 does not.

        All taps count in the file, which has a hash of the key; without one, each in memory.
        """
        self._per_window, self._window_seconds = per_window, window_seconds
        # A rate above 5 is spread: 50 a second are 5 in a tenth of a second.
        self._burst = min(_BURST, max(1, int(per_second))) if per_second else 0
        self._burst_seconds = min(self._burst / per_second, _LONGEST_WAIT) if per_second else 0.0
        self._unanswered_seconds = window_seconds / 60
        self._key = hashlib.blake2b(key.encode(), digest_size=16).hexdigest()
        self._file, self._logger = file, logger or logging.getLogger(__name__)
        self._log: sqlite3.Connection | None = None
        self._latest: int | None = None
        self._refusals, self._first_refusal = 0, float("-inf")

    def try_acquire(self) -> float:
        """Count one more request if both limits allow it; else return the seconds to wait."""
        return self._run(self._try_acquire)

    def _try_acquire(self, log: sqlite3.Connection) -> float:
        now, wait = self._forget(log), 0.0
        for key, most, seconds in (
            (None, self._per_window, self._window_seconds),
            (self._key, self._burst, self._burst_seconds),
        ):
            if most:
                for (moment,) in log.execute(_NTH_LATEST, (key, most - 1)):
                    wait = max(wait, min(moment, now) + seconds - now)
        if wait > 0:
            return max(wait, _SHORTEST_WAIT)
        if self._per_window or self._burst:
            reserved = (None, now + self._unanswered_seconds, self._key)
            self._latest = log.execute(_COUNT, reserved).lastrowid
        return 0.0

    def mark_completed(self) -> None:
        """Count the latest request from now on: its answer has arrived."""
        if self._latest is not None:
            completed = (self._latest, time.time(), self._key)
            self._run(lambda log: log.execute(_COUNT, completed))

    def on_rate_limited(self, retry_after: float | None) -> float:
        """Take in a 429: fill the window, for all taps; return the seconds to wait."""
        now = time.time()
        if now - self._first_refusal > self._window_seconds:
            self._first_refusal, self._refusals = now, 0
        self._refusals += 1
        steady = max(0, self._refusals - _CHANCE)
        if retry_after is None:
            wait = self._window_seconds * _PAUSES[: self._refusals][-1]
        else:
            wait = max(retry_after, 0.0) + self._window_seconds * (1 / 1000 + steady / 60)
        spread = retry_after is None or steady > 0
        self._run(lambda log: self._fill(log, wait, spread=spread))
        return wait

    def _fill(self, log: sqlite3.Connection, wait: float, *, spread: bool) -> None:
        """Let no slot of the window be free before the wait is over, or the window."""
        missing, now = self._left(log), time.time()
        first = now + min(wait - self._window_seconds, 0.0)
        log.execute("UPDATE sent SET moment = ? WHERE moment < ?", (first, first))
        # Of others' requests nothing more is known: even over the window, as a steady user's are.
        step = (now - first) / max(missing, 1) if spread else 0.0
        log.executemany(_COUNT, [(None, first + step * n, None) for n in range(missing)])

    @property
    def left(self) -> int | None:
        """Requests left in the current window; None without such a limit."""
        return self._run(self._left) if self._per_window else None

    def _left(self, log: sqlite3.Connection) -> int:
        self._forget(log)
        ((used,),) = log.execute("SELECT count(*) FROM sent")
        return max(0, self._per_window - int(used))

    def _forget(self, log: sqlite3.Connection) -> float:
        """Delete what has left the windows; return the time."""
        now = time.time()
        longest = max(self._window_seconds, self._burst_seconds)
        log.execute("DELETE FROM sent WHERE moment <= ?", (now - longest,))
        # The clock was set back; or a text, which SQLite takes for later than any number.
        latest = now + self._unanswered_seconds
        log.execute("UPDATE sent SET moment = ? WHERE moment > ?", (now, latest))
        return now

    def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do something in one transaction that no other tap can come between."""
        try:
            self._log = self._log or self._connect()
            with self._log as log:
                log.execute("BEGIN IMMEDIATE")
                return work(log)
        except (OSError, RuntimeError, TypeError, ValueError, sqlite3.Error) as error:
            if self._file is None:
                raise
            what = "This run counts its requests in memory, without those of other taps"
            text = "rate_limit_file: %s cannot be used (%s). %s"
            self._logger.warning(text, self._file, error, what)
            self._file = self._log = None
            if self._latest is not None:  # nothing knows any more what was sent before
                self._run(lambda log: self._fill(log, self._window_seconds, spread=False))
            return self._run(work)

    def _connect(self) -> sqlite3.Connection:
        if self._file:
            self._file = self._file.expanduser().absolute()
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600))
        log = sqlite3.connect(
            self._file or ":memory:",
            timeout=_LOCKED_SECONDS,
            isolation_level=None,
            check_same_thread=False,  # the garbage collector may close it in another
        )
        weakref.finalize(self, log.close)
        # A kill loses nothing without it; after a power failure the window has passed.
        log.execute("PRAGMA synchronous=OFF")
        log.execute(_TABLE)
        return log
