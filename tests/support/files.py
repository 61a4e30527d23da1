"""A DuckDB file that another program has open."""

import subprocess
import sys
import typing as t
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

_HOLD = (
    "import duckdb, sys, time; c = duckdb.connect(sys.argv[1], read_only=True)\n"
    "print(1, flush=True); time.sleep(99)"
)


@contextmanager
def held(file: Path) -> Iterator[subprocess.Popen[bytes]]:
    duckdb.connect(str(file)).close()
    command, pipe = [sys.executable, "-c", _HOLD, str(file)], subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe) as holder:
        assert t.cast("t.IO[bytes]", holder.stdout).readline()
        try:
            yield holder
        finally:
            holder.kill()
