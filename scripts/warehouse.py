"""The DuckDB file that `make run` loads: whose data it holds, and what is in it."""

from __future__ import annotations

import json
import typing as t
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from enum import Enum

import duckdb

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCHEMA = "oncehub"
_TIMES = ("last_updated_time", "creation_time")
"""Columns that say how new a record is, the better one first."""


class Source(Enum):
    """Where the rows of a warehouse come from."""

    ACCOUNT = "account"
    SAMPLE = "sample"


class MixedDataError(Exception):
    """Sample data would be written over the rows of a real account."""


@dataclass(frozen=True)
class Note:
    """What is kept next to the file."""

    source: str
    made: str
    """When the file was begun."""
    state_suffix: str | None
    """Keeps the state of sample data apart: a new file has a new suffix."""


@dataclass(frozen=True)
class Preparation:
    """What a run has to know about the file that it will load into."""

    note: Note
    is_new: bool
    """No rows of this source are there: a state of earlier runs does not fit."""
    moved_to: Path | None = None
    """Where a file with sample data went."""


@dataclass(frozen=True)
class TableSummary:
    """One line of the summary."""

    name: str
    rows: int
    newest: str | None


class Warehouse:
    """A DuckDB file and, next to it, a note on whose data it holds."""

    def __init__(self, file: Path) -> None:
        """Name the file.

        Args:
            file: The DuckDB file; need not exist.
        """
        self.file = file
        self.note = file.with_suffix(".source.json")

    def prepare(self, source: Source) -> Preparation:
        """Make sure that a run from this source mixes with nothing else.

        Args:
            source: Where the rows will come from.

        Returns:
            What the run has to know.

        Raises:
            MixedDataError: If the file holds an account and the source is sample data.
        """
        moved_to = None
        if self.file.exists() and self._source is not source:
            if self._is_empty():
                self.file.unlink()
            elif source is Source.SAMPLE:
                msg = f"{self.file.name} holds the data of a OnceHub account"
                raise MixedDataError(msg)
            else:
                moved_to = self._move_aside()
        is_new = not self.file.exists()
        note = None if is_new else self._read_note()
        return Preparation(note or self._write_note(source), is_new, moved_to)

    def tables(self) -> Iterator[TableSummary]:
        """Look into the file.

        Yields:
            A line for each table, by name.
        """
        with duckdb.connect(str(self.file), read_only=True) as connection:
            columns = connection.execute(
                "SELECT table_name, list(column_name) FROM information_schema.columns "
                "WHERE table_schema = ? GROUP BY 1 ORDER BY 1",
                [SCHEMA],
            ).fetchall()
            for table, names in columns:
                time = next((name for name in _TIMES if name in names), "NULL")
                # Names come from the database itself.
                query = f'SELECT count(*), max({time}) FROM {SCHEMA}."{table}"'  # noqa: S608
                rows, newest = connection.execute(query).fetchall()[0]
                yield TableSummary(table, rows, newest and f"{newest:%Y-%m-%d %H:%M}")

    @property
    def _source(self) -> Source:
        note = self._read_note()
        # A file without a note was loaded by `meltano run` itself.
        return Source(note.source) if note else Source.ACCOUNT

    def _is_empty(self) -> bool:
        try:
            return not any(table.rows for table in self.tables())
        except duckdb.Error:
            return False  # what cannot be read is not thrown away

    def _read_note(self) -> Note | None:
        if not self.note.exists():
            return None
        return Note(**json.loads(self.note.read_text("utf-8")))

    def _write_note(self, source: Source) -> Note:
        now = datetime.now(timezone.utc)
        suffix = f"sample-{now:%Y%m%d%H%M%S}" if source is Source.SAMPLE else None
        note = Note(source.value, f"{now:%Y-%m-%dT%H:%M:%SZ}", suffix)
        self.note.parent.mkdir(exist_ok=True)
        self.note.write_text(json.dumps(asdict(note)) + "\n", "utf-8")
        return note

    def _move_aside(self) -> Path:
        aside = self.file.with_name("sample.duckdb")
        self.file.replace(aside)
        # Rows that DuckDB has not moved into the file yet wait beside it.
        log = self.file.with_name(self.file.name + ".wal")
        if log.exists():
            log.replace(aside.with_name(aside.name + ".wal"))
        return aside
