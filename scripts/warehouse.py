"""What a DuckDB file holds, and who else has it open."""

from __future__ import annotations

import re
import sys
import time
import typing as t
from contextlib import contextmanager
from pathlib import Path

import duckdb

from scripts.account import setting

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Opened = t.TypeVar("Opened")

SCHEMA = "oncehub"
_TIMES = ("last_updated_time", "creation_time")
"""Columns that say how new a record is, the better one first."""
_HELD = re.compile(r"lock is held in (.+?) \(PID (\d+)\)")
_TELL_AFTER_SECONDS = 1.0
_LOOK_EVERY_SECONDS = 0.2
_WAIT = "TARGET_DUCKDB_LOCK_WAIT_SECONDS"


class FileInUseError(Exception):
    """Another program has the file open."""


class Table(t.NamedTuple):
    """One line of the summary."""

    name: str
    rows: int
    newest: str
    loaded: str


def when_free(file: Path, open_it: Callable[[], Opened], wait_seconds: float = 0.0) -> Opened:
    """Open a file, waiting while another program has it open.

    Raises:
        FileInUseError: If that takes too long; the message says who it is.
    """
    began = time.monotonic()
    has_warned = False
    while True:
        try:
            return open_it()
        except duckdb.IOException as error:  # noqa: PERF203  # it waits anyway
            held = _HELD.search(str(error))
            if held is None:
                raise
            who = f"{_shown(file)} is open in {Path(held[1]).name} (PID {held[2]})"
            waited = time.monotonic() - began
            if waited >= wait_seconds:
                msg = f"{who}: close it there and run again; nothing is lost"
                raise FileInUseError(msg) from None
            if waited >= _TELL_AFTER_SECONDS and not has_warned:
                has_warned = True
                print(f"{who}, waiting up to {wait_seconds:.0f} seconds", file=sys.stderr)
            time.sleep(_LOOK_EVERY_SECONDS)


def patience(project: Path) -> float:
    """Return how many seconds to wait for a file: as long as the loader does."""
    return float(setting(project, _WAIT) or 60)


def wait_until_writable(file: Path, wait_seconds: float) -> None:
    """Wait while another program reads or writes a file; there may be none yet.

    Raises:
        FileInUseError: If that takes too long.
    """
    if file.exists():
        when_free(file, lambda: duckdb.connect(str(file)), wait_seconds).close()


def tables(file: Path, wait_seconds: float = 0.0) -> list[Table]:
    """Return a line for each table of the schema, by name.

    Raises:
        FileInUseError: While it is written to.
    """
    if not file.exists():
        return []

    def connect() -> duckdb.DuckDBPyConnection:
        return duckdb.connect(str(file), read_only=True)

    with when_free(file, connect, wait_seconds) as connection:
        return [_table(connection, name, found) for name, found in _columns(connection)]


class Snapshot:
    """The rows of a file at one moment, by their hashes: eight bytes a row."""

    def __init__(self, file: Path) -> None:
        """Take it; there may be no file yet."""
        self._file = file
        self._memory = duckdb.connect()
        self._columns: dict[str, list[str]] = {}
        if file.exists():
            with self._attached():
                for name, columns in _columns(self._memory):
                    own = [column for column in columns if not column.startswith("_sdc_")]
                    self._columns[name] = own
                    rows = _rows(name, columns, f"hash({_quoted(own)}) AS hash")
                    self._memory.execute(f'CREATE TABLE memory.main."{name}" AS {rows}')

    def changes(self) -> dict[str, int]:
        """Return how many rows of each table are new, or not as they were."""
        with self._attached():
            return {name: self._changed(name, found) for name, found in _columns(self._memory)}

    def _changed(self, name: str, columns: list[str]) -> int:
        own = self._columns.get(name)
        if own is None or not {*own} <= {*columns}:
            query = _rows(name, columns, "count(*)")
        else:  # a column that is new makes no row a changed one
            rows = _rows(name, columns, f"hash({_quoted(own)}) AS hash")
            query = f'SELECT count(*) FROM ({rows}) ANTI JOIN memory.main."{name}" USING (hash)'  # noqa: S608
        return int(self._memory.execute(query).fetchall()[0][0])

    @contextmanager
    def _attached(self) -> Iterator[None]:
        statement = (
            f"ATTACH '{str(self._file).replace(chr(39), 2 * chr(39))}' AS warehouse (READ_ONLY)"
        )
        when_free(self._file, lambda: self._memory.execute(f"{statement}; USE warehouse"))
        try:
            yield
        finally:
            self._memory.execute("USE memory; DETACH warehouse")


def _columns(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, list[str]]]:
    return connection.execute(
        "SELECT table_name, list(column_name) FROM information_schema.columns "
        "WHERE table_schema = ? GROUP BY 1 ORDER BY 1",
        [SCHEMA],
    ).fetchall()


def _table(connection: duckdb.DuckDBPyConnection, name: str, columns: list[str]) -> Table:
    newest = next((column for column in _TIMES if column in columns), "NULL")
    loaded = "_sdc_extracted_at" if "_sdc_extracted_at" in columns else "NULL"
    query = _rows(name, columns, f"count(*), max({newest}), max({loaded})")
    rows, *times = connection.execute(query).fetchall()[0]
    return Table(name, rows, *(f"{time:%Y-%m-%d %H:%M}" if time else "-" for time in times))


def _rows(name: str, columns: list[str], what: str) -> str:
    there = "WHERE _sdc_deleted_at IS NULL" if "_sdc_deleted_at" in columns else ""
    # Names come from the database itself.
    return f'SELECT {what} FROM {SCHEMA}."{name}" {there}'  # noqa: S608


def _quoted(columns: list[str]) -> str:
    return "ROW(" + ", ".join(f'"{column}"' for column in columns) + ")"


def _shown(file: Path) -> str:
    return f"{file.parent.name}/{file.name}"
