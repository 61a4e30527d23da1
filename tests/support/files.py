"""A DuckDB file that another program has open."""

from __future__ import annotations

import subprocess
import sys
import typing as t
from contextlib import contextmanager

import duckdb

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_HOLD = (
    "import duckdb, sys, time; c = duckdb.connect(sys.argv[1], read_only=True)\n"
    "print(1, flush=True); time.sleep(99)"
)


@contextmanager
def held(file: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another program has the file open."""
    duckdb.connect(str(file)).close()
    command, pipe = [sys.executable, "-c", _HOLD, str(file)], subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe) as holder:
        assert t.cast("t.IO[bytes]", holder.stdout).readline()
        try:
            yield holder
        finally:
            holder.kill()
