"""Real processes: ended at exact moments, waited for, in the way."""

import array
import fcntl
import subprocess
import sys
import termios
import time
import typing as t
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from sandbox import Sandbox
from tests.support.programs import PATIENCE


def wait_for(
    condition: Callable[[], t.Any], process: subprocess.Popen[t.Any], log: Path | None = None
) -> None:
    """Wait until something is so; a process that ends before is an error, told by its log."""
    until = time.monotonic() + PATIENCE
    while not condition():
        is_under_way = process.poll() is None and time.monotonic() < until
        assert is_under_way, log.read_text() if log else "it never came to that"
        time.sleep(0.02)


@contextmanager
def holding_back(api: Sandbox, path: str, after: int) -> Iterator[Callable[[], bool]]:
    """Leave a request without an answer, once so many others to the path had theirs."""
    fault = api.faults.add("timeout", path, after=after, seconds=PATIENCE)
    try:
        yield lambda: bool(fault.hits)
    finally:
        api.faults.clear()


def wait_until_full(pipe: t.IO[bytes], process: subprocess.Popen[t.Any]) -> None:
    """Wait until a pipe takes no further record: who writes into it waits."""
    waiting = array.array("i", [0])

    def is_filling() -> bool:
        fcntl.ioctl(pipe, termios.FIONREAD, waiting)
        return waiting[0] > 10_000

    wait_for(is_filling, process)
    time.sleep(0.3)


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
