"""The exporter to warehouses, run as a process, and what then stands at a destination."""

import atexit
import functools
import json
import re
import subprocess
import time
import typing as t
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import duckdb

from tests.support import programs

Row: t.TypeAlias = dict[str, t.Any]
PLUGIN = programs.ROOT / ".meltano/utilities/dlt-export/venv/bin/python"
EXPORT = "from dlt_export.__main__ import main\nmain()"
# programs.fork is of this Python, which has no exporter; here too the imports take the most time.
_SERVER = """
import json, os, signal, sys, tempfile, time
import dlt_export.__main__, deltalake, dlt.destinations, dlt.sources.helpers.requests
import pyarrow.dataset
for line in sys.stdin:
    code, sys.argv[1:], variables, killed = json.loads(line)
    files = [tempfile.TemporaryFile() for _ in range(2)]
    if not (child := os.fork()):
        for number, file in enumerate(files, 1):
            os.dup2(file.fileno(), number)
        os.environ.update(variables)
        time.tzset()
        signal.setitimer(signal.ITIMER_REAL, killed)  # nobody handles it: it kills
        exec(code, {"__name__": "__main__"})
        sys.exit()
    _, status, usage = os.wait4(child, 0)
    texts = [file.seek(0) or file.read().decode() for file in files]
    done = os.waitstatus_to_exitcode(status), usage.ru_maxrss / 1024, *texts
    print(json.dumps(done), flush=True)
"""


@dataclass
class Done:
    """What a process left behind."""

    status: int
    megabytes: float
    output: str
    log: str
    seconds: float
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


@functools.cache
def _server(python: Path) -> t.Any:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "encoding": "utf-8"}
    server = subprocess.Popen([python, "-c", _SERVER], env=programs.environment(), **pipes)
    atexit.register(server.communicate)
    return server


def run(python: Path, code: str, *arguments: str, killed: float = 0, **variables: str) -> Done:
    """Run code to its end in a process of its own, or kill it after some seconds."""
    server, began = _server(python), time.monotonic()
    server.stdin.write(json.dumps((code, arguments, variables, killed)) + "\n")
    server.stdin.flush()
    return Done(*json.loads(server.stdout.readline()), time.monotonic() - began)


@dataclass
class Destination:
    """A destination that answers."""

    kind: str
    variables: dict[str, str]
    rows: Callable[[str], list[Row]]
    python: Path
    removes: bool = True  # rows that are gone, in place of marking them
    code: str = EXPORT
    longest: int | None = None  # text in bytes

    def export(self, file: Path, code: str = "", **more: t.Any) -> Done:
        """Export a DuckDB file."""
        given = {"FILEPATH": str(file), "SCHEMA": "oncehub", "DESTINATION": self.kind}
        given["HARD_DELETE"] = str(self.removes)
        names = ((x, f"{exporter}_EXPORT_{x}") for x in given for exporter in ("DLT", "PARQUET"))
        settings = {name: given[x] for x, name in names} | self.variables | more
        return run(self.python, code + self.code, **settings)


@dataclass
class Export:
    """A DuckDB file, exported to one destination."""

    folder: Path
    to: Destination

    def __post_init__(self) -> None:
        self.here = self.folder / "my-file.duckdb"
        self.run = functools.partial(self.to.export, self.here)

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
    query = """SELECT table_name, map(list(column_name), list(data_type)) FROM duckdb_columns()
        WHERE schema_name = 'oncehub' GROUP BY ALL"""
    with duckdb.connect(str(file), read_only=True) as connection:
        tables = connection.execute(query).fetchall()
    rows = fields = 0
    for table, kinds in tables:
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
