"""What a DuckDB file holds, and who else has it open."""

import re
import sys
import time
import typing as t
from pathlib import Path

import duckdb

from scripts.account import setting

SCHEMA = "oncehub"
_TIMES = ("last_updated_time", "creation_time")  # how new a record is, the better one first
_HELD = re.compile(r"lock is held in (.+?) \(PID (\d+)\)")
_LOOK_EVERY_SECONDS = 0.2


class Table(t.NamedTuple):
    """One line of the summary."""

    name: str
    rows: int
    newest: str
    loaded: str


def attach(
    connection: duckdb.DuckDBPyConnection, file: Path, wait: float = 0.0, mode: str = "READ_ONLY"
) -> None:
    """Attach a file as `warehouse`, and use it; end with a line if another program keeps it."""
    end, said = time.monotonic() + wait, wait <= 0
    while True:
        try:
            connection.execute(f"ATTACH '{quoted(file)}' AS warehouse ({mode}); USE warehouse")
        except duckdb.Error as error:  # it waits anyway
            text = str(error)
        else:
            return
        held = _HELD.search(text) or sys.exit(text.partition("\n")[0])
        who = f"{file.parent.name}/{file.name} is open in {Path(held[1]).name} (PID {held[2]})"
        if time.monotonic() >= end:
            sys.exit(f"{who}: close it there and run again; nothing is lost")
        if not said:
            print(f"{who}, waiting up to {wait:.0f} seconds", file=sys.stderr)
        said = True
        time.sleep(_LOOK_EVERY_SECONDS)


def patience(project: Path) -> float:
    """Return how many seconds to wait for a file: as long as the loader does."""
    return float(setting(project, "TARGET_DUCKDB_LOCK_WAIT_SECONDS") or 60)


def wait_until_writable(file: Path, wait: float) -> None:
    """Wait while another program reads or writes a file; there may be none yet."""
    if file.exists():
        with duckdb.connect() as connection:
            attach(connection, file, wait, "READ_WRITE")


def tables(file: Path, schema: str = SCHEMA) -> list[Table]:
    """Return a line for each table of a schema, by name."""
    found = []
    with duckdb.connect() as connection:
        if file.exists():
            attach(connection, file)
        for name, columns in _columns(connection, schema):
            newest = next((column for column in _TIMES if column in columns), "NULL")
            loaded = "_sdc_extracted_at" if "_sdc_extracted_at" in columns else "NULL"
            query = _rows(f"count(*), max({newest}), max({loaded})", schema, name, columns)
            ((rows, *times),) = connection.execute(query).fetchall()
            texts = (f"{time:%Y-%m-%d %H:%M}" if time else "-" for time in times)
            found.append(Table(name, rows, *texts))
    return found


class Snapshot:
    """The rows of a file at one moment, by their hashes: eight bytes a row."""

    def __init__(self, file: Path) -> None:
        """Take it; there may be no file yet."""
        self._file = file
        self._memory = duckdb.connect()
        self._columns: dict[str, list[str]] = {}
        if file.exists():
            attach(self._memory, file)
            for name, columns in _columns(self._memory):
                self._columns[name] = [c for c in columns if not c.startswith("_sdc_")]
                hashes = self._hashes(name, columns)
                self._memory.execute(f'CREATE TABLE memory.main."{name}" AS {hashes}')
            self._memory.execute("USE memory; DETACH warehouse")

    def changes(self) -> dict[str, int]:
        """Return how many rows of each table are new, or not as they were."""
        attach(self._memory, self._file)
        found = {}
        for name, columns in _columns(self._memory):
            query = f"SELECT count(*) FROM ({self._hashes(name, columns)})"  # noqa: S608
            if name in self._columns:
                query += f' ANTI JOIN memory.main."{name}" USING (hash)'
            ((found[name],),) = self._memory.execute(query).fetchall()
        return found

    def _hashes(self, name: str, columns: list[str]) -> str:
        # A column that is new makes no row a changed one.
        compared = [f'"{c}"' for c in self._columns.get(name, columns) if c in columns]
        return _rows(f"hash({', '.join(compared)}) AS hash", SCHEMA, name, columns)


def quoted(text: object) -> str:
    """Return a text as it stands between quotes in SQL."""
    return str(text).replace("'", "''")


def _columns(
    connection: duckdb.DuckDBPyConnection, schema: str = SCHEMA
) -> list[tuple[str, list[str]]]:
    query = """SELECT table_name, list(column_name) FROM duckdb_columns()
        WHERE database_name = 'warehouse' AND schema_name = ? GROUP BY 1 ORDER BY 1"""
    return connection.execute(query, [schema]).fetchall()


def _rows(what: str, schema: str, name: str, columns: list[str]) -> str:
    there = "WHERE _sdc_deleted_at IS NULL" if "_sdc_deleted_at" in columns else ""
    # Names come from the database itself.
    return f'SELECT {what} FROM {schema}."{name}" {there}'  # noqa: S608
