"""From tables to a destination, in portions that are written and remembered together."""

# ruff: noqa: S608 - names cannot be parameters; they are quoted

import json
import re
import typing as t
from collections.abc import Iterator

import dlt
import duckdb
from dlt.common.libs.pyarrow import py_arrow_to_table_schema_columns
from dlt.common.runtime.collector import NULL_COLLECTOR

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
_ROWS = 20_000  # of a portion, roughly; more take more memory
_TABLES = """
SELECT t.table_name, t.comment, list((column_name, data_type, c.comment)), coalesce(
    any_value(if(column_name = '_sdc_table_version' AND json_valid(c.comment),
        c.comment->>'$.key_properties[*]', NULL)), any_value(constraint_column_names), ['id'])
FROM duckdb_tables() AS t JOIN duckdb_columns() AS c USING (schema_name, table_name)
LEFT JOIN (FROM duckdb_constraints() WHERE constraint_type = 'PRIMARY KEY')
    USING (schema_name, table_name)
WHERE schema_name = ? AND NOT starts_with(table_name, 'tmp_') GROUP BY 1, 2
HAVING list_has_all(list(column_name), ['_sdc_batched_at', '_sdc_deleted_at']) ORDER BY 1"""


def refuse(why: str) -> t.NoReturn:
    """End the export with what a person can do something about."""
    raise ValueError(why)


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
    schema, to_delta = settings["schema"], settings["destination"] == "delta"
    name, dataset = re.sub(r"\W", "_", f"{file}_{schema}").lower(), settings["dataset"] or schema
    kind = "filesystem" if to_delta else settings["destination"]
    # Without progress, dlt would read a variable PROGRESS.
    pipeline = dlt.pipeline(name, work, None, kind, dataset_name=dataset, progress=NULL_COLLECTOR)
    pipeline.sync_destination()
    sources: t.Any = {} if settings["full"].lower() == "true" else pipeline.state.get("sources", {})
    known = (*sources.values(), {})[0].get("resources", {})
    connection.execute("SET GLOBAL TimeZone = 'UTC'; SET memory_limit = '50MB'; SET threads = 1")
    found = connection.execute(_TABLES, [schema]).fetchall()
    tables = [_Table(connection, settings, known, row) for row in found]
    limit = pipeline.destination.capabilities().max_text_data_type_length
    for table in tables or refuse(f"the schema {schema} has no tables of target-duckdb"):
        there = pipeline.default_schema.tables if known else {}
        table.check(there.get(table.name, {}).get("columns", {}), limit)
    portions = {0: {table: list[int]() for table in tables if not table.known}}
    rows = 0
    for table in tables:
        for batch in table.fresh:
            portions.setdefault(rows // _ROWS, {}).setdefault(table, []).append(batch)
            rows += table.batches[batch]
    # What a first export left that was killed before it remembered anything is dropped.
    how: dict[str, t.Any] = {} if known else {"refresh": "drop_sources"}
    # A merge into a Delta table reads all of it, so a first export adds.
    adds = to_delta and not known
    for portion in filter(None, portions.values()):
        pipeline.run([table.resource(portion[table], adds=adds) for table in portion], **how)
        how = {}
    for table in tables:
        if (rows := _count(pipeline, table.name, to_delta)) != table.count:
            refuse(f"{table.name}: {table.count} rows here, {rows} there; set full to write all")
        new = sum(table.batches[batch] for batch in table.fresh)
        yield f"{table.name}: {new} rows written, {rows} in all"


class _Table:
    """A table, and which of its batches the destination lacks."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        settings: dict[str, str],
        known: t.Any,
        row: t.Any,
    ) -> None:
        self.name, self._comment, self._columns, self._keys = row
        self._connection, self._to = connection, settings["destination"]
        self.known, removes = known.get(self.name, {}), settings["hard_delete"].lower() == "true"
        self._from = f"FROM {_quoted(settings['schema'])}.{_quoted(self.name)}"
        found = self._rows(f"{_BATCH}, count(*), count(_sdc_deleted_at)", "GROUP BY 1")
        self.batches: dict[int, int] = {batch: rows for batch, rows, _ in found}
        self._all = sum(self.batches.values())
        self.count = self._all - sum(gone for _, _, gone in found if removes)
        self._seen = {int(batch): rows for batch, rows in self.known.get("seen", {}).items()}
        oldest = min(self._seen) if len(self._seen) >= _REMEMBERED else 0
        fresh = (batch for batch, rows in self.batches.items() if rows > self._seen.get(batch, 0))
        self.fresh = sorted(batch for batch in fresh if batch >= oldest)
        self._from += f" WHERE {_BATCH} IN (SELECT unnest($1::BIGINT[]))"
        if removes and not self.known:  # what was never there cannot be removed
            self._from += " AND _sdc_deleted_at IS NULL"
        self._casts = {column: self._cast(column, kind) for column, kind, _ in self._columns}
        self._hints = py_arrow_to_table_schema_columns(self._arrow([]).schema)
        for column, kind, text in self._columns:
            self._hints[column]["hard_delete"] = removes and column == "_sdc_deleted_at"
            self._hints[column] |= {"data_type": "json"} if kind == "JSON" else {}
            self._hints[column] |= {"description": text} if text else {}

    def _cast(self, column: str, kind: str) -> str:
        if kind not in _CASTS and not kind.startswith("DECIMAL("):
            refuse(f"{self.name}.{column} is {kind}, which cannot be exported")
        return f"{_quoted(column)}::{_CASTS.get(kind, kind)}"

    def _rows(self, what: str, more: str, *values: t.Any) -> list[tuple[t.Any, ...]]:
        query = f"SELECT {what} {self._from} {more}"
        try:
            return self._connection.execute(query, values).fetchall()
        except duckdb.OutOfMemoryException:  # long texts, which are read for the first time here
            self._connection.execute("RESET memory_limit")
            return self._connection.execute(query, values).fetchall()

    def _arrow(self, batches: list[int]) -> t.Any:
        columns = ", ".join(f"{cast} AS {_quoted(name)}" for name, cast in self._casts.items())
        query = f"SELECT {columns} {self._from}"
        return self._connection.cursor().execute(query, [batches]).to_arrow_reader(5000)

    def check(self, there: dict[str, t.Any], limit: int) -> None:
        """Refuse what could not be written as it is."""
        if self._all < self.known.get("rows", 0):
            refuse(f"rows are gone from {self.name}, so deletes were not seen; set full")
        texts = {column: f"{cast}::VARCHAR" for column, cast in self._casts.items()}
        longest = ", ".join(f"max(strlen({text}))" for text in texts.values())
        (lengths,) = self._rows(longest, "", self.fresh)
        for (column, kind, _), length in zip(self._columns, lengths, strict=True):
            if (length or 0) > limit:
                refuse(f"{self.name}.{column} has a text of {length} bytes, {limit} fit there")
            new = self._hints[column]["data_type"]
            if (old := there.get(column, {}).get("data_type", new)) != new:
                refuse(f"{self.name}.{column} is {new} now, {old} there; set full")
            if kind == "JSON" and self._to in _AS_VALUES:
                long = f"AND regexp_matches({texts[column]}, '\\d{{19}}')"
                for (value,) in self._rows(texts[column], long, self.fresh):
                    json.loads(value, parse_int=self._fits)

    def _fits(self, digits: str) -> None:
        if not -(2**63) <= int(digits) < 2**63:
            refuse(f"{self.name} has an integer of more than 64 bits inside JSON, {self._to} not")

    def resource(self, batches: list[int], *, adds: bool) -> t.Any:
        """Return some batches for dlt, which remembers them once they are written."""
        self._seen |= {batch: self.batches[batch] for batch in batches}
        newest = sorted(self._seen.keys() & self.batches.keys())[-_REMEMBERED:]
        seen = {str(batch): min(self._seen[batch], self.batches[batch]) for batch in newest}

        def rows() -> Iterator[t.Any]:
            arrow = self._to not in _AS_VALUES
            dlt.current.resource_state().update(seen=seen, rows=self._all)
            if not self.known:  # a table without rows is made, too
                yield self._arrow([]).read_all() if arrow else dlt.mark.materialize_table_schema()
            for batch in self._arrow(batches):
                yield batch if arrow else batch.to_pylist()

        hints: t.Any = {"name": self.name, "columns": self._hints, "primary_key": self._keys}
        how = {"disposition": "merge", "strategy": "delete-insert"}
        if self._to == "delta":
            hints["table_format"], how["strategy"] = "delta", "upsert"
        hints["write_disposition"] = "append" if adds else how
        texts = {"description": self._comment, "x-bigquery-table-description": self._comment}
        found = dlt.resource(rows, max_table_nesting=0, **hints)
        return found.apply_hints(additional_table_hints=texts if self._comment else {})


def _count(pipeline: dlt.Pipeline, table: str, of_delta: bool) -> int:  # noqa: FBT001
    if of_delta:
        from dlt.common.libs.deltalake import get_delta_tables  # noqa: PLC0415 - of an extra

        return int(get_delta_tables(pipeline, table)[table].count())
    with pipeline.sql_client() as client:
        query = f"SELECT count(*) FROM {client.make_qualified_table_name(table)}"
        return int((client.execute_sql(query) or [(0,)])[0][0])


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
