"""The DuckDB file: opened when it is needed, and written in whole batches."""

# ruff: noqa: S608 - names cannot be parameters; they go through `quoted`

import json
import re
import time
import typing as t
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from target_duckdb import UnopenedError, refuse, say
from target_duckdb.columns import METADATA, Column, columns_of, fold, quoted
from target_duckdb.fit import changed, check, value_of
from target_duckdb.rows import Rows
from target_duckdb.schema import Schema, read
from target_duckdb.settings import ROW_GROUP, Settings

_HOLDER = re.compile(r"onflicting lock is held in (.+?) ?\(PID (\d+)\)")
_OPENABLE_SINCE = "v1.2.0"
_SMALLEST_FILE = 12_288
"""A DuckDB file begins with three blocks of headers."""
_RETRY_SECONDS, _TOLD_AFTER_SECONDS = 0.05, 1
"""A reader that only looks in is not worth a line."""
_NOW = "now()::TIMESTAMP"
_UNFIT = (duckdb.DataError, duckdb.IntegrityError, duckdb.InvalidInputException)
_BLANKS = """'("(?:[^"\\\\]|\\\\.)*")|\\s+', '\\1', 'g'"""
_CONSTRAINT = r"PRIMARY KEY|UNIQUE|CHECK|FOREIGN KEY|GENERATED ALWAYS"
_GENERATED = "contains(replace(sql, '\"', ''), column_name || ' ' || data_type || ' GENERATED ')"
_TABLES = (
    "SELECT schema_name, table_name, list((column_name, data_type, columns.comment) ORDER BY "
    f"column_index) FILTER (NOT {_GENERATED}), any_value(tables.comment), any_value(sql), "
    "FROM duckdb_tables() AS tables "
    "JOIN duckdb_columns() AS columns USING (database_name, schema_name, table_name) "
    "WHERE database_name = $1 GROUP BY ALL"
)
_INDEXES = (
    "SELECT sql FROM duckdb_indexes() WHERE database_name = $1 AND lower(schema_name) = lower($2) "
    "AND lower(table_name) = lower($3) AND sql IS NOT NULL"
)
_QUALIFIED = r'(?:"(?:[^"]|"")*"|[^"(])*\('


@dataclass
class _Table:
    """A table as it is in the file; a generated column is none of its columns."""

    columns: dict[str, tuple[str, str, str | None]] = field(default_factory=dict)
    """Name, type and comment of each column, by the folded name."""
    comment: str | None = None
    sql: str = ""


class Warehouse:
    """Tables in a DuckDB file."""

    def __init__(self, settings: Settings, stopped: Callable[[], bool]) -> None:
        """Name the file; `stopped` says whether waiting for it makes no sense any more."""
        self._settings, self._stopped = settings, stopped
        self._database = "warehouse"
        self.is_open = self._stays_open = False
        self._connection = self._connect()
        self._streams: dict[str, str] = {}
        self._seen: set[str] = set()
        self._tables: dict[tuple[str, str], _Table] = {}
        """What was there when the file was opened."""

    def close(self) -> None:
        """Leave the file to others."""
        if self.is_open and not self._stays_open:
            self._sql(f"DETACH {quoted(self._database)}")
            self.is_open = False
            self._tables = {}

    def end(self) -> None:
        """Give up what is not written, and close everything."""
        self._connection.close()

    def open(self) -> None:
        """Open the file, and wait while somebody else has it open."""
        began, told, file = time.monotonic(), False, Path(self._settings.filepath)
        with suppress(OSError):
            file.parent.mkdir(exist_ok=True)
        while not self.is_open:
            # DuckDB would wait for a FIFO, and take an empty file for an empty warehouse.
            if file.exists() and (not file.is_file() or file.stat().st_size < _SMALLEST_FILE):
                msg = f"{file} is no DuckDB file: delete it, or choose another filepath"
                raise UnopenedError(msg)
            try:
                options = f"{quoted(self._database)} (ROW_GROUP_SIZE {ROW_GROUP})"
                self._sql(f"ATTACH {_text(str(file))} AS {options}")
                self.is_open = True
            except duckdb.IOException as error:
                said = str(error).partition("\n")[0]
                if "Could not set lock on file" not in said:
                    raise UnopenedError(said) from None
                found = _HOLDER.search(said)
                where = (
                    f"{file} is open {f'in {found[1]} (PID {found[2]})' if found else 'elsewhere'}"
                )
                waited, patience = time.monotonic() - began, self._settings.lock_wait_seconds
                if waited >= patience or self._stopped():
                    msg = f"{where}: close it there and run again; nothing is lost"
                    raise UnopenedError(msg) from None
                if waited >= _TOLD_AFTER_SECONDS and not told:
                    say(f"{where}, waiting up to {patience:g} seconds")
                    told = True
                time.sleep(_RETRY_SECONDS)

    def prepare(self, stream: str, schema: Schema, keys: list[str]) -> tuple[Rows, bool]:
        """Make a stream's table, or add columns; return its rows to come, and whether it is new."""
        levels, meaning = self._settings.data_flattening_max_level, read(schema)
        columns = columns_of(stream, meaning, keys, levels)
        other = self._streams.setdefault(fold(".".join(self._settings.place_of(stream))), stream)
        if other != stream:
            refuse(stream, None, f"{other} and {stream} would be one table; rename one of them")
        table = self._table(stream)
        self._connection.begin()
        found = self._existing(stream)
        existing = found or _Table()
        if not found:
            self._sql(f"CREATE SCHEMA IF NOT EXISTS {table.rpartition('.')[0]}")
            made = ", ".join(f"{quoted(column.name)} {column.type}" for column in columns)
            self._sql(f"CREATE TABLE {table} ({made})")
        for column in columns if found else ():
            if fold(column.name) in existing.columns:
                _, column.stored, _ = existing.columns[fold(column.name)]
            else:
                self._sql(f"ALTER TABLE {table} ADD COLUMN {quoted(column.name)} {column.type}")
        texts = {column.name: column.meaning.description for column in columns}
        # Whoever reads the file learns the key from this comment.
        keys = [existing.columns.get(fold(key), (key,))[0] for key in keys]
        texts["_sdc_table_version"] = json.dumps({"key_properties": keys}, ensure_ascii=False)
        for name, text in texts.items():
            if text and text != existing.columns.get(fold(name), (None,))[-1]:
                self._sql(_comment(f"COLUMN {table}.{quoted(name)}", text))
        if meaning.description and meaning.description != existing.comment:
            self._sql(_comment(f"TABLE {table}", meaning.description))
        self._connection.commit()
        rows = Rows(stream, columns, meaning, levels)
        rows.has_extras = not {fold(column.name) for column in columns}.issuperset(existing.columns)
        for column in columns:
            if column.name in METADATA and column.stored != column.type:
                rows.change(column, column.type)
        return rows, not found

    def write(self, batches: list[Rows], complete: Mapping[str, tuple[int, bool]]) -> None:
        """Write rows and deletes in one transaction.

        Args:
            batches: The rows of streams.
            complete: The version of each stream that is now complete, and whether rows
                without a version are older than it.
        """
        for number, rows in enumerate(batches):
            self._read(rows, f"incoming{number}")
        self.open()
        self._connection.begin()
        for number, rows in enumerate(batches):
            for column, old in rows.changes:
                self._change_type(rows.stream, column, old)
            self._insert(rows, f"incoming{number}")
        told, is_hard = [], self._settings.hard_delete
        for stream, (version, all_older) in complete.items():
            table, unknown = self._table(stream), version - 1 if all_older else version
            change = (
                f"UPDATE {table} SET _sdc_deleted_at = {_NOW} WHERE _sdc_deleted_at IS NULL AND"
            )
            change = f"DELETE FROM {table} WHERE" if is_hard else change
            older = self._sql(f"{change} coalesce(_sdc_table_version, {unknown}) < {version}")
            if older[0][0]:
                done = f"{older[0][0]} rows are gone from the source and were "
                done += "removed" if is_hard else "marked as deleted"
                told.append(f"stream {stream}: {done}")
        self._connection.commit()
        for line in told:
            say(line)

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
            connection.execute(f"SET {quoted(name)} = {_text(str(value))}")
        return connection

    def _sql(self, query: str, *given: str) -> list[t.Any]:
        return self._connection.execute(query, given).fetchall()

    def _table(self, stream: str) -> str:
        """Return the name of a table, which is there: the file is open."""
        self.open()
        # The database is named because a schema may have the same name.
        return ".".join(map(quoted, (self._database, *self._settings.place_of(stream))))

    def _existing(self, stream: str) -> _Table | None:
        """Look a table up; the file is asked once for all of them, as long as it is open."""
        if stream in self._seen or not self._tables:
            self._tables = {
                (fold(schema), fold(name)): _Table(
                    {fold(column[0]): column for column in columns}, *more
                )
                for schema, name, columns, *more in self._sql(_TABLES, self._database)
            }
        self._seen.add(stream)
        schema, name = map(fold, self._settings.place_of(stream))
        return self._tables.get((schema, name))

    def _change_type(self, stream: str, column: Column, old: str) -> None:
        """Change a column's type; what else the table has stays, or the change is refused."""
        table, kind, found = self._table(stream), column.stored, self._existing(stream)
        found = t.cast("_Table", found)
        indexes = self._sql(_INDEXES, self._database, *self._settings.place_of(stream))
        plain, *_ = found.columns[fold(column.name)]
        name = quoted(plain)
        new = f"({changed(name, old, kind)})::{kind}"
        steps = [f"ALTER TABLE {table} ALTER {name} TYPE {kind} USING {new}"]
        if indexes or re.search(_CONSTRAINT, found.sql):
            # DuckDB changes no column of a table with a constraint or an index: make it anew.
            before = rf"(?<=[(,])( ?)(?:{re.escape(name)}|{re.escape(plain)}) {re.escape(old)}"
            sql = re.sub(
                f"^CREATE TABLE {_QUALIFIED}", lambda _: f"CREATE TABLE {table}(", found.sql
            )
            names = [quoted(name) for name, *_ in found.columns.values()]
            values = ", ".join(new if other == name else other for other in names)
            steps = [
                f"CREATE OR REPLACE TEMP TABLE rebuilt AS FROM {table}",
                f"DROP TABLE {table}",
                re.sub(before, lambda match: f"{match[1]}{name} {kind}", sql, count=1),
                f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM rebuilt",
                "DROP TABLE rebuilt",
            ]
            for (index,) in indexes:
                steps.append(re.sub(f" ON {_QUALIFIED}", lambda _: f" ON {table}(", index, count=1))
            for other, _, comment in found.columns.values():
                steps.append(_comment(f"COLUMN {table}.{quoted(other)}", comment))
            steps.append(_comment(f"TABLE {table}", found.comment))
        try:
            for step in steps:
                self._sql(step)
        except duckdb.Error as error:
            reason = str(error).strip().partition("\n")[0]
            refuse(stream, plain, f"it cannot become {kind} in place of {old}: {reason}")
        if plain not in METADATA:
            say(f"{table.partition('.')[2]}: the column {name} was {old} and is now {kind}")

    def _read(self, rows: Rows, incoming: str) -> None:
        """Make a temporary table of rows, while others may read the file."""
        make = f"CREATE OR REPLACE TEMP TABLE {incoming} AS"
        for is_last in (rows.is_raw, True):
            try:
                self._sql(f"{make} {rows.query()}", b"\n".join(rows.lines).decode())
                if unchecked := rows.unchecked:
                    check(rows, incoming, self._sql, lambda: self._table(rows.stream))
                    values = [f"{value_of(c, o.stored)} AS {c}" for c, o in unchecked.items()]
                    self._sql(f"{make} SELECT * REPLACE ({', '.join(values)}) FROM {incoming}")
                break
            except _UNFIT:  # DuckDB's message would quote the value
                if is_last:
                    refuse(rows.stream, None, "a value does not fit")
                rows.loosen()
        same = ", ".join(f"c{n}" for n, column in enumerate(rows.columns) if column.is_key)
        repeats = f"SELECT count(*) > count(DISTINCT ({same})) FROM {incoming}"
        if same and len(rows.lines) > 1 and self._sql(repeats) == [(True,)]:  # the last one wins
            last = f"SELECT max(rowid) FROM {incoming} GROUP BY {same}"
            self._sql(f"DELETE FROM {incoming} WHERE rowid NOT IN ({last})")

    def _insert(self, rows: Rows, incoming: str) -> None:
        """Replace the rows of the same keys; what the schema does not declare stays in them."""
        table = self._table(rows.stream)
        new = {f"new.c{number}": column for number, column in enumerate(rows.columns)}
        columns = {value: quoted(column.name) for value, column in new.items()}
        columns[_NOW] = "_sdc_batched_at"
        names, values = ", ".join(columns.values()), ", ".join(columns)
        keys = {value: column for value, column in new.items() if column.is_key}
        same = " AND ".join(f"{_comparable(c)} = {value}" for value, c in keys.items())
        try:
            if same and rows.has_extras:
                changes = [f"{n} = {value}" for value, n in columns.items() if value not in keys]
                self._sql(
                    f"MERGE INTO {table} AS old USING {incoming} AS new ON {same} "
                    f"WHEN MATCHED THEN UPDATE SET {', '.join(changes)} "
                    f"WHEN NOT MATCHED THEN INSERT ({names}) VALUES ({values})"
                )
            else:
                if same:
                    self._sql(f"DELETE FROM {table} AS old USING {incoming} AS new WHERE {same}")
                self._sql(f"INSERT INTO {table} ({names}) SELECT {values} FROM {incoming} AS new")
        except _UNFIT:
            refuse(rows.stream, None, "a row does not fit the table")
        if self._settings.hard_delete:
            self._sql(f"DELETE FROM {table} WHERE _sdc_deleted_at IS NOT NULL")
        self._sql(f"DROP TABLE {incoming}")


def _comparable(column: Column) -> str:
    """Return SQL for a key that is there; blanks between the parts of JSON make no difference."""
    name = f"old.{quoted(column.name)}"
    return f"regexp_replace({name}::VARCHAR, {_BLANKS})" if column.stored == "JSON" else name


def _comment(what: str, text: t.Any) -> str:
    return f"COMMENT ON {what} IS {_text(text) if isinstance(text, str) else 'NULL'}"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
