"""The DuckDB file: opened when it is needed, and written in whole batches."""

# ruff: noqa: S608 - names cannot be parameters; they go through `quoted`

from __future__ import annotations

import json
import re
import time
import typing as t
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from target_duckdb import UnopenedError, refuse, say
from target_duckdb.columns import METADATA, columns_of, fold, quoted
from target_duckdb.fit import changed, check, value_of
from target_duckdb.rows import Rows
from target_duckdb.schema import read
from target_duckdb.settings import ROW_GROUP

if t.TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from target_duckdb.columns import Column
    from target_duckdb.schema import Schema
    from target_duckdb.settings import Settings

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
        began, told, path = time.monotonic(), False, self._settings.filepath
        while not self.is_open:
            _refuse_other_files(Path(path))
            try:
                self._sql(
                    f"ATTACH {_text(path)} AS {quoted(self._database)} (ROW_GROUP_SIZE {ROW_GROUP})"
                )
                self.is_open = True
            except duckdb.IOException as error:
                if "Could not set lock on file" not in str(error):
                    raise
                found = _HOLDER.search(str(error))
                where = f"{path} is open " + (
                    f"in {found[1]} (PID {found[2]})" if found else "elsewhere"
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
        self.open()
        self._connection.begin()
        table, found = self._table(stream), self._existing(stream)
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
            if text != existing.columns.get(fold(name), (None,))[-1]:
                self._comment(f"COLUMN {table}.{quoted(name)}", text)
        if meaning.description != existing.comment:
            self._comment(f"TABLE {table}", meaning.description)
        self._connection.commit()
        declared = {fold(column.name) for column in columns}
        extras = [name for name in existing.columns if name not in declared]
        rows = Rows(stream, columns, meaning, levels, extras)
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
        counts = {stream: self._delete(stream, *version) for stream, version in complete.items()}
        self._connection.commit()
        done = "removed" if self._settings.hard_delete else "marked as deleted"
        for stream, count in counts.items():
            if count:
                say(f"stream {stream}: {count} rows are gone from the source and were {done}")

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

    def _find(self, stream: str, where: str) -> list[t.Any]:
        self.open()
        return self._sql(f"FROM {self._table(stream)} {where}")

    def _table(self, stream: str) -> str:
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

    def _comment(self, what: str, text: t.Any) -> None:
        if isinstance(text, str):
            self._sql(f"COMMENT ON {what} IS {_text(text)}")

    def _change_type(self, stream: str, column: Column, old: str) -> None:
        """Change a column's type; what else the table has stays, or the change is refused."""
        table, kind = self._table(stream), column.stored
        found = t.cast("_Table", self._existing(stream))
        indexes = self._sql(_INDEXES, self._database, *self._settings.place_of(stream))
        plain = found.columns[fold(column.name)][0]
        name, shown = quoted(plain), table.partition(".")[2]
        new = f"({changed(name, old, kind)})::{kind}"
        try:
            if indexes or re.search(_CONSTRAINT, found.sql):
                before = rf"(?<=[(,])( ?)(?:{re.escape(name)}|{re.escape(plain)}) {re.escape(old)}"
                sql = re.sub(
                    f"^CREATE TABLE {_QUALIFIED}", lambda _: f"CREATE TABLE {table}(", found.sql
                )
                sql = re.sub(before, lambda match: f"{match[1]}{name} {kind}", sql, count=1)
                self._rebuild(table, found, [sql, *(sql for (sql,) in indexes)], {name: new})
            else:
                self._sql(f"ALTER TABLE {table} ALTER {name} TYPE {kind} USING {new}")
        except duckdb.Error as error:
            reason = str(error).strip().partition("\n")[0]
            refuse(stream, plain, f"it cannot become {kind} in place of {old}: {reason}")
        if plain not in METADATA:
            say(f"{shown}: the column {name} was {old} and is now {kind}")

    def _rebuild(self, table: str, found: _Table, made: list[str], new: dict[str, str]) -> None:
        """Make a table anew: DuckDB changes no column of one with a constraint or an index.

        Args:
            table: The table.
            found: What it is.
            made: SQL that makes it and its indexes.
            new: SQL for the values of the column that changes.
        """
        names = [quoted(name) for name, *_ in found.columns.values()]
        values = ", ".join(new.get(name, name) for name in names)
        self._sql(f"CREATE OR REPLACE TEMP TABLE rebuilt AS FROM {table}")
        self._sql(f"DROP TABLE {table}")
        self._sql(made[0])
        self._sql(f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM rebuilt")
        self._sql("DROP TABLE rebuilt")
        for index in made[1:]:
            self._sql(re.sub(f" ON {_QUALIFIED}", lambda _: f" ON {table}(", index, count=1))
        for name, _, comment in found.columns.values():
            self._comment(f"COLUMN {table}.{quoted(name)}", comment)
        self._comment(f"TABLE {table}", found.comment)

    def _read(self, rows: Rows, incoming: str) -> None:
        """Make a temporary table of rows, while others may read the file."""
        make = f"CREATE OR REPLACE TEMP TABLE {incoming} AS"
        for is_last in (rows.is_raw, True):
            try:
                self._sql(f"{make} {rows.query()}", b"\n".join(rows.lines).decode())
                if unchecked := rows.unchecked:
                    check(rows, incoming, self._sql, lambda where: self._find(rows.stream, where))
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
            if same and rows.extras:
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

    def _delete(self, stream: str, version: int, all_older: bool) -> int:  # noqa: FBT001
        """Mark or remove the rows that are older than a version; return how many there were."""
        table, older = self._table(stream), f"_sdc_table_version < {version}"
        if all_older:
            older = f"({older} OR _sdc_table_version IS NULL)"
        change = f"UPDATE {table} SET _sdc_deleted_at = {_NOW} WHERE _sdc_deleted_at IS NULL AND"
        if self._settings.hard_delete:
            change = f"DELETE FROM {table} WHERE"
        return int(self._sql(f"{change} {older}")[0][0])


def _refuse_other_files(file: Path) -> None:
    """Refuse what DuckDB would wait for, or would take for an empty warehouse."""
    why = ""
    with suppress(OSError):
        file.parent.mkdir(exist_ok=True)
    if not file.parent.is_dir():
        why = f"there is no folder {file.parent}, in which filepath wants its file: make it"
    elif file.exists() and not file.is_file():
        why = f"{file} is no file: choose another filepath"
    elif file.exists() and file.stat().st_size < _SMALLEST_FILE:
        why = f"{file} is no DuckDB file, perhaps for want of space: delete it, run again"
    if why:
        raise UnopenedError(why)


def _comparable(column: Column) -> str:
    """Return SQL for a key that is there; blanks between the parts of JSON make no difference."""
    name = f"old.{quoted(column.name)}"
    return f"regexp_replace({name}::VARCHAR, {_BLANKS})" if column.stored == "JSON" else name


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
