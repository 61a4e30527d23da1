"""The requests of the last window, which all taps of a user on this machine share."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
import typing as t
import weakref
from contextlib import contextmanager

if t.TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator
    from pathlib import Path

    T = t.TypeVar("T")

_LOCKED_SECONDS = 10.0
_TABLES = """
CREATE TABLE IF NOT EXISTS requests (
    id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT, tick REAL NOT NULL, wall REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS requests_by_tick ON requests (tick);
CREATE TABLE IF NOT EXISTS machine (
    id INTEGER PRIMARY KEY CHECK (id = 1), salt BLOB NOT NULL, not_before REAL NOT NULL
);
"""


class RequestLog:
    """Requests in a SQLite file, or in memory where there is no usable file.

    A request has two times. ``tick`` is the machine's monotonic clock: the same in all
    processes, never set, at zero after a reboot. ``wall`` only tells whether a request
    from before a reboot is long past.
    """

    def __init__(self, file: Path | None, key: str, logger: logging.Logger) -> None:
        """Open nothing yet; without a file, keep the requests in memory."""
        self._file = file
        self._key = key
        self._logger = logger
        self._connection: sqlite3.Connection | None = None
        self._hash = ""

    def run(self, work: Callable[[sqlite3.Connection, str], T]) -> T:
        """Do something in one transaction that no other tap can come between."""
        try:
            return self._run(work)
        except (OSError, RuntimeError, sqlite3.Error) as error:
            if self._file is None:
                raise
            self._logger.warning(
                "rate_limit_file: %s cannot be used (%s). This run counts its requests in memory, "
                "without those of other taps",
                self._file,
                error,
            )
            self._file = self._connection = None
            return self._run(work)

    def _run(self, work: Callable[[sqlite3.Connection, str], T]) -> T:
        if self._connection is None:
            self._connection = self._connect()
        with _transaction(self._connection):
            return work(self._connection, self._hash)

    def _connect(self) -> sqlite3.Connection:
        if self._file:
            self._file = self._file.expanduser().absolute()
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600))
        connection = sqlite3.connect(
            self._file or ":memory:",
            timeout=_LOCKED_SECONDS,
            isolation_level=None,
            check_same_thread=False,  # the garbage collector may close it in another
        )
        weakref.finalize(self, connection.close)
        # A kill loses nothing without it; after a power failure the window has passed.
        connection.execute("PRAGMA synchronous=OFF")
        with _transaction(connection):
            for statement in _TABLES.split(";"):
                connection.execute(statement)
            new = "INSERT OR IGNORE INTO machine VALUES (1, ?, 0)"
            connection.execute(new, (os.urandom(hashlib.blake2b.SALT_SIZE),))
            ((salt,),) = connection.execute("SELECT salt FROM machine")
        self._hash = hashlib.blake2b(self._key.encode(), salt=salt, digest_size=16).hexdigest()
        return connection


def forget(connection: sqlite3.Connection, now: float, soon: float, window: float) -> None:
    """Delete the requests that have left the window.

    A time later than any that is possible is from before a reboot: such a request
    counts from now on, unless the wall clock says that its window has passed.

    Args:
        connection: In a transaction.
        now: The monotonic clock.
        soon: The latest possible time.
        window: Seconds.
    """
    wall = time.time()
    connection.execute(
        "DELETE FROM requests WHERE tick <= ? OR (tick > ? AND wall <= ?)",
        (now - window, soon, wall - window),
    )
    connection.execute("UPDATE requests SET tick = ?, wall = ? WHERE tick > ?", (now, wall, soon))


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()
