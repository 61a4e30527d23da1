"""From tables to a destination, in portions that are written and remembered together."""

# ruff: noqa: S608 - names cannot be parameters; they go through `_name`

from __future__ import annotations

import json
import re
import typing as t

import dlt
import duckdb
from dlt.common.libs.pyarrow import py_arrow_to_table_schema_columns
from dlt.common.runtime.collector import NULL_COLLECTOR

if t.TYPE_CHECKING:
    from collections.abc import Iterator

DESTINATIONS = ("bigquery", "databricks", "delta", "duckdb", "redshift", "snowflake")
_AS_VALUES = ("bigquery", "redshift", "snowflake")  # dlt decodes JSON; others get Arrow, with texts
_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER")
_CASTS = dict.fromkeys(_WHOLE, "BIGINT") | dict.fromkeys(("JSON", "UUID", "VARCHAR"), "VARCHAR")
_CASTS |= dict.fromkeys(("TIMESTAMP", "TIMESTAMP WITH TIME ZONE"), "TIMESTAMPTZ")
_CASTS |= dict.fromkeys(("HUGEINT", "UBIGINT"), "DECIMAL(38, 0)") | {"FLOAT": "DOUBLE"}
_CASTS |= {kind: kind for kind in ("DOUBLE", "BOOLEAN", "BLOB", "DATE", "TIME")}
# Rows that were written or marked together have one time. It only tells batches apart: one that
# comes after a clock moved back is new as well, and one that got more rows is read again.
_BATCH = "epoch_us(coalesce(_sdc_deleted_at, _sdc_batched_at, TIMESTAMP 'epoch'))"
_REMEMBERED = 1000  # batches of a table, the newest; older ones count as known
_ROWS = 50_000  # of a portion, roughly; more take more memory
_ROWS_OF_DELTA = 10_000  # in a first export, of which each portion is a file
_TABLES = """
SELECT t.table_name, t.comment, list((column_name, data_type, c.comment)), coalesce(
    any_value(if(column_name = '_sdc_table_version' AND json_valid(c.comment),
        c.comment->>'$.key_properties[*]', NULL)), any_value(constraint_column_names), ['id'])
FROM duckdb_tables() AS t JOIN duckdb_columns() AS c USING (schema_name, table_name)
LEFT JOIN (FROM duckdb_constraints() WHERE constraint_type = 'PRIMARY KEY')
    USING (schema_name, table_name)
WHERE schema_name = ? AND NOT starts_with(table_name, 'tmp_') GROUP BY 1, 2 ORDER BY 1"""


class ExportError(Exception):
    """What a person can do something about."""


def refuse(why: str) -> t.NoReturn:
    """End the export."""
    raise ExportError(why)


def reason(error: BaseException) -> str:
    """Return what is at the bottom of an error, in one line."""
    while inner := getattr(error, "exception", None) or error.__cause__:
        error = inner
    if missing := getattr(error, "fields", None):
        return f"dlt's configuration lacks {', '.join(missing)}; see docs/destinations.md"
    return next((line.strip() for line in str(error).splitlines() if line.strip()), repr(error))


def export(
    connection: duckdb.DuckDBPyConnection, settings: dict[str, str], file: str, work: str
) -> Iterator[str]:
    """Write what the destination lacks; yields what that was, table by table."""
    schema, full = settings["schema"], settings["full"].lower() == "true"
    name, dataset = re.sub(r"\W", "_", f"{file}_{schema}").lower(), settings["dataset"] or schema
    kind = settings["destination"].replace("delta", "filesystem")
    # Without progress, dlt would read a variable PROGRESS.
    pipeline = dlt.pipeline(name, work, None, kind, dataset_name=dataset, progress=NULL_COLLECTOR)
    pipeline.sync_destination()
    sources: dict[str, t.Any] = {} if full else pipeline.state.get("sources", {})
    source: dict[str, t.Any] = next(iter(sources.values()), {})
    known = source.get("resources", {})
    connection.execute("SET GLOBAL TimeZone = 'UTC'; SET memory_limit = '100MB'; SET threads = 1")
    found = connection.execute(_TABLES, [schema]).fetchall()
    tables = [_Table(connection, settings, known.get(row[0], {}), *row) for row in found]
    limit = pipeline.destination.capabilities().max_text_data_type_length
    for table in tables or refuse(f"the schema {schema} has no tables"):
        there = pipeline.default_schema.tables if known else {}
        table.check(there.get(table.name, {}).get("columns", {}), limit)
    waiting = [(table, batch) for table in tables for batch in table.fresh]
    portion: dict[_Table, list[int]] = {table: [] for table in tables if not table.known}
    # What a first export that was killed has left is dropped as well.
    how: dict[str, t.Any] = {} if known else {"refresh": "drop_sources"}
    # A merge into a Delta table reads all of it: a first export adds, and remembers at its end.
    adds = settings["destination"] == "delta" and not known
    most = _ROWS_OF_DELTA if adds else _ROWS
    while waiting or portion:
        rows = 0
        while waiting and rows < most:
            table, batch = waiting.pop(0)
            portion.setdefault(table, []).append(batch)
            rows += table.batches[batch]
        if not waiting and adds:
            portion = {table: portion.get(table, []) for table in tables}
        found = [
            table.resource(some, adds=adds, remembers=not (waiting and adds))
            for table, some in portion.items()
        ]
        pipeline.run(found, **how)
        portion, how = {}, {}
    for table in tables:
        if (rows := _count(pipeline, table.name, settings["destination"])) != table.count:
            refuse(f"{table.name}: {table.count} rows here, {rows} there; set full to write all")
        new = sum(table.batches[batch] for batch in table.fresh)
        yield f"{table.name}: {new} rows written, {rows} in all"


class _Table:
    """A table, and which of its batches the destination lacks."""

    def __init__(  # noqa: PLR0913, PLR0917 - what there is to know of a table
        self,
        connection: duckdb.DuckDBPyConnection,
        settings: dict[str, str],
        known: dict[str, t.Any],
        name: str,
        comment: str | None,
        columns: list[tuple[str, str, str | None]],
        keys: list[str],
    ) -> None:
        self.name, self.known, self._comment, self._keys = name, known, comment, keys
        self._connection, self._columns, self._to = connection, columns, settings["destination"]
        self._removes = settings["hard_delete"].lower() == "true"
        needed = {*keys, "_sdc_batched_at", "_sdc_deleted_at"}
        for column in sorted(needed - {column for column, _, _ in columns}):
            refuse(f"{name} has no {column}, so target-duckdb has not loaded it")
        self._source = f"FROM {_name(settings['schema'])}.{_name(name)}"
        found = self._rows(f"{_BATCH}, count(*), count(_sdc_deleted_at) {self._source} GROUP BY 1")
        self.batches: dict[int, int] = {batch: rows for batch, rows, _ in found}
        self._all = sum(self.batches.values())
        self.count = self._all - sum(gone for _, _, gone in found if self._removes)
        self._seen = {int(batch): rows for batch, rows in known.get("seen", {}).items()}
        oldest = min(self._seen) if len(self._seen) >= _REMEMBERED else 0
        fresh = (batch for batch, rows in self.batches.items() if rows > self._seen.get(batch, 0))
        self.fresh = sorted(batch for batch in fresh if batch >= oldest)
        self._source += f" WHERE {_BATCH} IN (SELECT unnest($1::BIGINT[]))"
        if self._removes and not known:  # what was never there cannot be removed
            self._source += " AND _sdc_deleted_at IS NULL"

    def _rows(self, what: str, *values: t.Any) -> list[tuple[t.Any, ...]]:
        try:
            return self._connection.execute(f"SELECT {what}", values).fetchall()
        except duckdb.OutOfMemoryException:  # long texts, which are read for the first time here
            self._connection.execute("RESET memory_limit")
            return self._connection.execute(f"SELECT {what}", values).fetchall()

    def check(self, there: dict[str, t.Any], limit: int) -> None:
        """Refuse what could not be written as it is."""
        if self._all < self.known.get("rows", 0):
            refuse(f"rows are gone from {self.name}, so deletes were not seen; set full")
        for name, kind, _ in self._columns:
            if kind not in _CASTS and not kind.startswith("DECIMAL("):
                refuse(f"{self.name}.{name} is {kind}, which cannot be exported")
            text = f"{_cast(name, kind)}::VARCHAR"
            ((longest,),) = self._rows(f"max(strlen({text})) {self._source}", self.fresh)
            if (longest or 0) > limit:
                refuse(f"{self.name}.{name} has a text of {longest} bytes, {limit} fit there")
            if kind == "JSON" and self._to in _AS_VALUES:
                numbers = f"{text} {self._source} AND regexp_matches({text}, '\\d{{19}}')"
                for (value,) in self._rows(numbers, self.fresh):
                    json.loads(value, parse_int=self._fits)
        for name, hint in self._hints().items():
            if (old := there.get(name, hint).get("data_type")) != hint["data_type"]:
                refuse(f"{self.name}.{name} is {hint['data_type']} now, {old} there; set full")

    def _fits(self, digits: str) -> None:
        if not -(2**63) <= int(digits) < 2**63:
            refuse(f"{self.name} has an integer of more than 64 bits inside JSON, {self._to} not")

    def _select(self, batches: list[int]) -> duckdb.DuckDBPyRelation:
        names = ", ".join(
            f"{_cast(name, kind)} AS {_name(name)}" for name, kind, _ in self._columns
        )
        return self._connection.cursor().sql(f"SELECT {names} {self._source}", params=[batches])

    def _hints(self) -> dict[str, dict[str, t.Any]]:
        hints: dict[str, t.Any] = py_arrow_to_table_schema_columns(
            self._select([]).to_arrow_table().schema
        )
        for name, kind, text in self._columns:
            hints[name] |= {"data_type": "json"} if kind == "JSON" else {}
            hints[name] |= {"description": text} if text else {}
            hints[name] |= {"hard_delete": self._removes and name == "_sdc_deleted_at"}
        return hints

    def resource(self, batches: list[int], *, adds: bool, remembers: bool) -> t.Any:
        """Return some batches for dlt, which remembers them once they are written."""
        self._seen |= {batch: self.batches[batch] for batch in batches}
        newest = sorted(self._seen.keys() & self.batches.keys())[-_REMEMBERED:]
        seen = {str(batch): min(self._seen[batch], self.batches[batch]) for batch in newest}

        def rows() -> Iterator[t.Any]:
            if remembers:
                dlt.current.resource_state().update(seen=seen, rows=self._all)
            as_values = self._to in _AS_VALUES
            if not self.known:  # a table without rows is made, too
                empty = self._select([]).to_arrow_table()
                yield dlt.mark.materialize_table_schema() if as_values else empty
            for batch in self._select(batches).to_arrow_reader(5000):
                yield batch.to_pylist() if as_values else batch

        how: t.Any = {"disposition": "merge", "strategy": "delete-insert"}
        hints: dict[str, t.Any] = {"columns": self._hints(), "primary_key": self._keys}
        if self._to == "delta":
            hints["table_format"], how["strategy"] = "delta", "upsert"
        how = "append" if adds else how
        found = dlt.resource(
            rows, name=self.name, write_disposition=how, max_table_nesting=0, **hints
        )
        texts = {"description": self._comment, "x-bigquery-table-description": self._comment}
        return found.apply_hints(additional_table_hints=texts if self._comment else {})


def _count(pipeline: dlt.Pipeline, table: str, destination: str) -> int:
    if destination == "delta":
        from dlt.common.libs.deltalake import get_delta_tables  # noqa: PLC0415 - of an extra

        return int(get_delta_tables(pipeline, table)[table].count())
    with pipeline.sql_client() as client:
        query = f"SELECT count(*) FROM {client.make_qualified_table_name(table)}"
        return int((client.execute_sql(query) or [(0,)])[0][0])


def _cast(name: str, kind: str) -> str:
    return f"{_name(name)}::{_CASTS.get(kind, kind)}"


def _name(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'
