"""What a sync costs, in requests and memory."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import typing as t
from collections import Counter
from contextlib import redirect_stdout

from sandbox import Account, Sandbox
from tap_oncehub.tap import TapOnceHub
from tests.support import programs
from tests.support.streams import LISTS

if t.TYPE_CHECKING:
    from pathlib import Path

NOW = "2026-03-01T12:00:00Z"
STOPWATCH = programs.ROOT / "benchmarks/stopwatch.py"


def sync(url: str, **settings: t.Any) -> None:
    """Sync the ten lists in this process."""
    tap = TapOnceHub(config=programs.settings_for(url, **settings))
    for stream in tap.streams.values():
        stream.selected = stream.name in LISTS
    with redirect_stdout(io.TextIOWrapper(io.BytesIO(), "utf-8")):
        tap.sync_all()


def test_a_list_costs_one_request_a_hundred_objects() -> None:
    account = Account(seed=3, bookings=1000, contacts=201, users=100, nasty=False, now=NOW)
    with Sandbox(account, key=programs.KEY, gzip=False) as api:
        sync(api.url)
        asked = Counter(entry.api_path for entry in api.log)
    pages = {stream: programs.pages_of(len(account.objects(stream))) for stream in LISTS}
    assert (pages["bookings"], pages["contacts"], pages["users"]) == (11, 3, 2)
    assert [asked["/bookings"], asked["/contacts"], asked["/users"]] == [11, 3, 2]
    whose_key = 1
    assert asked.total() == sum(pages.values()) + whose_key


def test_memory_does_not_grow_with_the_account(tmp_path: Path) -> None:
    peaks = {}
    for bookings in (2000, 20_000):
        sizes = dict.fromkeys(LISTS, 0) | {"bookings": bookings}
        with Sandbox(Account(nasty=False, **sizes), key=programs.KEY) as api:
            command = programs.tap_command(tmp_path, programs.settings_for(api.url))
            peaks[bookings] = peak_memory(command, tmp_path)
    assert peaks[20_000] < 1.15 * peaks[2000]
    assert peaks[20_000] < 120e6


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
