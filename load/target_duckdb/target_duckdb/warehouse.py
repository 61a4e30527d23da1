"""The DuckDB file: opened when it is needed, and written in whole batches."""

# ruff: noqa: S608 - names cannot be parameters; they go through `_name`

from __future__ import annotations

import json
import re
import stat
import time
import typing as t
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from target_duckdb import TargetError, UnopenedError, refuse
from target_duckdb.columns import METADATA, MOMENTS, columns_of, fold, text_of, wider
from target_duckdb.rows import Rows, is_zoned
from target_duckdb.schema import read
from target_duckdb.settings import ROW_GROUP

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from target_duckdb.columns import Column
    from target_duckdb.schema import Schema
    from target_duckdb.settings import Settings
    from target_duckdb.values import Misfit

_LOCKED = "Could not set lock on file"
_HOLDER = re.compile(r"onflicting lock is held in (.+?) ?\(PID (\d+)\)")
_OPENABLE_SINCE = "v1.2.0"
_SMALLEST_FILE = 12_288
"""A DuckDB file begins with three blocks of headers."""
_RETRY_SECONDS = 0.05
_TOLD_AFTER_SECONDS = 1
"""A reader that only looks in is not worth a line."""
_NOW = "now()::TIMESTAMP"
_UNFIT = (duckdb.DataError, duckdb.IntegrityError, duckdb.InvalidInputException)
_KEYS_IN = "_sdc_table_version"
"""The column whose comment names the table's key, for whoever reads the file."""
_BLANKS = """'("(?:[^"\\\\]|\\\\.)*")|\\s+', '\\1', 'g'"""
_WHERE_TABLE = (
    "WHERE database_name = $1 AND lower(schema_name) = lower($2) AND lower(table_name) = lower($3)"
)
_CONSTRAINT = r"PRIMARY KEY|UNIQUE|CHECK|FOREIGN KEY|GENERATED ALWAYS"
_QUALIFIED = r'(?:"(?:[^"]|"")*"|[^"(])*\('
_OF_TABLE, _ON_TABLE = f"^CREATE TABLE {_QUALIFIED}", f" ON {_QUALIFIED}"


@dataclass
class _Table:
    """A table as it is in the file."""

    columns: dict[str, tuple[str, str, str | None]] = field(default_factory=dict)
    """Name, type and comment of each column, by the folded name."""
    comment: str | None = None
    sql: str = ""

    def is_generated(self, name: str, kind: str) -> bool:
        """Whether DuckDB computes a column."""
        return any(f"{n} {kind} GENERATED ALWAYS" in self.sql for n in (name, _name(name)))


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
        self._seen: set[str] = set()
        self._tables: dict[tuple[str, str], _Table] = {}
        """What was there when the file was opened."""

    def close(self) -> None:
        """Leave the file to others."""
        if self.is_open and not self._stays_open:
            self._connection.execute(f"DETACH {_name(self._database)}")
            self.is_open = False
            self._tables = {}

    def end(self) -> None:
        """Give up what is not written, and close everything."""
        self._connection.close()

    def open(self) -> duckdb.DuckDBPyConnection:
        """Open the file, and wait while somebody else has it open."""
        began, told = time.monotonic(), False
        while not self.is_open:
            self._refuse_other_files()
            try:
                self._connection.execute(
                    f"ATTACH {_text(self._settings.filepath)} AS {_name(self._database)} "
                    f"(ROW_GROUP_SIZE {ROW_GROUP})"
                )
                self.is_open = True
            except duckdb.IOException as error:
                told = self._wait(error, time.monotonic() - began, told=told)
        return self._connection

    def _refuse_other_files(self) -> None:
        """Refuse what DuckDB would wait for, or would take for an empty warehouse."""
        file = Path(self._settings.filepath)
        with suppress(OSError):
            file.parent.mkdir(exist_ok=True)
        if not file.parent.is_dir():
            msg = f"there is no folder {file.parent}, in which filepath wants its file: make it"
            raise UnopenedError(msg)
        if not file.exists():
            return
        found = file.stat()
        if not stat.S_ISREG(found.st_mode):
            msg = f"{file} is no file: choose another filepath"
            raise UnopenedError(msg)
        if found.st_size < _SMALLEST_FILE:
            msg = f"{file} is no DuckDB file, perhaps for want of space: delete it, run again"
            raise UnopenedError(msg)

    def _wait(self, error: duckdb.IOException, waited: float, *, told: bool) -> bool:
        """Let some time pass if the file is locked; return whether that has been told."""
        if _LOCKED not in str(error):
            raise error
        found = _HOLDER.search(str(error))
        holder = f"in {found[1]} (PID {found[2]})" if found else "elsewhere"
        where = f"{self._settings.filepath} is open {holder}"
        patience = self._settings.lock_wait_seconds
        if waited >= patience or self._stopped():
            msg = f"{where}: close it there and run again; nothing is lost"
            raise UnopenedError(msg) from None
        if waited >= _TOLD_AFTER_SECONDS and not told:
            self._say(f"{where}, waiting up to {patience:g} seconds")
            told = True
        time.sleep(_RETRY_SECONDS)
        return told

    def prepare(self, stream: str, schema: Schema, keys: list[str]) -> tuple[Rows, bool]:
        """Make a stream's table, or add columns; return its rows to come, and whether it is new."""
        levels = self._settings.data_flattening_max_level
        columns = columns_of(stream, schema, keys, levels)
        place = self._settings.place_of(stream)
        other = self._streams.setdefault(fold(".".join(place)), stream)
        if other != stream:
            msg = f"streams {other} and {stream} would be one table, {'.'.join(place)}; rename one"
            raise TargetError(msg)
        connection = self.open()
        connection.begin()
        existing = self._existing(stream, place)
        table = self._table(stream)
        meaning = read(schema, schema)
        changes = []
        if existing:
            for column in columns:
                old = self._add_column(table, column, existing)
                if column.name in METADATA and old != column.type:
                    column.stored = column.type
                    changes.append((column, old))
        else:
            schema_name = ".".join(map(_name, (self._database, place[0])))
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema_name}")
            made = ", ".join(f"{_name(column.name)} {column.stored}" for column in columns)
            connection.execute(f"CREATE TABLE {table} ({made})")
        self._describe(table, existing or _Table(), columns, keys, meaning.description)
        connection.commit()
        declared = {fold(column.name) for column in columns}
        found = (existing or _Table()).columns.items()
        extras = [
            name
            for folded, (name, kind, _) in found
            if folded not in declared and not (existing and existing.is_generated(name, kind))
        ]
        rows = Rows(stream, columns, meaning, levels, extras)
        rows.changes = changes
        return rows, not existing

    def wider_types(self, rows: Rows, misfit: Misfit) -> list[str]:
        """Return the types that could hold what a column's type does not, or refuse the value."""
        column = misfit.column
        types = wider(column, misfit.number)
        if not types:
            what = "a key" if column.is_key else "a value"
            refuse(
                rows.stream,
                column.name,
                f"{what} does not fit the column's type {column.stored}, or would not come back "
                "unchanged",
            )
        return types

    def widen(self, rows: Rows, column: Column, types: list[str]) -> None:
        """Give a column the first of some types that holds what the table has."""
        old, name, connection = column.stored, _name(column.name), self.open()
        for kind in types:
            back = f"TRY_CAST(TRY_CAST({_using(name, old, kind)} AS {kind}) AS {old})"
            lossy = f"FROM {self._table(rows.stream)} WHERE {back} IS DISTINCT FROM {name} LIMIT 1"
            if kind in {"VARCHAR", "JSON"} or not connection.execute(lossy).fetchall():
                column.stored = kind
                rows.changes.append((column, old))
                rows.prepare()
                return
        refuse(
            rows.stream,
            column.name,
            f"no type of numbers holds both a value and those of the column, {old}",
        )

    def write(self, batches: Iterable[Rows], complete: Mapping[str, tuple[int, bool]]) -> None:
        """Write rows and deletes in one transaction.

        Args:
            batches: The rows of streams.
            complete: The version of each stream that is now complete, and whether rows
                without a version are older than it.
        """
        filled = list(batches)
        for number, rows in enumerate(filled):
            self._read(rows, f"incoming{number}")
        connection = self.open()
        connection.begin()
        for number, rows in enumerate(filled):
            for column, old in rows.changes:
                self._change_type(rows.stream, column, old)
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

    def _existing(self, stream: str, place: tuple[str, str]) -> _Table | None:
        """Look a table up; the file is asked once for all of them, as long as it is open."""
        is_first = stream not in self._seen
        if not (self._tables and is_first):
            self._tables = {}
            where = "WHERE database_name = $1"
            tables = self._connection.execute(
                f"SELECT schema_name, table_name, comment, sql FROM duckdb_tables() {where}",
                [self._database],
            )
            for schema, name, comment, sql in tables.fetchall():
                self._tables[fold(schema), fold(name)] = _Table({}, comment, sql)
            columns = self._connection.execute(
                "SELECT schema_name, table_name, column_name, data_type, comment "
                f"FROM duckdb_columns() {where}",
                [self._database],
            )
            for schema, table, *column in columns.fetchall():
                if found := self._tables.get((fold(schema), fold(table))):
                    found.columns[fold(column[0])] = tuple(column)
        self._seen.add(stream)
        return self._tables.get((fold(place[0]), fold(place[1])))

    def _add_column(self, table: str, column: Column, existing: _Table) -> str:
        """Add a column, unless the table has it; return its type there."""
        found = existing.columns.get(fold(column.name))
        if not found:
            self._connection.execute(
                f"ALTER TABLE {table} ADD COLUMN {_name(column.name)} {column.type}"
            )
            return column.type
        name, column.stored, _ = found
        if existing.is_generated(name, column.stored):
            msg = f"{_shown(table)}: DuckDB computes the column {name}; rename it, or the property"
            raise TargetError(msg)
        return column.stored

    def _describe(
        self,
        table: str,
        existing: _Table,
        columns: list[Column],
        keys: list[str],
        description: t.Any,
    ) -> None:
        """Write descriptions, and the key, as comments."""
        names = {folded: name for folded, (name, *_) in existing.columns.items()}
        keys = [names.get(fold(key), key) for key in keys]
        comments = {c.name: c.meaning.description for c in columns}
        comments[_KEYS_IN] = json.dumps({"key_properties": keys}, ensure_ascii=False)
        known = {folded: comment for folded, (*_, comment) in existing.columns.items()}
        for name, text in comments.items():
            if isinstance(text, str) and known.get(fold(name)) != text:
                self._comment(f"COLUMN {table}.{_name(name)}", text)
        if isinstance(description, str) and existing.comment != description:
            self._comment(f"TABLE {table}", description)

    def _comment(self, what: str, text: str) -> None:
        self._connection.execute(f"COMMENT ON {what} IS {_text(text)}")

    def _change_type(self, stream: str, column: Column, old: str) -> None:
        """Change a column's type; what else the table has stays, or the change is refused."""
        table, kind, place = self._table(stream), column.stored, self._settings.place_of(stream)
        found = t.cast("_Table", self._existing(stream, place))
        indexes = self._connection.execute(
            f"SELECT sql FROM duckdb_indexes() {_WHERE_TABLE} AND sql IS NOT NULL",
            [self._database, *place],
        ).fetchall()
        name = found.columns[fold(column.name)][0]
        new = f"({_using(_name(name), old, kind)})::{kind}"
        try:
            if indexes or re.search(_CONSTRAINT, found.sql):
                before = rf"(?<=[(,])( ?)(?:{re.escape(_name(name))}|{re.escape(name)}) "
                sql = re.sub(
                    before + re.escape(old),
                    lambda match: f"{match[1]}{_name(name)} {kind}",
                    re.sub(_OF_TABLE, lambda _: f"CREATE TABLE {table}(", found.sql, count=1),
                    count=1,
                )
                self._rebuild(table, found, [sql, *(sql for (sql,) in indexes)], {name: new})
            else:
                self._run(f"ALTER TABLE {table} ALTER {_name(name)} TYPE {kind} USING {new}")
        except duckdb.Error as error:
            reason = str(error).strip().partition("\n")[0]
            refuse(stream, name, f"it cannot become {kind} in place of {old}: {reason}")
        if name not in METADATA:
            self._say(f"{_shown(table)}: the column {_name(name)} was {old} and is now {kind}")

    def _rebuild(self, table: str, found: _Table, made: list[str], new: dict[str, str]) -> None:
        """Make a table anew, since DuckDB changes no column with a constraint or an index.

        Args:
            table: The table.
            found: What it is.
            made: SQL that makes it and its indexes.
            new: SQL for the values of the column that changes.
        """
        kept = [n for n, k, _ in found.columns.values() if not found.is_generated(n, k)]
        names = ", ".join(map(_name, kept))
        values = ", ".join(new.get(name, _name(name)) for name in kept)
        self._run(f"CREATE OR REPLACE TEMP TABLE rebuilt AS FROM {table}")
        self._run(f"DROP TABLE {table}")
        self._run(made[0])
        self._run(f"INSERT INTO {table} ({names}) SELECT {values} FROM rebuilt")
        self._run("DROP TABLE rebuilt")
        for index in made[1:]:
            self._run(re.sub(_ON_TABLE, lambda _: f" ON {table}(", index, count=1))
        for other, _, comment in found.columns.values():
            if comment is not None:
                self._comment(f"COLUMN {table}.{_name(other)}", comment)
        if found.comment is not None:
            self._comment(f"TABLE {table}", found.comment)

    def _run(self, sql: str) -> None:
        self._connection.execute(sql)

    def _read(self, rows: Rows, incoming: str) -> None:
        """Make a temporary table of rows, while others may read the file."""
        query = f"CREATE OR REPLACE TEMP TABLE {incoming} AS "
        everything = range(len(rows.columns))
        for is_last in (False, True):
            try:
                self._connection.execute(query + _select(rows, everything), [_joined(rows)])
                break
            except _UNFIT:  # DuckDB's message would quote the value
                if is_last:
                    self._name_misfit(rows)
                rows.respell_moments()
        keys = [f"c{n}" for n, column in enumerate(rows.columns) if column.is_key]
        if keys and len(rows.lines) > 1:
            same = ", ".join(keys)
            repeats = f"SELECT count(*) > count(DISTINCT ({same})) FROM {incoming}"
            if self._connection.execute(repeats).fetchall() == [(True,)]:  # the last one wins
                self._connection.execute(
                    f"DELETE FROM {incoming} WHERE rowid NOT IN "
                    f"(SELECT max(rowid) FROM {incoming} GROUP BY {same})"
                )

    def _name_misfit(self, rows: Rows) -> t.NoReturn:
        for number, column in enumerate(rows.columns):
            try:
                self._connection.execute(_select(rows, [number]), [_joined(rows)]).fetchall()
            except _UNFIT:  # noqa: PERF203
                refuse(rows.stream, column.name, "a value does not fit")
        refuse(rows.stream, None, "a value does not fit")

    def _insert(self, rows: Rows, incoming: str) -> None:
        """Replace the rows of the same keys; what the schema does not declare stays in them."""
        connection, table = self._connection, self._table(rows.stream)
        numbers = [f"c{n}" for n in range(len(rows.columns))]
        names = ", ".join([*(_name(column.name) for column in rows.columns), "_sdc_batched_at"])
        values = ", ".join([*(f"new.{n}" for n in numbers), _NOW])
        insert = f"INSERT INTO {table} ({names}"
        same = " AND ".join(
            f"{_comparable('old.' + _name(c.name), c)} = new.{n}"
            for n, c in zip(numbers, rows.columns, strict=True)
            if c.is_key
        )
        try:
            if same and rows.extras:
                extras = [f"old.{_name(name)} AS x{n}" for n, name in enumerate(rows.extras)]
                connection.execute(
                    f"CREATE OR REPLACE TEMP TABLE kept AS SELECT new.rowid AS row, "
                    f"{', '.join(extras)} FROM {table} AS old JOIN {incoming} AS new ON {same} "
                    "QUALIFY row_number() OVER (PARTITION BY new.rowid) = 1"
                )
            if same:
                connection.execute(
                    f"DELETE FROM {table} AS old USING {incoming} AS new WHERE {same}"
                )
            if same and rows.extras:
                kept = ", ".join(f"kept.x{n}" for n in range(len(rows.extras)))
                connection.execute(
                    f"{insert}, {', '.join(map(_name, rows.extras))}) SELECT {values}, {kept} "
                    f"FROM {incoming} AS new JOIN kept ON kept.row = new.rowid ORDER BY new.rowid"
                )
                connection.execute(
                    f"{insert}) SELECT {values} FROM {incoming} AS new "
                    "WHERE rowid NOT IN (SELECT row FROM kept)"
                )
            else:
                connection.execute(f"{insert}) SELECT {values} FROM {incoming} AS new")
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


def _select(rows: Rows, numbers: Iterable[int]) -> str:
    """Read the lines that are the query's parameter; the columns are c0, c1 and so on."""
    types, values = {}, []
    for number in numbers:
        name, column = rows.names[number], rows.columns[number]
        is_cast = column.stored == "JSON" or (column.stored in MOMENTS and is_zoned(column))
        first = "VARCHAR" if column.stored == "JSON" else "TIMESTAMPTZ"
        types[name] = first if is_cast else column.stored
        values.append(f"found.{_name(name)}{f'::{column.stored}' if is_cast else ''} AS c{number}")
    # random(): DuckDB would make a list of values of what it can compute when it plans, slowly.
    return (
        f"SELECT {', '.join(values)} FROM (SELECT json_transform_strict(line, "
        f"{_text(json.dumps(types))}) AS found FROM (SELECT unnest(string_split("
        "CASE WHEN random() < 2 THEN $1 END, chr(10))) AS line))"
    )


def _joined(rows: Rows) -> str:
    return b"\n".join(rows.lines).decode()


def _using(name: str, old: str, new: str) -> str:
    """Return SQL for a column's values on their way to another type."""
    if new == "JSON":
        return f"to_json({text_of(name, old) if old in MOMENTS else name})"
    if new == "VARCHAR":
        return text_of(name, old)
    return f"{name}::VARCHAR" if old == "FLOAT" else name  # 0.1 stays 0.1


def _comparable(name: str, column: Column) -> str:
    """Return SQL for a key's values; blanks between the parts of JSON make no difference."""
    is_json = column.stored == "JSON"
    return f"regexp_replace({name}::VARCHAR, {_BLANKS})" if is_json else name


def _shown(table: str) -> str:
    return table.partition(".")[2]


def _name(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
