"""From tables to a destination, in portions that are written and remembered together."""

import typing as t
from collections.abc import Iterator
from pathlib import Path

import dlt
from dlt.common.libs.pyarrow import py_arrow_to_table_schema_columns, pyarrow
from dlt.pipeline.helpers import pipeline_drop

_JSON = ("bigquery", "redshift", "snowflake")  # for these dlt decodes it; others get Arrow, texts
_CASTS = {pyarrow.int32(): pyarrow.int64()}
_CASTS[pyarrow.timestamp("us")] = pyarrow.timestamp("us", "UTC")
# Rows that were written or marked together have one time. It only tells batches apart: one that
# comes after a clock moved back is new as well, and one that got more rows is read again.
_BATCH = "coalesce(_sdc_deleted_at, _sdc_batched_at, TIMESTAMP 'epoch')::VARCHAR"
_named = dlt.Schema("any").naming.normalize_path  # as dlt names tables and columns
_REMEMBERED = 1000  # batches of a table, the newest; older ones count as written
_ROWS = 20_000  # of a portion, roughly; more take more memory
_TABLES = """
SELECT format('FROM "{}"."{}"', replace(schema_name, '"', '""'), replace(table_name, '"', '""')),
    table_name, t.comment, list((column_name, data_type, c.comment)), any_value(
    TRY(if(column_name = '_sdc_table_version', c.comment->>'$.key_properties[*]', NULL))) AS keys
FROM duckdb_tables() AS t JOIN duckdb_columns() AS c USING (schema_name, table_name)
WHERE schema_name = ? GROUP BY ALL ORDER BY table_name"""
# Of every column: the longest text, and whether JSON in it has an integer of more than 64 bits.
_LIMITS = r"""
SELECT (max(strlen(COLUMNS(*)::TEXT)), bool_or(if($2 AND regexp_matches(COLUMNS(*)::TEXT, '\d{19}'),
    len(list_filter(regexp_extract_all(COLUMNS(*)::TEXT, '"(?:\\.|[^"\\])*"|[-+.\deE]+'),
    lambda x: regexp_full_match(x, '-?\d+') AND TRY_CAST(x AS BIGINT) IS NULL)) > 0, false))) """


def refuse(why: str) -> t.NoReturn:
    """End the export with what a person can do something about."""
    raise ValueError(why)


def export(duck: t.Any, settings: dict[str, str], work: Path) -> Iterator[str]:
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
    yield from (f"{row[1]}: not loaded by target-duckdb, left out" for row in found if not row[-1])
    tables = [_Table(duck, settings, known, *row) for row in found if row[-1]]
    for table in tables or refuse(f"the schema {schema} has no tables of target-duckdb"):
        table.check(pipeline)
    # Tables are remembered before they have rows: a kill leaves none with rows that nobody knows.
    if new := [table.resource([]) for table in tables if not table.known]:
        pipeline.run(new, refresh=None if known else "drop_sources")
    rows, portions = 0, dict[int, dict[_Table, list[str]]]()
    for table in tables:
        for batch, count in table.fresh.items():
            portions.setdefault(rows // _ROWS, {}).setdefault(table, []).append(batch)
            rows += count
    for portion in portions.values():
        pipeline.run([table.resource(batches) for table, batches in portion.items()])
    for table in tables:
        if table.count != (rows := table.count_at(pipeline)):
            refuse(f"{table.name}: {table.count} rows here, {rows} there; set full to write all")
        yield f"{table.name}: {sum(table.fresh.values())} rows written, {rows} in all"


class _Table:
    """A table, and which of its batches the destination lacks."""

    def __init__(self, duck: t.Any, settings: dict[str, str], known: t.Any, *row: t.Any) -> None:
        self._rows, name, self._comment, columns, self._keys = row
        self.name, self._db, self._to = _named(name), duck, settings["destination"]
        removes = settings["hard_delete"].lower() == "true"
        batches = f"SELECT {_BATCH}, count(*), count(_sdc_deleted_at) {self._rows} GROUP BY 1"
        found = duck.sql(f"{batches} ORDER BY 1").fetchall()
        self._batches = {batch: rows for batch, rows, _ in found}
        self.count = sum(rows - removes * deleted for _, rows, deleted in found)
        self.known = known.get(self.name, {})
        seen = self.known.get("seen", {})
        oldest = min(seen) if len(seen) >= _REMEMBERED else ""
        self._written = {b for b, n in self._batches.items() if b < oldest or n <= seen.get(b, 0)}
        self.fresh = {b: n for b, n in self._batches.items() if b not in self._written}
        self._rows += f" WHERE {_BATCH} IN (SELECT unnest($1::VARCHAR[]))"
        if removes and not self.known:  # what was never there cannot be removed
            self._rows += " AND _sdc_deleted_at IS NULL"
        self._hints = py_arrow_to_table_schema_columns(self._arrow([]).schema)
        for column, kind, text in columns:
            hints = {"data_type": kind == "JSON" and "json", "description": text}
            hints["hard_delete"] = removes and column == "_sdc_deleted_at"
            self._hints[column] |= {name: hint for name, hint in hints.items() if hint}

    def _arrow(self, batches: list[str]) -> t.Any:
        table = self._db.sql(f"SELECT * {self._rows}", params=[batches]).to_arrow_table()
        types = ((field.name, _CASTS.get(field.type, field.type)) for field in table.schema)
        return table.cast(pyarrow.schema(types))

    def check(self, pipeline: dlt.Pipeline) -> None:
        """Refuse what could not be written as it is."""
        there = pipeline.default_schema.tables[self.name]["columns"] if self.known else {}
        limit = pipeline.destination.capabilities().max_text_data_type_length
        row = self._db.execute(_LIMITS + self._rows, [[*self.fresh], self._to in _JSON]).fetchall()
        for (name, hints), (size, large) in zip(self._hints.items(), *row, strict=True):
            new, old = hints["data_type"], there.get(_named(name), hints)["data_type"]
            if new != old:
                refuse(f"{self.name}.{name} is {new} now, {old} there; set full")
            if (size or 0) > limit:
                refuse(f"{self.name}.{name} has a text of {size} bytes, {limit} fit there")
            if large and new == "json":
                refuse(f"{self.name}.{name} has an integer of more than 64 bits, {self._to} not")

    def resource(self, batches: list[str]) -> t.Any:
        """Return some batches for dlt, which remembers them once they are written."""
        self._written |= {*batches}
        seen = {batch: self._batches[batch] for batch in sorted(self._written)[-_REMEMBERED:]}

        def rows() -> Iterator[t.Any]:
            dlt.current.resource_state().update(seen=seen)
            found = self._arrow(batches)
            if self._to in _JSON:
                found = found.to_pylist() or dlt.mark.materialize_table_schema()
            yield found

        texts = {"description": self._comment, "x-bigquery-table-description": self._comment}
        return dlt.resource(
            rows,
            name=self.name,
            columns=self._hints,
            primary_key=self._keys,
            # A merge into a Delta table reads all of it; into a new one rows are added.
            write_disposition="append" if self._to == "delta" and not self.known else "merge",
            table_format="delta" if self._to == "delta" else None,
        ).apply_hints(additional_table_hints=texts)

    def count_at(self, pipeline: dlt.Pipeline) -> int:
        with pipeline.destination_client() as client:
            if self._to == "delta":
                return int(client.load_open_table("delta", self.name).count())
            table = client.sql_client.make_qualified_table_name(self.name)
            return int(client.sql_client.execute_sql(f"SELECT count(*) FROM {table}")[0][0])  # noqa: S608
