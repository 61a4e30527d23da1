"""The DuckDB file, opened when it is needed: others may have it in between."""

import re
import time
import typing as t
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import duckdb

from target_duckdb import UnopenedError, say
from target_duckdb.columns import quoted
from target_duckdb.settings import ROW_GROUP, Settings

_HOLDER = re.compile(r"onflicting lock is held in (.+?) ?\(PID (\d+)\)")
_OPENABLE_SINCE = "v1.2.0"
_SMALLEST_FILE = 12_288
"""A DuckDB file begins with three blocks of headers."""
_RETRY_SECONDS, _TOLD_AFTER_SECONDS = 0.05, 1
"""A reader that only looks in is not worth a line."""


class File:
    """A DuckDB in memory, to which the file is attached."""

    def __init__(self, settings: Settings, stopped: Callable[[], bool]) -> None:
        """Name the file; `stopped` says whether waiting for it makes no sense any more."""
        self._path, self._patience = settings.filepath, settings.lock_wait_seconds
        self._stopped = stopped
        self.database = "warehouse"
        self._is_remote = self._path.startswith(("md:", "motherduck:"))
        if self._is_remote:
            config: dict[str, t.Any] = {"motherduck_token": settings.token or None}
            self.connection = duckdb.connect(self._path, config=config)
            ((self.database,),) = self.sql("SELECT current_database()")
        else:
            config = {
                "storage_compatibility_version": _OPENABLE_SINCE,
                "threads": 1,  # more cost time and memory with batches of this size
                "temp_directory": f"{self._path}.tmp",  # should memory not suffice
            }
            self.connection = duckdb.connect(config=config)
        self.is_open = self._is_remote
        for name, value in {**settings.settings, "TimeZone": "UTC"}.items():
            self.sql(f"SET {quoted(name)} = {literal(str(value))}")

    def sql(self, query: str, *given: str) -> list[t.Any]:
        """Run a query."""
        return self.connection.execute(query, given).fetchall()

    def close(self) -> None:
        """Leave the file to others."""
        if self.is_open and not self._is_remote:
            self.sql(f"DETACH {quoted(self.database)}")
            self.is_open = False

    def open(self) -> None:
        """Open the file, and wait while somebody else has it open."""
        began, told, file = time.monotonic(), False, Path(self._path)
        while not self.is_open:
            with suppress(OSError):
                file.parent.mkdir(exist_ok=True)
            # DuckDB would wait for a FIFO, and take an empty file for an empty warehouse.
            if file.exists() and (not file.is_file() or file.stat().st_size < _SMALLEST_FILE):
                msg = f"{file} is no DuckDB file: delete it, or choose another filepath"
                raise UnopenedError(msg)
            try:
                options = f"{quoted(self.database)} (ROW_GROUP_SIZE {ROW_GROUP})"
                self.sql(f"ATTACH {literal(str(file))} AS {options}")
                self.is_open = True
            except duckdb.IOException as error:
                said = str(error).partition("\n")[0]
                if "Could not set lock on file" not in said:
                    raise UnopenedError(said) from None
                found = _HOLDER.search(said)
                holder = f"in {found[1]} (PID {found[2]})" if found else "elsewhere"
                waited, where = time.monotonic() - began, f"{file} is open {holder}"
                if waited >= self._patience or self._stopped():
                    msg = f"{where}: close it there and run again; nothing is lost"
                    raise UnopenedError(msg) from None
                if waited >= _TOLD_AFTER_SECONDS and not told:
                    say(f"{where}, waiting up to {self._patience:g} seconds")
                    told = True
                time.sleep(_RETRY_SECONDS)


def literal(text: str) -> str:
    """Return a text for SQL."""
    return "'" + text.replace("'", "''") + "'"
