"""From tables to a destination, in portions that are written and remembered together."""

# ruff: noqa: S608 - names cannot be parameters

import json
import typing as t
from collections.abc import Iterator
from pathlib import Path

import dlt
import duckdb
from dlt.common.libs.pyarrow import py_arrow_to_table_schema_columns
from dlt.pipeline.helpers import pipeline_drop

_AS_VALUES = ("bigquery", "redshift", "snowflake")  # dlt decodes JSON; others get Arrow, with texts
_SMALL = ("TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT", "UINTEGER")
_CASTS = dict.fromkeys(_SMALL, "BIGINT") | {"UBIGINT": "HUGEINT", "TIMESTAMP": "TIMESTAMPTZ"}
# Rows that were written or marked together have one time. It only tells batches apart: one that
# comes after a clock moved back is new as well, and one that got more rows is read again.
_BATCH = "epoch_us(coalesce(_sdc_deleted_at, _sdc_batched_at, TIMESTAMP 'epoch'))"
_REMEMBERED = 1000  # batches of a table, the newest; older ones count as known
_ROWS = 20_000  # of a portion, roughly; more take more memory
_TABLES = """
SELECT table_name, any_value(t.comment), list((column_name, data_type, c.comment)), any_value(
    TRY(if(column_name = '_sdc_table_version', c.comment->>'$.key_properties[*]', NULL)))
FROM duckdb_tables() AS t JOIN duckdb_columns() AS c USING (schema_name, table_name)
WHERE schema_name = ? GROUP BY ALL ORDER BY 1"""


def refuse(why: str) -> t.NoReturn:
    """End the export with what a person can do something about."""
    raise ValueError(why)


def export(duck: duckdb.DuckDBPyConnection, settings: dict[str, str], work: Path) -> Iterator[str]:
    """Write what the destination lacks; yields what that was, table by table."""
    schema, kind = settings["schema"], settings["destination"].replace("delta", "filesystem")
    name, dataset = f"{work.name.partition('.')[0]}_{schema}", settings["dataset"] or schema
    pipeline = dlt.pipeline(name, work, None, kind, dataset_name=dataset)
    pipeline.sync_destination()
    if settings["full"].lower() == "true" and pipeline.default_schema_name:
        # Before tables go, or after a kill their rows would count as written.
        pipeline_drop(pipeline, drop_all=True, state_only=True)()
    known = (*pipeline.state.get("sources", {}).values(), {})[0].get("resources", {})
    duck.execute("SET GLOBAL TimeZone = 'UTC'; SET threads = 1")
    found = duck.execute(_TABLES, [schema]).fetchall()
    yield from (f"{row[0]}: not loaded by target-duckdb, left out" for row in found if not row[3])
    tables = [_Table(duck, settings, known, row) for row in found if row[3]]
    there = pipeline.default_schema.tables if known else {}
    limit = pipeline.destination.capabilities().max_text_data_type_length
    for table in tables or refuse(f"the schema {schema} has no tables of target-duckdb"):
        table.check(there.get(table.name, {}).get("columns", {}), limit)
    # Tables are remembered before they have rows: a kill leaves none with rows that nobody knows.
    if new := [table.resource([]) for table in tables if not table.known]:
        pipeline.run(new, refresh=None if known else "drop_sources")
    portions: dict[int, dict[_Table, list[int]]] = {}
    rows = 0
    for table in tables:
        for batch in table.fresh:
            portions.setdefault(rows // _ROWS, {}).setdefault(table, []).append(batch)
            rows += table.batches[batch]
    for portion in portions.values():
        pipeline.run([table.resource(batches) for table, batches in portion.items()])
    for table in tables:
        if table.count != (rows := _count(pipeline, table.name)):
            refuse(f"{table.name}: {table.count} rows here, {rows} there; set full to write all")
        written = sum(table.batches[batch] for batch in table.fresh)
        yield f"{table.name}: {written} rows written, {rows} in all"


class _Table:
    """A table, and which of its batches the destination lacks."""

    def __init__(
        self, duck: duckdb.DuckDBPyConnection, settings: dict[str, str], known: t.Any, row: t.Any
    ) -> None:
        self.name, self._comment, columns, self._keys = row
        self._read, self._to = duck.sql, settings["destination"]
        removes = settings["hard_delete"].lower() == "true"
        self._from = f"FROM {_quoted(settings['schema'])}.{_quoted(self.name)}"
        batches = f"SELECT {_BATCH}, count(*), count(_sdc_deleted_at) {self._from} GROUP BY 1"
        found = duck.sql(f"{batches} ORDER BY 1").fetchall()
        self.batches: dict[int, int] = {batch: rows for batch, rows, _ in found}
        self.count = sum(rows - removes * deleted for _, rows, deleted in found)
        self.known = known.get(self.name, {})
        seen = {int(batch): rows for batch, rows in self.known.get("seen", {}).items()}
        oldest = min(seen) if len(seen) >= _REMEMBERED else 0
        fresh = (batch for batch, rows in self.batches.items() if rows > seen.get(batch, 0))
        self.fresh = [batch for batch in fresh if batch >= oldest]
        self._pending = set(self.fresh)
        self._from += f" WHERE {_BATCH} IN (SELECT unnest($1::BIGINT[]))"
        if removes and not self.known:  # what was never there cannot be removed
            self._from += " AND _sdc_deleted_at IS NULL"
        named = ((_quoted(name), _CASTS.get(kind, kind)) for name, kind, _ in columns)
        casts = (f"{name}::{kind} AS {name}" for name, kind in named)
        self._select = f"SELECT {', '.join(casts)} {self._from}"
        self._hints = py_arrow_to_table_schema_columns(self._arrow([]).schema)
        for column, kind, text in columns:
            self._hints[column]["hard_delete"] = removes and column == "_sdc_deleted_at"
            self._hints[column] |= {"data_type": "json"} if kind == "JSON" else {}
            self._hints[column] |= {"description": text} if text else {}

    def _arrow(self, batches: list[int]) -> t.Any:
        return self._read(self._select, params=[batches]).to_arrow_table()

    def check(self, there: dict[str, t.Any], limit: int) -> None:
        """Refuse what could not be written as it is."""
        longest = f"SELECT max(strlen(COLUMNS(*)::VARCHAR)) {self._from}"
        (lengths,) = self._read(longest, params=[self.fresh]).fetchall()
        for (column, hints), length in zip(self._hints.items(), lengths, strict=True):
            if (length or 0) > limit:
                refuse(f"{self.name}.{column} has a text of {length} bytes, {limit} fit there")
            new, old = hints["data_type"], there.get(column, hints)["data_type"]
            if new != old:
                refuse(f"{self.name}.{column} is {new} now, {old} there; set full")
            if new == "json" and self._to in _AS_VALUES:
                name = _quoted(column)
                long = f"SELECT {name} {self._from} AND regexp_matches({name}, '\\d{{19}}')"
                for (value,) in self._read(long, params=[self.fresh]).fetchall():
                    json.loads(value, parse_int=self._fits)

    def _fits(self, digits: str) -> None:
        if not -(2**63) <= int(digits) < 2**63:
            refuse(f"{self.name} has an integer of more than 64 bits inside JSON, {self._to} not")

    def resource(self, batches: list[int]) -> t.Any:
        """Return some batches for dlt, which remembers them once they are written."""
        self._pending -= {*batches}
        newest = [batch for batch in self.batches if batch not in self._pending][-_REMEMBERED:]
        seen = {str(batch): self.batches[batch] for batch in newest}

        def rows() -> Iterator[t.Any]:
            dlt.current.resource_state().update(seen=seen)
            table = self._arrow(batches)
            if self._to in _AS_VALUES:
                yield table.to_pylist() or dlt.mark.materialize_table_schema()
            else:
                yield table

        # A merge into a Delta table reads all of it; into a new one rows are added.
        is_new = self._to == "delta" and not self.known
        texts = {"description": self._comment, "x-bigquery-table-description": self._comment}
        return dlt.resource(
            rows,
            name=self.name,
            columns=self._hints,
            primary_key=self._keys,
            write_disposition="append" if is_new else "merge",
            table_format="delta" if self._to == "delta" else None,
            max_table_nesting=0,
        ).apply_hints(additional_table_hints=texts)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _count(pipeline: dlt.Pipeline, table: str) -> int:
    if pipeline.destination.destination_name == "filesystem":
        from dlt.common.libs.deltalake import get_delta_tables  # noqa: PLC0415 - of an extra

        return int(get_delta_tables(pipeline, table)[table].count())
    with pipeline.sql_client() as client:
        query = f"SELECT count(*) FROM {client.make_qualified_table_name(table)}"
        return int((client.execute_sql(query) or [(0,)])[0][0])
