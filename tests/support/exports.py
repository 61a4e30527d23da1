"""The exporter to warehouses, run as a process, and what then stands at a destination."""

import json
import re
import subprocess
import typing as t
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import duckdb

from tests.support import programs

Row: t.TypeAlias = dict[str, t.Any]
PLUGIN = programs.ROOT / ".meltano/utilities/dlt-export/venv/bin/python"
EXPORT = "from dlt_export.__main__ import main\nmain()"
# The imports take most of the time of a small export: one process has them, and is forked.
_SERVER = """
import json, os, signal, sys, time
import dlt_export.__main__, deltalake, dlt.destinations, dlt.sources.helpers.requests
import pyarrow.dataset
for line in sys.stdin:
    code, arguments, variables, output, log, seconds = json.loads(line)
    began = time.monotonic()
    if not (child := os.fork()):
        os.dup2(os.open(output, os.O_CREAT | os.O_TRUNC | os.O_WRONLY), 1)
        os.dup2(os.open(log, os.O_CREAT | os.O_TRUNC | os.O_WRONLY), 2)
        os.environ.update(variables)
        time.tzset()
        sys.argv[1:] = arguments
        exec(code, {"__name__": "__main__"})
        sys.exit()
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    _, status, usage = os.wait4(child, 0)
    found = os.waitstatus_to_exitcode(status), time.monotonic() - began, usage.ru_maxrss / 1024
    print(json.dumps(found), flush=True)
"""


@dataclass
class Done:
    """What a process left behind."""

    status: int
    seconds: float
    megabytes: float
    output: str
    log: str
    figures: str = ""

    @property
    def rows(self) -> list[Row]:
        """The rows that it printed."""
        assert self.status == 0, self.log
        lines = self.output.split("\n")  # not at U+2028 and its like
        return [json.loads(line, parse_float=Decimal) for line in lines if line]

    @property
    def written(self) -> dict[str, int]:
        """The rows that were exported, by table."""
        found = re.findall(r"^(\w+): (\d+) rows written", self.output, re.MULTILINE)
        return {table: int(rows) for table, rows in found}


@dataclass
class Python:
    """A Python that has the exporter, started once; every run is a process of its own."""

    server: subprocess.Popen[str]
    folder: Path

    def run(
        self, code: str, *arguments: str, killed: float | None = None, **variables: str
    ) -> Done:
        """Run code to its end, or kill it after some seconds."""
        output, log = self.folder / "python.out", self.folder / "python.log"
        assert self.server.stdin
        assert self.server.stdout
        asked = (code, arguments, variables, str(output), str(log), killed)
        self.server.stdin.write(json.dumps(asked) + "\n")
        self.server.stdin.flush()
        return Done(*json.loads(self.server.stdout.readline()), output.read_text(), log.read_text())

    def export(self, file: Path, destination: str, code: str = EXPORT, **more: t.Any) -> Done:
        """Export a DuckDB file."""
        settings = {"FILEPATH": str(file), "SCHEMA": "oncehub", "DESTINATION": destination}
        names = ((name, f"{x}_EXPORT_{name}") for name in settings for x in ("DLT", "PARQUET"))
        return self.run(code, **{x: settings[name] for name, x in names} | more)


@contextmanager
def python(program: Path, folder: Path) -> Iterator[Python]:
    """Start a Python that has the exporter."""
    with subprocess.Popen(
        [str(program), "-c", _SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=programs.environment(),
        encoding="utf-8",
    ) as server:
        yield Python(server, folder)


class Export:
    """A DuckDB file, exported to one destination."""

    def __init__(self, python: Python, kind: str, folder: Path, to: t.Any) -> None:
        self.python, self.kind, self.folder, self.to = python, kind, folder, to
        self.here = folder / "my-file.duckdb"

    def run(self, code: str = "", **more: t.Any) -> Done:
        """Export the file."""
        destination = self.kind.partition(" ")[0]
        return self.python.export(
            self.here, destination, code + self.to.code, **self.to.variables | more
        )

    def equal(self, **more: t.Any) -> Done:
        """Export the file; every field of every row must then be there."""
        done = self.run(**more)
        assert done.status == 0, done.output + done.log
        assert not list(self.folder.glob("*.tmp"))
        done.figures = compare(self.here, self.to.rows, removed=self.to.removes)
        return done

    def execute(self, *queries: str) -> None:
        """Change the file as its loader would."""
        with duckdb.connect(str(self.here)) as connection:
            connection.execute("CREATE SCHEMA IF NOT EXISTS oncehub")
            for query in queries:
                connection.execute(query)


def in_duckdb(file: Path, table: str) -> list[Row]:
    """Read a table of a DuckDB file."""
    with duckdb.connect(str(file), read_only=True) as connection:
        return rows_of(connection, f'oncehub."{table}"')


def rows_of(connection: duckdb.DuckDBPyConnection, source: str) -> list[Row]:
    """Read what DuckDB can read; times become texts."""
    connection.execute("SET TimeZone = 'UTC'")
    relation = connection.sql(f"FROM {source}")
    names = [
        f'"{name}"::VARCHAR AS "{name}"' if "TIME" in str(kind) else f'"{name}"'
        for name, kind in zip(relation.columns, relation.types, strict=True)
    ]
    found = relation.project(", ".join(names))
    return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


def compare(file: Path, found: Callable[[str], list[Row]], *, removed: bool = False) -> str:
    """Compare every field of every row of a DuckDB file with what stands at the destination.

    Where deleted rows are `removed`, they must not be there. Gives the figures.
    """
    tables: dict[str, dict[str, str]] = {}
    with duckdb.connect(str(file), read_only=True) as connection:
        for table, column, kind in connection.execute(
            "SELECT table_name, column_name, data_type FROM duckdb_columns() "
            "WHERE schema_name = 'oncehub'"
        ).fetchall():
            tables.setdefault(table, {})[column] = kind
    rows = fields = 0
    for table, kinds in tables.items():
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
    return json.dumps(values, sort_keys=True, default=float)


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
