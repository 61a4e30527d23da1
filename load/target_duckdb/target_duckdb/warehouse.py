"""The DuckDB file: opened when it is needed, and written in whole batches."""

# ruff: noqa: S608 - names cannot be parameters; they go through `quoted`

import json
import os
import re
import string
import time
import typing as t
from contextlib import suppress
from pathlib import Path

import duckdb

from target_duckdb import UnopenedError, refuse, say
from target_duckdb.columns import METADATA, Column, Schema, columns_of, fold, options, quoted
from target_duckdb.fit import changed, check, value_of
from target_duckdb.rows import UNREADABLE, Rows
from target_duckdb.settings import ROW_GROUP, Settings

_HOLDER = re.compile(r"onflicting lock is held in (.+?) ?\(PID (\d+)\)")
_SMALLEST_FILE = 12_288  # three blocks of headers
_TOLD_AFTER_SECONDS = 1  # a reader that only looks in is not worth a line
_NOW = "now()::TIMESTAMP"
_UNFIT = (duckdb.DataError, duckdb.IntegrityError, duckdb.InvalidInputException)
_BLANKS = """'("(?:[^"\\\\]|\\\\.)*")|\\s+', '\\1', 'g'"""
_FOLDED = f"translate({{}}, '{string.ascii_uppercase}', '{string.ascii_lowercase}')"
_TABLE = f"{_FOLDED.format('schema_name')} = $2 AND {_FOLDED.format('table_name')} = $3"
_HERE = f"WHERE database_name = $1 AND {_TABLE}"
_COLUMNS = f"SELECT column_name, data_type, comment FROM duckdb_columns() {_HERE}"
_INDEXES = f"SELECT index_name, sql FROM duckdb_indexes() {_HERE} AND sql IS NOT NULL"


class Warehouse:
    """Tables in a DuckDB file."""

    def __init__(self, settings: Settings, stopped: t.Callable[[], bool]) -> None:
        """Name the file; `stopped` says whether waiting for it makes no sense any more."""
        self._settings, self._stopped = settings, stopped
        self._streams: dict[str, str] = {}
        self._path, self.database = settings.filepath, "warehouse"
        self._is_remote = self._path.startswith(("md:", "motherduck:"))
        config: dict[str, t.Any] = {
            "storage_compatibility_version": "v1.2.0",  # what older ones can open
            "threads": 1,  # more cost time and memory with batches of this size
            "temp_directory": f"{self._path}.tmp",  # should memory not suffice
        }
        if self._is_remote:
            config = {"motherduck_token": settings.token} if settings.token else {}
        where = self._path if self._is_remote else ":memory:"
        self.connection = duckdb.connect(where, config=config)
        if self._is_remote:
            ((self.database,),) = self.sql("SELECT current_database()")
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
                if not file.exists():
                    self._create(file)
                self._attach(file)
                self.is_open = True
            except duckdb.IOException as error:
                said = str(error).partition("\n")[0]
                if "Could not set lock on file" not in said:
                    raise UnopenedError(said) from None
                found = _HOLDER.search(said)
                holder = f"in {found[1]} (PID {found[2]})" if found else "elsewhere"
                waited, where = time.monotonic() - began, f"{file} is open {holder}"
                if waited >= self._settings.lock_wait_seconds or self._stopped():
                    msg = f"{where}: close it there and run again; nothing is lost"
                    raise UnopenedError(msg) from None
                if waited >= _TOLD_AFTER_SECONDS and not told:
                    say(f"{where}, waiting up to {self._settings.lock_wait_seconds:g} seconds")
                    told = True
                time.sleep(0.05)

    def _create(self, file: Path) -> None:
        """Make a new file whole or not at all: DuckDB does not open one that it was killed in."""
        new = Path(f"{file}.{os.getpid()}")
        try:
            self._attach(new)
            self.sql(f"DETACH {quoted(self.database)}")
            if not file.exists():  # as DuckDB does: what was logged belongs to a file that is gone
                Path(f"{file}.wal").unlink(missing_ok=True)
            with suppress(OSError):  # somebody was first; or without links, DuckDB makes it there
                os.link(new, file)
        finally:
            new.unlink(missing_ok=True)

    def _attach(self, file: Path) -> None:
        options = f"{quoted(self.database)} (ROW_GROUP_SIZE {ROW_GROUP})"
        self.sql(f"ATTACH {literal(str(file))} AS {options}")

    def prepare(self, stream: str, schema: Schema, keys: list[str]) -> tuple[Rows, bool]:
        """Make a stream's table, or add columns; return its rows to come, and whether it is new."""
        columns = columns_of(stream, schema, keys, self._settings.data_flattening_max_level)
        other = self._streams.setdefault(fold(".".join(self._settings.place_of(stream))), stream)
        if other != stream:
            refuse(stream, None, f"{other} and {stream} would be one table; rename one of them")
        table = self._table(stream)
        self.connection.begin()
        found = {fold(name): (name, *more) for name, *more in self._look_up(_COLUMNS, stream)}
        if not found:
            self.sql(f"CREATE SCHEMA IF NOT EXISTS {table.rpartition('.')[0]}")
            made = ", ".join(f"{quoted(column.name)} {column.type}" for column in columns)
            self.sql(f"CREATE TABLE {table} ({made})")
        for column in columns if found else ():
            if fold(column.name) in found:
                column.stored = found[fold(column.name)][1]
            else:
                self.sql(f"ALTER TABLE {table} ADD COLUMN {quoted(column.name)} {column.type}")
        texts = {column.name: column.description for column in columns}
        # Whoever reads the file learns the key from this comment.
        keys = [found.get(fold(key), (key,))[0] for key in keys]
        texts["_sdc_table_version"] = json.dumps({"key_properties": keys}, ensure_ascii=False)
        for name, text in texts.items():
            if isinstance(text, str) and text and text != found.get(fold(name), (None,))[-1]:
                self.sql(f"COMMENT ON COLUMN {table}.{quoted(name)} IS {literal(text)}")
        description = options(schema, schema)[0].get("description")
        if isinstance(description, str):
            self.sql(f"COMMENT ON TABLE {table} IS {literal(description)}")
        self.connection.commit()
        rows = Rows(stream, columns)
        rows.has_extras = not found.keys() <= {fold(column.name) for column in columns}
        for column in columns:
            if column.name in METADATA and column.stored != column.type:
                rows.change(column, column.type)
        return rows, not found

    def write(self, batches: list[Rows], complete: tuple[Rows, int] | None) -> None:
        """Write rows in one transaction, and delete those that a `complete` version lacks."""
        for number, rows in enumerate(batches):
            self._read(rows, f"incoming{number}")
        self.open()
        self.connection.begin()
        for number, rows in enumerate(batches):
            for column, old in rows.changes:
                self._change_type(rows.stream, column, old)
            self._insert(rows, f"incoming{number}")
        told = self._delete(*complete) if complete else ""
        self.connection.commit()
        if told:
            say(told)

    def _delete(self, rows: Rows, version: int) -> str:
        """Delete what is older than a version, as are rows without one if all now have one."""
        table, is_hard = self._table(rows.stream), self._settings.hard_delete
        mark = f"UPDATE {table} SET _sdc_deleted_at = {_NOW} WHERE _sdc_deleted_at IS NULL AND"
        change = f"DELETE FROM {table} WHERE" if is_hard else mark
        unknown = version - 1 if rows.are_versioned else version
        ((count,),) = self.sql(f"{change} coalesce(_sdc_table_version, {unknown}) < {version}")
        done = "removed" if is_hard else "marked as deleted"
        gone = f"{count} rows are gone from the source and were {done}"
        return f"stream {rows.stream}: {gone}" if count else ""

    def _table(self, stream: str) -> str:
        """Return the name of a table, which is there: the file is open."""
        self.open()
        # The database is named because a schema may have the same name.
        return ".".join(map(quoted, (self.database, *self._settings.place_of(stream))))

    def _look_up(self, query: str, stream: str) -> list[t.Any]:
        return self.sql(query, self.database, *map(fold, self._settings.place_of(stream)))

    def _change_type(self, stream: str, column: Column, old: str) -> None:
        """Change a column's type; what else the table has stays, or the change is refused."""
        table, kind, name = self._table(stream), column.stored, quoted(column.name)
        schema, indexes = table.rpartition(".")[0], self._look_up(_INDEXES, stream)
        new = f"({changed(name, old, kind)})::{kind}"
        try:
            for index, _ in indexes:  # DuckDB changes no table that has one
                self.sql(f"DROP INDEX {schema}.{quoted(index)}")
            self.sql(f"ALTER TABLE {table} ALTER {name} TYPE {kind} USING {new}")
            for _, index in indexes:
                self.sql(index.replace(" ON ", f" ON {quoted(self.database)}.", 1))
        except (duckdb.ProgrammingError, duckdb.DependencyException) as error:
            reason = str(error).partition("\n")[0]
            refuse(stream, column.name, f"it cannot become {kind} in place of {old}: {reason}")
        if column.name not in METADATA:
            say(f"{table.partition('.')[2]}: the column {name} was {old} and is now {kind}")

    def _read(self, rows: Rows, incoming: str) -> None:
        """Make a temporary table of rows, while others may read the file."""
        make = f"CREATE OR REPLACE TEMP TABLE {incoming} AS"
        for is_raw in (rows.always_raw, True):
            rows.is_raw = is_raw
            try:
                self.sql(f"{make} {rows.query()}", rows.values())
                if unchecked := rows.unchecked:
                    check(rows, incoming, self.sql, lambda: self._table(rows.stream))
                    values = [f"{value_of(c, o.stored)} AS {c}" for c, o in unchecked.items()]
                    self.sql(f"{make} SELECT * REPLACE ({', '.join(values)}) FROM {incoming}")
                break
            except (*_UNFIT, *UNREADABLE):  # DuckDB's message would quote the value
                if is_raw:
                    refuse(rows.stream, None, "a value does not fit")
        same = ", ".join(f"c{n}" for n, column in enumerate(rows.columns) if column.is_key)
        if same and len(rows.lines) > 1:  # the last one wins
            last = f"SELECT max(rowid) FROM {incoming} GROUP BY {same}"
            self.sql(f"DELETE FROM {incoming} WHERE rowid NOT IN ({last})")

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
                self.sql(
                    f"MERGE INTO {table} AS old USING {incoming} AS new ON {same} "
                    f"WHEN MATCHED THEN UPDATE SET {', '.join(changes)} "
                    f"WHEN NOT MATCHED THEN INSERT ({names}) VALUES ({values})"
                )
            else:
                if same:
                    self.sql(f"DELETE FROM {table} AS old USING {incoming} AS new WHERE {same}")
                self.sql(f"INSERT INTO {table} ({names}) SELECT {values} FROM {incoming} AS new")
        except _UNFIT:
            refuse(rows.stream, None, "a row does not fit the table")
        if self._settings.hard_delete:
            self.sql(f"DELETE FROM {table} WHERE _sdc_deleted_at IS NOT NULL")
        self.sql(f"DROP TABLE {incoming}")


def _comparable(column: Column) -> str:
    """Return SQL for a key that is there; blanks between the parts of JSON make no difference."""
    name = f"old.{quoted(column.name)}"
    return f"regexp_replace({name}::VARCHAR, {_BLANKS})" if column.stored == "JSON" else name


def literal(text: str) -> str:
    """Return a text for SQL."""
    return "'" + text.replace("'", "''") + "'"
