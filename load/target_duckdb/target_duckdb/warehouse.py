"""The DuckDB file: opened when it is needed, and written in whole batches."""

# ruff: noqa: S608 - names cannot be parameters; they go through `_name`

from __future__ import annotations

import json
import re
import time
import typing as t
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from target_duckdb import TargetError, UnopenedError, refuse
from target_duckdb.columns import METADATA, columns_of, fold, quoted
from target_duckdb.fit import changed, is_same, kind_of, misfits, value_of, wider
from target_duckdb.rows import Rows
from target_duckdb.schema import read
from target_duckdb.settings import ROW_GROUP

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from target_duckdb.columns import Column
    from target_duckdb.schema import Schema
    from target_duckdb.settings import Settings

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
_TABLES = (
    "SELECT schema_name, table_name, "
    "list((column_name, data_type, columns.comment) ORDER BY column_index), "
    "any_value(tables.comment), any_value(sql) FROM duckdb_tables() AS tables "
    "JOIN duckdb_columns() AS columns USING (database_name, schema_name, table_name) "
    "WHERE database_name = $1 GROUP BY ALL"
)
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
        return any(f"{n} {kind} GENERATED ALWAYS" in self.sql for n in (name, quoted(name)))


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
            self._connection.execute(f"DETACH {quoted(self._database)}")
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
                    f"ATTACH {_text(self._settings.filepath)} AS {quoted(self._database)} "
                    f"(ROW_GROUP_SIZE {ROW_GROUP})"
                )
                self.is_open = True
            except duckdb.IOException as error:
                told = self._wait(error, time.monotonic() - began, told=told)
        return self._connection

    def _refuse_other_files(self) -> None:
        """Refuse what DuckDB would wait for, or would take for an empty warehouse."""
        file, why = Path(self._settings.filepath), ""
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
        levels, meaning = self._settings.data_flattening_max_level, read(schema)
        columns = columns_of(stream, meaning, keys, levels)
        place = self._settings.place_of(stream)
        other = self._streams.setdefault(fold(".".join(place)), stream)
        if other != stream:
            refuse(stream, None, f"{other} and {stream} would be one table; rename one of them")
        connection, table = self.open(), self._table(stream)
        connection.begin()
        found = self._existing(stream, place)
        existing = found or _Table()
        if found:
            for column in columns:
                self._add_column(table, column, existing)
        else:
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {table.rpartition('.')[0]}")
            made = ", ".join(f"{quoted(column.name)} {column.stored}" for column in columns)
            connection.execute(f"CREATE TABLE {table} ({made})")
        self._describe(table, existing, columns, keys, meaning.description)
        connection.commit()
        declared = {fold(column.name) for column in columns}
        extras = [
            name
            for folded, (name, kind, _) in existing.columns.items()
            if folded not in declared and not existing.is_generated(name, kind)
        ]
        rows = Rows(stream, columns, meaning, levels, extras)
        for column in columns:
            if column.name in METADATA and column.stored != column.type:
                rows.changes.append((column, column.stored))
                column.stored = column.type
        rows.prepare()
        return rows, not found

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
            connection.execute(f"SET {quoted(name)} = {_text(str(value))}")
        return connection

    def _table(self, stream: str) -> str:
        # The database is named because a schema may have the same name.
        return ".".join(map(quoted, (self._database, *self._settings.place_of(stream))))

    def _existing(self, stream: str, place: tuple[str, str]) -> _Table | None:
        """Look a table up; the file is asked once for all of them, as long as it is open."""
        if stream in self._seen or not self._tables:
            found = self._connection.execute(_TABLES, [self._database]).fetchall()
            self._tables = {
                (fold(schema), fold(name)): _Table(
                    {fold(column[0]): column for column in columns}, *more
                )
                for schema, name, columns, *more in found
            }
        self._seen.add(stream)
        return self._tables.get((fold(place[0]), fold(place[1])))

    def _add_column(self, table: str, column: Column, existing: _Table) -> None:
        """Add a column, unless the table has it, with a type that may be another."""
        found = existing.columns.get(fold(column.name))
        if not found:
            add = f"ALTER TABLE {table} ADD COLUMN {quoted(column.name)} {column.type}"
            self._connection.execute(add)
            return
        name, column.stored, _ = found
        if existing.is_generated(name, column.stored):
            msg = f"{_shown(table)}: DuckDB computes the column {name}; rename it, or the property"
            raise TargetError(msg)

    def _describe(
        self,
        table: str,
        existing: _Table,
        columns: list[Column],
        keys: list[str],
        description: t.Any,
    ) -> None:
        """Write descriptions, and the key, as comments."""
        keys = [existing.columns.get(fold(key), (key,))[0] for key in keys]
        comments = {c.name: c.meaning.description for c in columns}
        comments[_KEYS_IN] = json.dumps({"key_properties": keys}, ensure_ascii=False)
        for name, text in comments.items():
            *_, known = existing.columns.get(fold(name), (None,))
            if isinstance(text, str) and text != known:
                self._comment(f"COLUMN {table}.{quoted(name)}", text)
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
        new = f"({changed(quoted(name), old, kind)})::{kind}"
        try:
            if indexes or re.search(_CONSTRAINT, found.sql):
                before = rf"(?<=[(,])( ?)(?:{re.escape(quoted(name))}|{re.escape(name)}) "
                sql = re.sub(
                    before + re.escape(old),
                    lambda match: f"{match[1]}{quoted(name)} {kind}",
                    re.sub(_OF_TABLE, lambda _: f"CREATE TABLE {table}(", found.sql, count=1),
                    count=1,
                )
                self._rebuild(table, found, [sql, *(sql for (sql,) in indexes)], {name: new})
            else:
                self._run(f"ALTER TABLE {table} ALTER {quoted(name)} TYPE {kind} USING {new}")
        except duckdb.Error as error:
            reason = str(error).strip().partition("\n")[0]
            refuse(stream, name, f"it cannot become {kind} in place of {old}: {reason}")
        if name not in METADATA:
            self._say(f"{_shown(table)}: the column {quoted(name)} was {old} and is now {kind}")

    def _rebuild(self, table: str, found: _Table, made: list[str], new: dict[str, str]) -> None:
        """Make a table anew, since DuckDB changes no column with a constraint or an index.

        Args:
            table: The table.
            found: What it is.
            made: SQL that makes it and its indexes.
            new: SQL for the values of the column that changes.
        """
        kept = [n for n, k, _ in found.columns.values() if not found.is_generated(n, k)]
        names = ", ".join(map(quoted, kept))
        values = ", ".join(new.get(name, quoted(name)) for name in kept)
        self._run(f"CREATE OR REPLACE TEMP TABLE rebuilt AS FROM {table}")
        self._run(f"DROP TABLE {table}")
        self._run(made[0])
        self._run(f"INSERT INTO {table} ({names}) SELECT {values} FROM rebuilt")
        self._run("DROP TABLE rebuilt")
        for index in made[1:]:
            self._run(re.sub(_ON_TABLE, lambda _: f" ON {table}(", index, count=1))
        for other, _, comment in found.columns.values():
            if comment is not None:
                self._comment(f"COLUMN {table}.{quoted(other)}", comment)
        if found.comment is not None:
            self._comment(f"TABLE {table}", found.comment)

    def _run(self, sql: str) -> None:
        self._connection.execute(sql)

    def _ask(self, sql: str, *given: str) -> list[t.Any]:
        return self._connection.execute(sql, given).fetchall()

    def _read(self, rows: Rows, incoming: str) -> None:
        """Make a temporary table of rows, while others may read the file."""
        make, lines = (
            f"CREATE OR REPLACE TEMP TABLE {incoming} AS ",
            b"\n".join(rows.lines).decode(),
        )
        for is_raw in (rows.is_raw, True):
            try:
                self._connection.execute(make + rows.query(), [lines])
                if unchecked := rows.unchecked:
                    self._check(rows, unchecked, incoming)
                    values = [f"{value_of(c, o.stored)} AS {c}" for c, o in unchecked.items()]
                    self._run(f"{make} SELECT * REPLACE ({', '.join(values)}) FROM {incoming}")
                break
            except _UNFIT:  # DuckDB's message would quote the value
                if is_raw:
                    refuse(rows.stream, None, "a value does not fit")
                rows.loosen()
                lines = b"\n".join(rows.lines).decode()
        keys = [f"c{n}" for n, column in enumerate(rows.columns) if column.is_key]
        if keys and len(rows.lines) > 1:
            same = ", ".join(keys)
            repeats = f"SELECT count(*) > count(DISTINCT ({same})) FROM {incoming}"
            if self._ask(repeats) == [(True,)]:  # the last one wins
                self._run(
                    f"DELETE FROM {incoming} WHERE rowid NOT IN "
                    f"(SELECT max(rowid) FROM {incoming} GROUP BY {same})"
                )

    def _check(self, rows: Rows, unchecked: dict[str, Column], incoming: str) -> None:
        """Check values that are texts of JSON, and make the columns wide enough for them."""
        kinds = ", ".join(f"list(DISTINCT {kind_of(c)}) FILTER ({c} NOT NULL)" for c in unchecked)
        nulls = ", ".join(f"count(*) > count({c})" for c in unchecked)
        (found,) = self._ask(f"SELECT {kinds}, {nulls} FROM {incoming}")
        count = len(unchecked)
        for (c, column), sent, has_null in zip(
            unchecked.items(), found[:count], found[count:], strict=True
        ):
            if column.is_key and has_null:
                refuse(rows.stream, column.name, "a key is missing or null")
            if wrong := set(sent or ()) - column.meaning.kinds:
                allowed = "|".join(sorted(column.meaning.types))
                reason = f"a value of the type {min(wrong)}, where the schema has {allowed}"
                refuse(rows.stream, column.name, reason)
            exactly = column.is_key or "number" not in column.meaning.kinds
            if bad := self._misfits(column, c, column.stored, incoming, exactly=exactly):
                self._widen(rows, column, bad, c, incoming)

    def _misfits(
        self, column: Column, c: str, kind: str, incoming: str, *, exactly: bool = True
    ) -> list[str]:
        """Return the values that a type does not give back."""
        query = misfits(column, c, kind, incoming)
        found = self._ask(query) if query else []
        return [
            sent for sent, back in found if not is_same(column, kind, sent, back, exactly=exactly)
        ]

    def _widen(self, rows: Rows, column: Column, bad: list[str], c: str, incoming: str) -> None:
        """Give a column the first type that holds these values and what the table has."""
        old, name = column.stored, quoted(column.name)
        for kind in wider(column, bad):
            back = f"TRY_CAST(TRY_CAST({changed(name, old, kind)} AS {kind}) AS {old})"
            lossy = f"FROM {self._table(rows.stream)} WHERE {back} IS DISTINCT FROM {name} LIMIT 1"
            if not self._misfits(column, c, kind, incoming) and (
                kind in {"VARCHAR", "JSON"} or not self.open().execute(lossy).fetchall()
            ):
                rows.changes.append((column, old))
                column.stored = kind
                rows.prepare()
                return
        reason = f"a value would not come back unchanged from the column's type, {old}"
        refuse(rows.stream, column.name, f"{reason}, and no other holds all")

    def _insert(self, rows: Rows, incoming: str) -> None:
        """Replace the rows of the same keys; what the schema does not declare stays in them."""
        connection, table = self._connection, self._table(rows.stream)
        new = {f"new.c{number}": column for number, column in enumerate(rows.columns)}
        columns = {value: quoted(column.name) for value, column in new.items()}
        columns[_NOW] = "_sdc_batched_at"
        names, values = ", ".join(columns.values()), ", ".join(columns)
        keys = {value: column for value, column in new.items() if column.is_key}
        same = " AND ".join(f"{_comparable(c)} = {value}" for value, c in keys.items())
        try:
            if same and rows.extras:
                changes = [f"{n} = {value}" for value, n in columns.items() if value not in keys]
                connection.execute(
                    f"MERGE INTO {table} AS old USING {incoming} AS new ON {same} "
                    f"WHEN MATCHED THEN UPDATE SET {', '.join(changes)} "
                    f"WHEN NOT MATCHED THEN INSERT ({names}) VALUES ({values})"
                )
            else:
                if same:
                    connection.execute(
                        f"DELETE FROM {table} AS old USING {incoming} AS new WHERE {same}"
                    )
                connection.execute(
                    f"INSERT INTO {table} ({names}) SELECT {values} FROM {incoming} AS new"
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


def _comparable(column: Column) -> str:
    """Return SQL for a key that is there; blanks between the parts of JSON make no difference."""
    name = f"old.{quoted(column.name)}"
    return f"regexp_replace({name}::VARCHAR, {_BLANKS})" if column.stored == "JSON" else name


def _shown(table: str) -> str:
    return table.partition(".")[2]


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
