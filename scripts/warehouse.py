"""What a DuckDB file holds, in a line for each table."""

from __future__ import annotations

import typing as t

import duckdb

if t.TYPE_CHECKING:
    from pathlib import Path

SCHEMA = "oncehub"
_TIMES = ("last_updated_time", "creation_time")
"""Columns that say how new a record is, the better one first."""


class Table(t.NamedTuple):
    """One line of the summary."""

    name: str
    rows: int
    newest: str
    loaded: str


def tables(file: Path) -> list[Table]:
    """Return a line for each table of the schema, by name; an error while it is written to."""
    if not file.exists():
        return []
    with duckdb.connect(str(file), read_only=True) as connection:
        columns = connection.execute(
            "SELECT table_name, list(column_name) FROM information_schema.columns "
            "WHERE table_schema = ? GROUP BY 1 ORDER BY 1",
            [SCHEMA],
        ).fetchall()
        return [_table(connection, name, found) for name, found in columns]


def _table(connection: duckdb.DuckDBPyConnection, name: str, columns: list[str]) -> Table:
    newest = next((column for column in _TIMES if column in columns), "NULL")
    loaded = "_sdc_extracted_at" if "_sdc_extracted_at" in columns else "NULL"
    there = "WHERE _sdc_deleted_at IS NULL" if "_sdc_deleted_at" in columns else ""
    # Names come from the database itself.
    query = f'SELECT count(*), max({newest}), max({loaded}) FROM {SCHEMA}."{name}" {there}'  # noqa: S608
    rows, *times = connection.execute(query).fetchall()[0]
    return Table(name, rows, *(f"{time:%Y-%m-%d %H:%M}" if time else "-" for time in times))
