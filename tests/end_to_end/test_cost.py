"""What a sync costs in memory; in requests: tests/docs/test_tables.py."""

import json
import subprocess
import sys
from pathlib import Path

from sandbox import Account, Sandbox
from tests.support import programs
from tests.support.streams import LISTS

STOPWATCH = programs.ROOT / "benchmarks/stopwatch.py"


def test_memory_does_not_grow_with_the_account(tmp_path: Path) -> None:
    peaks = []
    for bookings in (1000, 6000):
        sizes = dict.fromkeys(LISTS, 0) | {"bookings": bookings}
        with Sandbox(Account(nasty=False, **sizes), key=programs.KEY) as api:
            asked = {
                "commands": [programs.tap_command(tmp_path, programs.settings_for(api.url))],
                "environment": programs.environment(),
                "folder": str(tmp_path),
                "output": "/dev/null",
                "log": str(tmp_path / "log"),
                "seconds": programs.PATIENCE,
            }
            command = [sys.executable, "-I", "-S", str(STOPWATCH)]
            given = json.dumps(asked).encode()
            done = subprocess.run(command, input=given, stdout=subprocess.PIPE, check=True)
        (program,) = json.loads(done.stdout)["programs"]
        assert program["status"] == 0, (tmp_path / "log").read_text()
        peaks.append(program["peak_bytes"])
    # 5,000 bookings are 20 MB as objects: a tap that kept them would not be below.
    assert peaks[1] < peaks[0] + 5e6
    assert peaks[1] < 120e6
