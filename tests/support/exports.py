"""The exporter to warehouses, run as the process it is, and what then stands at a destination."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
import typing as t
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import duckdb

from tests.support import programs

if t.TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Row: t.TypeAlias = dict[str, t.Any]
PLUGIN = programs.ROOT / ".meltano/utilities/dlt-export/venv/bin"
DELTA = """
import deltalake, json, os, sys
table = deltalake.DeltaTable(sys.argv[1], storage_options=json.loads(os.environ["OPTIONS"]))
for row in table.to_pyarrow_dataset().to_table().to_pylist():
    print(json.dumps(row, default=str))
"""


@dataclass
class Export:
    """A run of the exporter."""

    status: int
    output: str
    log: str
    seconds: float
    megabytes: float

    @property
    def figures(self) -> str:
        """What it took."""
        return f"{self.seconds:.0f} s, {self.megabytes:.0f} MB"

    @property
    def written(self) -> dict[str, int]:
        """The rows that were written, by table."""
        found = re.findall(r"^(\w+): (\d+) rows written", self.output, re.MULTILINE)
        return {table: int(rows) for table, rows in found}


def tell(line: str) -> None:
    """Show a figure to who runs the tests with -s."""
    print(line)  # noqa: T201


def settings(file: Path, destination: str) -> dict[str, str]:
    """Give the environment of an export."""
    return programs.environment(
        DLT_EXPORT_FILEPATH=str(file),
        DLT_EXPORT_SCHEMA="oncehub",
        DLT_EXPORT_DESTINATION=destination,
    )


def export(
    file: Path, destination: str, command: list[str] | None = None, **variables: str
) -> Export:
    """Run the plugin, or another command of the exporter, on a DuckDB file."""
    began = time.monotonic()
    with (
        file.with_suffix(".out").open("w+") as output,
        file.with_suffix(".log").open("w+") as log,
        subprocess.Popen(
            command or [str(PLUGIN / "dlt-export")],
            env=settings(file, destination) | variables,
            stdout=output,
            stderr=log,
        ) as process,
    ):
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        log.seek(0)
        return Export(
            process.returncode,
            output.read(),
            log.read(),
            time.monotonic() - began,
            usage.ru_maxrss / 1024,
        )


def tables(file: Path) -> dict[str, dict[str, str]]:
    """Name the tables of a DuckDB file, and the types of their columns."""
    found: dict[str, dict[str, str]] = {}
    with duckdb.connect(str(file), read_only=True) as connection:
        for table, column, kind in connection.execute(
            "SELECT table_name, column_name, data_type FROM duckdb_columns() "
            "WHERE schema_name = 'oncehub'"
        ).fetchall():
            found.setdefault(table, {})[column] = kind
    return found


def in_duckdb(file: Path, table: str) -> list[Row]:
    """Read a table of a DuckDB file."""
    with duckdb.connect(str(file), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return rows_of(connection.sql(f'FROM oncehub."{table}"'))


def rows_of(relation: duckdb.DuckDBPyRelation) -> list[Row]:
    """Read a relation; times become texts."""
    names = [
        f'"{name}"::VARCHAR AS "{name}"' if "TIME" in str(kind) else f'"{name}"'
        for name, kind in zip(relation.columns, relation.types, strict=True)
    ]
    found = relation.project(", ".join(names))
    return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


def in_delta(uri: str, folder: Path = PLUGIN, **variables: str) -> list[Row]:
    """Read a Delta table, with none of the exporter's code."""
    options = {"OPTIONS": "{}", **variables}
    done = programs.run([str(folder / "python"), "-c", DELTA, uri], **options)
    assert done.status == 0, done.log
    return [json.loads(line, parse_float=Decimal) for line in done.output.splitlines()]


def compare(file: Path, found: Callable[[str], list[Row]], *, removed: bool = False) -> str:
    """Compare every field of every row of a DuckDB file with what stands at the destination.

    Where deleted rows are `removed`, they must not be there. Gives the figures.
    """
    rows = fields = 0
    for table, kinds in tables(file).items():
        wanted = in_duckdb(file, table)
        if removed:
            wanted = [row for row in wanted if row["_sdc_deleted_at"] is None]
        there = sorted(_line(row, kinds) for row in found(table))
        here = sorted(_line(row, kinds) for row in wanted)
        for line, other in zip(here, there, strict=False):
            assert line == other, table
        assert len(here) == len(there), table
        rows, fields = rows + len(here), fields + len(here) * len(kinds)
    return f"{rows} rows, {fields} fields, no difference"


def _line(row: Row, kinds: dict[str, str]) -> str:
    """Write the columns of a row in one form, whatever a destination makes of them."""
    values = {name: _value(row[name], kind) for name, kind in kinds.items()}
    return json.dumps(values, sort_keys=True, default=_number)


def _value(value: t.Any, kind: str) -> t.Any:
    if value is None or kind == "BOOLEAN":
        return value
    if kind == "JSON":
        return json.loads(value, parse_float=Decimal) if isinstance(value, str) else value
    if kind.startswith("TIMESTAMP"):
        moment = datetime.fromisoformat(re.sub(r"(Z|[+]00(:00)?)$", "", str(value)))
        return moment.isoformat(sep=" ")
    if kind == "DOUBLE" or "INT" in kind or kind.startswith("DECIMAL"):
        return str(Decimal(str(value)).normalize())
    return str(value)


def _number(value: Decimal) -> float:
    return float(value)
