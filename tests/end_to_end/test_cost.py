"""What a sync costs in memory; in requests: tests/docs/test_tables.py."""

from __future__ import annotations

import json
import subprocess
import sys
import typing as t

from sandbox import Account, Sandbox
from tests.support import programs
from tests.support.streams import LISTS

if t.TYPE_CHECKING:
    from pathlib import Path

STOPWATCH = programs.ROOT / "benchmarks/stopwatch.py"


def test_memory_does_not_grow_with_the_account(tmp_path: Path) -> None:
    peaks = {}
    for bookings in (1000, 10_000):
        sizes = dict.fromkeys(LISTS, 0) | {"bookings": bookings}
        with Sandbox(Account(nasty=False, **sizes), key=programs.KEY) as api:
            command = programs.tap_command(tmp_path, programs.settings_for(api.url))
            peaks[bookings] = peak_memory(command, tmp_path)
    assert peaks[10_000] < 1.1 * peaks[1000]
    assert peaks[10_000] < 120e6


def peak_memory(command: list[str], folder: Path) -> int:
    asked = {
        "commands": [command],
        "environment": programs.environment(),
        "folder": str(folder),
        "output": "/dev/null",
        "log": str(folder / "log.txt"),
        "seconds": programs.PATIENCE,
    }
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(STOPWATCH)],
        input=json.dumps(asked).encode(),
        stdout=subprocess.PIPE,
        check=True,
    )
    (program,) = json.loads(done.stdout)["programs"]
    assert program["status"] == 0, (folder / "log.txt").read_text()
    return int(program["peak_bytes"])
