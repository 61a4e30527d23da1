"""The DuckDB file: opened when it is needed, and written in whole batches."""

from __future__ import annotations

import json
import re
import time
import typing as t
from datetime import datetime, timezone

import duckdb

from target_duckdb.columns import METADATA, fold, widened
from target_duckdb.errors import TargetError, UnfitError
from target_duckdb.rows import Rows

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from target_duckdb.columns import Column, Schema
    from target_duckdb.settings import Settings

_HOLDER = re.compile(r"onflicting lock is held in (.+?) ?\(PID (\d+)\)")
_OPENABLE_SINCE = "v1.2.0"
_RETRY_SECONDS = 0.1
_TALKATIVE = (duckdb.ConversionException, duckdb.InvalidInputException, duckdb.OutOfRangeException)
"""Errors that may quote values."""


class Warehouse:
    """Tables in a DuckDB file."""

    def __init__(
        self, settings: Settings, say: Callable[[str], None], stopped: Callable[[], bool]
    ) -> None:
        """Name the file.

        Args:
            settings: The settings.
            say: Shows a line.
            stopped: Whether waiting makes no sense any more.
        """
        self._settings = settings
        self._say = say
        self._stopped = stopped
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._database = ""

    @property
    def is_open(self) -> bool:
        """Whether nobody else can open the file."""
        return self._connection is not None

    def close(self) -> None:
        """Leave the file to others."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def prepare(
        self, stream: str, columns: list[Column], keys: list[str], schema: Schema
    ) -> tuple[Rows, bool]:
        """Make or change the table of a stream.

        Args:
            stream: Name of the stream.
            columns: Its columns.
            keys: Names of the key columns.
            schema: Its JSON schema.

        Returns:
            Where its rows are collected, and whether the table is new.
        """
        connection = self.open()
        place = self._settings.place_of(stream)
        existing = self._columns(place)
        wanted = {column.name: column.type for column in columns} | METADATA
        types = dict(wanted)
        table = self._table(place)
        connection.execute("BEGIN")
        if not existing:
            connection.execute(
                f"CREATE SCHEMA IF NOT EXISTS {_name(self._database)}.{_name(place[0])}"
            )
            made = ", ".join(f"{_name(name)} {kind}" for name, kind in wanted.items())
            connection.execute(f"CREATE TABLE {table} ({made})")
        else:
            for name, kind in wanted.items():
                types[name] = self._adapt(table, name, kind, existing.get(fold(name)))
        self._describe(place, schema.get("description"), columns)
        connection.execute("COMMIT")
        found = {column.name: (column, types[column.name]) for column in columns}
        rows = Rows(stream, found, keys, schema, self._settings.data_flattening_max_level)
        return rows, not existing

    def write(self, batches: Iterable[Rows], complete: dict[str, tuple[int, bool]]) -> None:
        """Write rows and deletes in one transaction.

        Args:
            batches: The rows of streams.
            complete: The version of each stream that is now complete, and whether rows
                without a version are older than it.
        """
        connection = self.open()
        now = datetime.now(timezone.utc).replace(tzinfo=None)
        connection.execute("BEGIN")
        for rows in batches:
            if rows.lines:
                self._insert(rows, now)
        for stream, (version, all_older) in complete.items():
            self._delete(stream, version, now, all_older=all_older)
        connection.execute("COMMIT")

    def open(self) -> duckdb.DuckDBPyConnection:
        """Open the file, and wait while somebody else has it open.

        Returns:
            The connection.

        Raises:
            TargetError: If it stays locked.
        """
        if self._connection is not None:
            return self._connection
        until = time.monotonic() + self._settings.lock_wait_seconds
        waiting = False
        while True:
            try:
                self._connection = self._connect()
                break
            except duckdb.IOException as error:
                holder = _HOLDER.search(str(error))
                if holder is None:
                    raise
            who = f"{self._settings.filepath} is open in {holder[1]} (PID {holder[2]})"
            if time.monotonic() > until or self._stopped():
                msg = f"{who}: close it there and run again; nothing is lost"
                raise TargetError(msg)
            if not waiting:
                self._say(f"{who}, waiting up to {self._settings.lock_wait_seconds:g} seconds")
                waiting = True
            time.sleep(_RETRY_SECONDS)
        (self._database,) = self._connection.execute("SELECT current_database()").fetchall()[0]
        for name, value in self._settings.settings.items():
            self._connection.execute(f"SET {_name(name)} = {_text(str(value))}")
        self._connection.execute("SET TimeZone = 'UTC'")
        return self._connection

    def _connect(self) -> duckdb.DuckDBPyConnection:
        path = self._settings.filepath
        if path.startswith(("md:", "motherduck:")):
            token = self._settings.token
            return duckdb.connect(path, config={"motherduck_token": token} if token else {})
        return duckdb.connect(path, config={"storage_compatibility_version": _OPENABLE_SINCE})

    def _table(self, place: tuple[str, str]) -> str:
        # The database is named because a schema may have the same name.
        return ".".join(map(_name, (self._database, *place)))

    def _columns(self, place: tuple[str, str]) -> dict[str, str]:
        found = self.open().execute(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE database_name = ? "
            "AND lower(schema_name) = lower(?) AND lower(table_name) = lower(?)",
            [self._database, *place],
        )
        return {fold(name): kind for name, kind in found.fetchall()}

    def _adapt(self, table: str, name: str, wanted: str, existing: str | None) -> str:
        connection, column = self.open(), _name(name)
        if existing is None:
            connection.execute(f"ALTER TABLE {table} ADD COLUMN {column} {wanted}")
            return wanted
        kind = wanted if name in METADATA else widened(existing, wanted)
        if kind == "DOUBLE" != existing and self._is_inexact(table, column):
            kind = "VARCHAR"
        if kind != existing:
            using = {"JSON": f"to_json({column})"}.get(kind, f"{column}::{kind}")
            if existing == "TIMESTAMP" and kind == "VARCHAR":
                using = f"replace({column}::VARCHAR, ' ', 'T') || 'Z'"
            alter = f"ALTER TABLE {table} ALTER {column} TYPE {kind} USING {using}"
            try:
                connection.execute(alter)
            except duckdb.BinderException:
                self._drop_primary_key(table)
                connection.execute(alter)
            if name not in METADATA:
                self._say(f"{table}: the column {name} was {existing} and is now {kind}")
        return kind

    def _is_inexact(self, table: str, column: str) -> bool:
        query = (
            f"SELECT 1 FROM {table} WHERE {column}::DOUBLE::HUGEINT <> {column}::HUGEINT LIMIT 1"  # noqa: S608
        )
        return bool(self.open().execute(query).fetchall())

    def _drop_primary_key(self, table: str) -> None:
        """Make a table anew: DuckDB can neither change nor drop the key of one that has it."""
        copy = _name(self._table_name(table) + "__copy")
        self.open().execute(f"CREATE TABLE {table[: table.rindex('.')]}.{copy} AS FROM {table}")
        self.open().execute(f"DROP TABLE {table}")
        bare = _name(self._table_name(table))
        self.open().execute(f"ALTER TABLE {table[: table.rindex('.')]}.{copy} RENAME TO {bare}")

    @staticmethod
    def _table_name(table: str) -> str:
        return table.rpartition('."')[2][:-1]

    def _describe(self, place: tuple[str, str], description: t.Any, columns: list[Column]) -> None:
        """Write the descriptions of the schema as comments where they have changed."""
        connection, table = self.open(), self._table(place)
        names = [self._database, *place]
        where = "database_name = ? AND schema_name = ? AND table_name = ?"
        known = dict(
            connection.execute(
                f"SELECT column_name, comment FROM duckdb_columns() WHERE {where} "  # noqa: S608
                f"UNION ALL SELECT '', comment FROM duckdb_tables() WHERE {where}",
                names + names,
            ).fetchall()
        )
        known = {fold(name): comment for name, comment in known.items()}
        wanted = [("", f"TABLE {table}", description)]
        wanted += [(c.name, f"COLUMN {table}.{_name(c.name)}", c.description) for c in columns]
        for name, what, text in wanted:
            if isinstance(text, str) and text != known.get(fold(name)):
                connection.execute(f"COMMENT ON {what} IS {_text(text)}")

    def _insert(self, rows: Rows, now: datetime) -> None:
        connection = self.open()
        table = self._table(self._settings.place_of(rows.stream))
        lines = list(rows.lines.values())
        try:
            connection.execute(
                f"CREATE OR REPLACE TEMP TABLE incoming AS {_select(rows.columns)}", [lines]
            )
            if rows.keys:
                same = " AND ".join(f"old.{_name(k)} = incoming.{_name(k)}" for k in rows.keys)
                connection.execute(f"DELETE FROM {table} AS old USING incoming WHERE {same}")  # noqa: S608
            connection.execute(
                f"INSERT INTO {table} BY NAME "  # noqa: S608
                "SELECT *, ?::TIMESTAMP AS _sdc_batched_at FROM incoming",
                [now],
            )
        except _TALKATIVE:
            connection.execute("ROLLBACK")
            raise UnfitError(
                rows.stream, self._culprit(rows, lines), "a value does not fit"
            ) from None
        if self._settings.hard_delete:
            connection.execute(f"DELETE FROM {table} WHERE _sdc_deleted_at IS NOT NULL")  # noqa: S608
        connection.execute("DROP TABLE temp.incoming")

    def _culprit(self, rows: Rows, lines: list[str]) -> str | None:
        """Find the column that DuckDB refuses, without its message, which quotes values."""
        for key, column in rows.columns.items():
            try:
                self.open().execute(_select({key: column}), [lines]).fetchall()
            except duckdb.Error:  # noqa: PERF203
                return column[0]
        return None

    def _delete(self, stream: str, version: int, now: datetime, *, all_older: bool) -> None:
        table = self._table(self._settings.place_of(stream))
        older = "coalesce(_sdc_table_version, -1) < ?" if all_older else "_sdc_table_version < ?"
        if self._settings.hard_delete:
            query, values = f"DELETE FROM {table} WHERE {older}", [version]  # noqa: S608
        else:
            query = (
                f"UPDATE {table} SET _sdc_deleted_at = ? WHERE _sdc_deleted_at IS NULL AND {older}"  # noqa: S608
            )
            values = [now, version]  # type: ignore[list-item]
        (count,) = self.open().execute(query, values).fetchall()[0]
        if count:
            done = "removed" if self._settings.hard_delete else "marked as deleted"
            self._say(f"stream {stream}: {count} rows are gone from the source and were {done}")


def _select(columns: dict[str, tuple[str, str]]) -> str:
    """Read the lines that are the query's parameter; no file is written."""
    types, casts = {}, []
    for key, (name, kind) in columns.items():
        cast = kind in {"JSON", "TIMESTAMP"}
        types[key] = {"JSON": "VARCHAR", "TIMESTAMP": "TIMESTAMPTZ"}.get(kind, kind)
        casts.append(f"{_name(key)}{f'::{kind}' if cast else ''} AS {_name(name)}")
    form = _text(json.dumps(types))
    return (
        f"SELECT {', '.join(casts)} FROM (SELECT unnest(json_transform_strict(line, {form})) "  # noqa: S608
        "FROM (SELECT unnest(?::VARCHAR[]) AS line))"
    )


def _name(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
