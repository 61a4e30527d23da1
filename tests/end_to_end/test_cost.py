"""What a sync costs, counted instead of timed: these figures must not grow."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import typing as t
from contextlib import contextmanager, redirect_stdout

import pytest

from sandbox import Account, Sandbox
from tap_oncehub.api import response as answers
from tap_oncehub.tap import TapOnceHub
from tests.support import programs
from tests.support.streams import LISTS

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = "2026-03-01T12:00:00Z"
MOST_CALLS = 235  # 223 with Python 3.11 when this was written
STOPWATCH = programs.ROOT / "benchmarks/stopwatch.py"


class CountedPage(list[t.Any]):
    """The objects of a page; counts how often they are gone through."""

    passes = 0

    def __iter__(self) -> t.Iterator[t.Any]:
        self.passes += 1
        return super().__iter__()


class CountingDecoder:
    """Decodes as the tap does, and counts."""

    def __init__(self, decoder: t.Any) -> None:
        self._decoder = decoder
        self.bodies: list[int] = []
        self.pages: list[CountedPage] = []

    def decode(self, body: bytes) -> t.Any:
        self.bodies.append(len(body))
        found = self._decoder.decode(body)
        if isinstance(found, dict) and isinstance(found.get("data"), list):
            found["data"] = CountedPage(found["data"])
            self.pages.append(found["data"])
        return found


@pytest.fixture
def decoder(monkeypatch: pytest.MonkeyPatch) -> CountingDecoder:
    counting = CountingDecoder(answers._DECODER)
    monkeypatch.setattr(answers, "_DECODER", counting)
    return counting


def sync(url: str, **settings: t.Any) -> None:
    """Sync the ten lists in this process."""
    tap = TapOnceHub(config=programs.settings_for(url, **settings))
    for stream in tap.streams.values():
        stream.selected = stream.name in LISTS
    with redirect_stdout(io.TextIOWrapper(io.BytesIO(), "utf-8")):
        tap.sync_all()


def test_a_list_costs_one_request_a_hundred_objects(decoder: CountingDecoder) -> None:
    account = Account(seed=3, bookings=1000, contacts=201, users=100, nasty=False, now=NOW)
    with Sandbox(account, key=programs.KEY, gzip=False) as api:
        sync(api.url)
        asked = api.log.by_path()
        sent = sum(entry.sent for entry in api.log)
    pages = {stream: -(-len(account.objects(stream)) // 100) for stream in LISTS}
    assert (pages["bookings"], pages["contacts"], pages["users"]) == (10, 3, 1)
    assert sum(sum(counts.values()) for counts in asked.values()) == sum(pages.values())
    # Every answer is decoded once, whole, and nothing else is.
    assert len(decoder.bodies) == sum(pages.values())
    assert sum(decoder.bodies) == sent


def test_a_page_is_gone_through_to_check_it_and_to_write_it(decoder: CountingDecoder) -> None:
    with Sandbox(Account(seed=3, bookings=500, nasty=False, now=NOW), key=programs.KEY) as api:
        sync(api.url)
    assert decoder.pages
    assert max(page.passes for page in decoder.pages) <= 2


class Calls:
    """Counts calls of Python functions and of C functions."""

    def __init__(self) -> None:
        self.count = 0

    @contextmanager
    def counted(self) -> Iterator[None]:
        before = sys.getprofile()
        sys.setprofile(self._called)
        try:
            yield
        finally:
            sys.setprofile(before)

    def _called(self, _frame: t.Any, event: str, _argument: t.Any) -> None:
        self.count += event in {"call", "c_call"}


def calls_for(bookings: int) -> int:
    sizes = dict.fromkeys(LISTS, 0) | {"bookings": bookings}
    calls = Calls()
    with Sandbox(Account(seed=3, nasty=False, now=NOW, **sizes), key=programs.KEY) as api:
        sync(api.url)  # what happens once in a process
        with calls.counted():
            sync(api.url)
    return calls.count


def test_function_calls_for_each_booking() -> None:
    each = (calls_for(1200) - calls_for(200)) / 1000
    assert each <= MOST_CALLS


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
