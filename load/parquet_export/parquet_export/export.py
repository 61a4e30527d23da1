"""From tables to files.

A table with a `creation_time` becomes one file for each month, in folders that query
engines know as partitions; every other table is one file. A file always has the same
name and is replaced as a whole, so that a reader finds either the old or the new one.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb

from parquet_export.places import Place

TIME = "creation_time"
PARTITION = "creation_month"
NO_MONTH = "0000-00"
"""Before every month, and a text to every reader; not all of them read NULL there."""
_FILE = "data.parquet"


@dataclass(frozen=True)
class Written:
    """A table that was written."""

    name: str
    rows: int
    files: int


def export(connection: duckdb.DuckDBPyConnection, schema: str, place: Place) -> Iterator[Written]:
    """Write every table of a schema.

    Args:
        connection: To the warehouse.
        schema: The schema.
        place: Where to.

    Yields:
        What was written, table by table.

    Raises:
        ValueError: If there is no table.
    """
    place.open_for(connection)
    tables = _tables(connection, schema)
    if not tables:
        msg = f"the schema {schema} has no tables"
        raise ValueError(msg)
    for name, columns in tables.items():
        yield _write(connection, f"{_name(schema)}.{_name(name)}", name, columns, place)


def _tables(connection: duckdb.DuckDBPyConnection, schema: str) -> dict[str, dict[str, str]]:
    found = connection.execute(
        "SELECT table_name, column_name, data_type FROM information_schema.columns "
        "WHERE table_schema = ? AND NOT starts_with(table_name, 'tmp_') "
        "ORDER BY table_name, ordinal_position",
        [schema],
    ).fetchall()
    tables: dict[str, dict[str, str]] = {}
    for table, column, kind in found:
        tables.setdefault(table, {})[column] = kind
    return tables


def _write(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    name: str,
    columns: dict[str, str],
    place: Place,
) -> Written:
    before = place.files(name)
    parts = dict(_parts(connection, table, columns))
    written = {f"{place.url}/{name}/{folder}{_FILE}": rows for folder, rows in parts.items()}
    for file, rows in written.items():
        place.make_folder(file)
        _copy(connection, rows, file, place)
    # Months that have no rows any more, and files of other programs' making.
    place.remove(before - written.keys())
    (count,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone() or (0,)  # noqa: S608
    return Written(name, count, len(written))


def _parts(
    connection: duckdb.DuckDBPyConnection, table: str, columns: dict[str, str]
) -> Iterator[tuple[str, str]]:
    """Name the folder of each file, and the query for its rows."""
    query = f"SELECT * FROM {table}"  # noqa: S608
    if not columns.get(TIME, "").startswith("TIMESTAMP"):
        yield "", query
        return
    month = f"strftime({TIME}, '%Y-%m')"
    months = connection.execute(f"SELECT DISTINCT {month} FROM {table} ORDER BY 1")  # noqa: S608
    for (value,) in months.fetchall() or [(None,)]:
        where = f"{month} = {_text(value)}" if value else f"{TIME} IS NULL"
        yield f"{PARTITION}={value or NO_MONTH}/", f"{query} WHERE {where} ORDER BY {TIME}"


def _copy(connection: duckdb.DuckDBPyConnection, rows: str, file: str, place: Place) -> None:
    # In a folder the file gets its name when it is whole; a store replaces it then.
    whole = "true" if place.is_local else "false"
    options = f"FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE {whole}"
    connection.execute(f"COPY ({rows}) TO {_text(file)} ({options})")


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _name(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'
