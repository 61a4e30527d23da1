"""The DuckDB file: opened when it is needed, and written in whole batches."""

# ruff: noqa: S608 - names cannot be parameters; they go through `_name`

from __future__ import annotations

import json
import re
import time
import typing as t
from pathlib import Path

import duckdb

from target_duckdb import TargetError, refuse
from target_duckdb.columns import METADATA, columns_of, fold, widened
from target_duckdb.rows import Rows

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from target_duckdb.columns import Column, Schema
    from target_duckdb.settings import Settings

_LOCKED = "Could not set lock on file"
_HOLDER = re.compile(r"onflicting lock is held in (.+?) ?\(PID (\d+)\)")
_OPENABLE_SINCE = "v1.2.0"
_ROW_GROUP = 20_480
"""DuckDB writes the last row group of a table again with each checkpoint; its default is 122,880
rows, and that costs 100 MB of memory and a quarter of the time with 200,000 bookings."""
_SMALLEST_FILE = 12_288
"""A DuckDB file begins with three blocks of headers."""
_RETRY_SECONDS = 0.05
_TOLD_AFTER_SECONDS = 1
"""A reader that only looks in is not worth a line."""
_NOW = "now()::TIMESTAMP"
_UNFIT = (duckdb.DataError, duckdb.IntegrityError, duckdb.InvalidInputException)


class Warehouse:
    """Tables in a DuckDB file."""

    def __init__(
        self, settings: Settings, say: Callable[[str], None], stopped: Callable[[], bool]
    ) -> None:
        """Name the file; `stopped` says whether waiting for it makes no sense any more."""
        self._settings = settings
        self._say = say
        self._stopped = stopped
        self._database = "warehouse"
        self.is_open = False
        """Whether nobody else can open the file."""
        self._stays_open = False
        self._connection = self._connect()
        self._streams: dict[str, str] = {}

    def close(self) -> None:
        """Leave the file to others."""
        if self.is_open and not self._stays_open:
            self._connection.execute(f"DETACH {_name(self._database)}")
            self.is_open = False

    def end(self) -> None:
        """Give up what is not written, and close everything."""
        self._connection.close()

    def open(self) -> duckdb.DuckDBPyConnection:
        """Open the file, and wait while somebody else has it open."""
        began, told = time.monotonic(), False
        while not self.is_open:
            try:
                self._connection.execute(
                    f"ATTACH {_text(self._settings.filepath)} AS {_name(self._database)} "
                    f"(ROW_GROUP_SIZE {_ROW_GROUP})"
                )
                self.is_open = True
            except duckdb.IOException as error:  # noqa: PERF203
                told = self._wait(error, time.monotonic() - began, told=told)
        return self._connection

    def _wait(self, error: duckdb.IOException, waited: float, *, told: bool) -> bool:
        """Let some time pass if the file is locked; return whether that has been told."""
        if _LOCKED not in str(error):
            file = Path(self._settings.filepath)
            if file.is_file() and file.stat().st_size < _SMALLEST_FILE:
                msg = f"{file} is no DuckDB file, perhaps for want of space: delete it, run again"
                raise TargetError(msg) from None
            raise error
        found = _HOLDER.search(str(error))
        holder = f"in {found[1]} (PID {found[2]})" if found else "elsewhere"
        where = f"{self._settings.filepath} is open {holder}"
        patience = self._settings.lock_wait_seconds
        if waited >= patience or self._stopped():
            msg = f"{where}: close it there and run again; nothing is lost"
            raise TargetError(msg) from None
        if waited >= _TOLD_AFTER_SECONDS and not told:
            self._say(f"{where}, waiting up to {patience:g} seconds")
            told = True
        time.sleep(_RETRY_SECONDS)
        return told

    def prepare(self, stream: str, schema: Schema, keys: list[str]) -> tuple[Rows, bool]:
        """Make or change a stream's table; return its rows to come, and whether it is new."""
        levels = self._settings.data_flattening_max_level
        columns = columns_of(stream, schema, levels)
        if missing := set(keys) - {column.name for column in columns}:
            msg = f"stream {stream}: the schema has no property {', '.join(sorted(missing))}, a key"
            raise TargetError(msg)
        place = self._settings.place_of(stream)
        other = self._streams.setdefault(fold(".".join(place)), stream)
        if other != stream:
            msg = f"streams {other} and {stream} would be one table, {'.'.join(place)}; rename one"
            raise TargetError(msg)
        connection = self.open()
        connection.begin()
        existing = self._columns(place)
        table = self._table(stream)
        if existing:
            for column in columns:
                self._adapt(table, column, existing)
        else:
            schema_name = ".".join(map(_name, (self._database, place[0])))
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema_name}")
            made = ", ".join(f"{_name(column.name)} {column.stored}" for column in columns)
            connection.execute(f"CREATE TABLE {table} ({made})")
        comments = [("", f"TABLE {table}", schema.get("description"))]
        comments += [(c.name, f"COLUMN {table}.{_name(c.name)}", c.description) for c in columns]
        for name, what, text in comments:
            if isinstance(text, str) and existing.get(fold(name), ("", ""))[1] != text:
                connection.execute(f"COMMENT ON {what} IS {_text(text)}")
        connection.commit()
        return Rows(stream, columns, keys, schema, levels), not existing

    def write(self, batches: Iterable[Rows], complete: Mapping[str, tuple[int, bool]]) -> None:
        """Write rows and deletes in one transaction.

        Args:
            batches: The rows of streams.
            complete: The version of each stream that is now complete, and whether rows
                without a version are older than it.
        """
        filled = [rows for rows in batches if rows.lines]
        for number, rows in enumerate(filled):
            self._read(rows, f"incoming{number}")
        connection = self.open()
        connection.begin()
        for number, rows in enumerate(filled):
            self._insert(rows, f"incoming{number}")
        counts = {stream: self._delete(stream, *version) for stream, version in complete.items()}
        connection.commit()
        done = "removed" if self._settings.hard_delete else "marked as deleted"
        for stream, count in counts.items():
            if count:
                self._say(f"stream {stream}: {count} rows are gone from the source and were {done}")

    def _connect(self) -> duckdb.DuckDBPyConnection:
        """Start DuckDB in memory, so that the file is opened only for what must be in it."""
        path, token = self._settings.filepath, self._settings.token
        config: dict[str, t.Any] = {
            "storage_compatibility_version": _OPENABLE_SINCE,
            "threads": 1,  # more cost time and memory with batches of this size
            "temp_directory": f"{path}.tmp",  # should memory not suffice to change a table
        }
        is_remote = path.startswith(("md:", "motherduck:"))
        if is_remote:
            config = {"motherduck_token": token} if token else {}
        connection = duckdb.connect(path if is_remote else ":memory:", config=config)
        if is_remote:
            (self._database,) = connection.execute("SELECT current_database()").fetchall()[0]
            self.is_open = self._stays_open = True
        for name, value in {**self._settings.settings, "TimeZone": "UTC"}.items():
            connection.execute(f"SET {_name(name)} = {_text(str(value))}")
        return connection

    def _table(self, stream: str) -> str:
        # The database is named because a schema may have the same name.
        return ".".join(map(_name, (self._database, *self._settings.place_of(stream))))

    def _columns(self, place: tuple[str, str]) -> dict[str, tuple[str, str]]:
        """Return type and comment of a table's columns; '' has its number of indexes instead."""
        where = (
            "WHERE database_name = $1 AND lower(schema_name) = lower($2) "
            "AND lower(table_name) = lower($3)"
        )
        found = self._connection.execute(
            f"SELECT column_name, data_type, comment FROM duckdb_columns() {where} "
            f"UNION ALL SELECT '', index_count::VARCHAR, comment FROM duckdb_tables() {where}",
            [self._database, *place],
        )
        return {fold(name): (kind, comment) for name, kind, comment in found.fetchall()}

    def _adapt(self, table: str, column: Column, found: dict[str, tuple[str, str]]) -> None:
        """Add a column, or make it wider."""
        connection, name, shown = self._connection, _name(column.name), table.partition(".")[2]
        existing = found.get(fold(column.name), ("",))[0]
        if not existing:
            connection.execute(f"ALTER TABLE {table} ADD COLUMN {name} {column.type}")
            return
        if column.name not in METADATA:
            column.stored = widened(existing, column.type)
        if column.stored == "DOUBLE" != existing:
            inexact = f"FROM {table} WHERE {name}::DOUBLE::HUGEINT <> {name}::HUGEINT LIMIT 1"
            if connection.execute(inexact).fetchall():
                column.stored = "VARCHAR"
        if column.stored == existing:
            return
        value = f"replace({name}::VARCHAR, ' ', 'T') || 'Z'" if existing == "TIMESTAMP" else name
        using = f"to_json({value})" if column.stored == "JSON" else f"({value})::{column.stored}"
        if found.get("", ("0",))[0] != "0":
            # DuckDB changes no column of such a table, nor does it drop a primary key.
            copy = _name(f"copy of {table}")
            connection.execute(f"CREATE TEMP TABLE {copy} AS FROM {table}")
            connection.execute(f"CREATE OR REPLACE TABLE {table} AS FROM {copy}")
            connection.execute(f"DROP TABLE {copy}")
            found[""] = ("0", "")
            self._say(f"{shown}: its indexes had to go, because a column changes its type")
        connection.execute(f"ALTER TABLE {table} ALTER {name} TYPE {column.stored} USING {using}")
        if column.name not in METADATA:
            self._say(f"{shown}: the column {name} was {existing} and is now {column.stored}")

    def _read(self, rows: Rows, incoming: str) -> None:
        """Make a temporary table of rows, while others may read the file."""
        query = f"CREATE OR REPLACE TEMP TABLE {incoming} AS "
        try:
            self._connection.execute(query + _select(rows.columns), [rows.lines])
            keys = ", ".join(map(_name, rows.keys))
            repeats = f"SELECT count(*) > count(DISTINCT ({keys})) FROM {incoming}"
            if keys and self._connection.execute(repeats).fetchall() == [(True,)]:
                self._connection.execute(query + _select(rows.columns, rows.keys), [rows.lines])
        except _UNFIT:
            for key, column in rows.columns.items():  # DuckDB's message would quote the value
                try:
                    self._connection.execute(query + _select({key: column}), [rows.lines])
                except _UNFIT:  # noqa: PERF203
                    refuse(rows.stream, column[0], "a value does not fit")
            refuse(rows.stream, None, "a value does not fit")

    def _insert(self, rows: Rows, incoming: str) -> None:
        connection, table = self._connection, self._table(rows.stream)
        try:
            if rows.keys:
                same = " AND ".join(f"old.{_name(k)} = new.{_name(k)}" for k in rows.keys)
                connection.execute(
                    f"DELETE FROM {table} AS old USING {incoming} AS new WHERE {same}"
                )
            connection.execute(
                f"INSERT INTO {table} BY NAME SELECT *, {_NOW} AS _sdc_batched_at FROM {incoming}"
            )
        except _UNFIT:
            refuse(rows.stream, None, "a row does not fit the table")
        if self._settings.hard_delete:
            connection.execute(f"DELETE FROM {table} WHERE _sdc_deleted_at IS NOT NULL")
        connection.execute(f"DROP TABLE {incoming}")

    def _delete(self, stream: str, version: int, all_older: bool) -> int:  # noqa: FBT001
        """Mark or remove the rows that are older than a version; return how many there were."""
        table, older = self._table(stream), f"_sdc_table_version < {version}"
        if all_older:
            older = f"({older} OR _sdc_table_version IS NULL)"
        change = f"UPDATE {table} SET _sdc_deleted_at = {_NOW} WHERE _sdc_deleted_at IS NULL AND"
        if self._settings.hard_delete:
            change = f"DELETE FROM {table} WHERE"
        return int(self._connection.execute(f"{change} {older}").fetchall()[0][0])


def _select(columns: dict[str, tuple[str, str]], keys: Sequence[str] = ()) -> str:
    """Read the lines that are the query's parameter; the last one of a key wins."""
    types, casts, same = {}, [], []
    for key, (name, kind) in columns.items():
        types[key] = {"JSON": "VARCHAR", "TIMESTAMP": "TIMESTAMPTZ"}.get(kind, kind)
        value = f"lines.found.{_name(key)}"  # in full, for a column may have any name
        cast = f"::{kind}" if kind in {"JSON", "TIMESTAMP"} else ""
        casts.append(f"{value}{cast} AS {_name(name)}")
        same += [value] if name in keys else []
    last = f"PARTITION BY {', '.join(same)} ORDER BY lines.number DESC"
    return (
        f"SELECT {', '.join(casts)} FROM (SELECT number, json_transform_strict(line, "
        f"{_text(json.dumps(types))}) AS found FROM (SELECT unnest($1::VARCHAR[]) AS line, "
        "generate_subscripts($1::VARCHAR[], 1) AS number)) AS lines"
    ) + (f" QUALIFY row_number() OVER ({last}) = 1" if keys else "")


def _name(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
