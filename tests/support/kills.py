"""Real processes, ended by real signals at exact moments."""

from __future__ import annotations

import array
import fcntl
import os
import signal
import subprocess
import termios
import time
import typing as t
from contextlib import contextmanager, suppress

from tests.support.programs import PATIENCE, Run, environment, tap_command

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sandbox import Sandbox

_A_MOMENT = 0.02


def wait_for(
    condition: Callable[[], t.Any], process: subprocess.Popen[t.Any], log: Path | None = None
) -> None:
    """Wait until something is so; a process that ends before is an error, told by its log."""
    until = time.monotonic() + PATIENCE
    while not condition():
        is_under_way = process.poll() is None and time.monotonic() < until
        assert is_under_way, log.read_text() if log else "it never came to that"
        time.sleep(_A_MOMENT)


@contextmanager
def holding_back(api: Sandbox, path: str, after: int) -> Iterator[Callable[[], bool]]:
    """Leave a request without an answer, once so many others to the path had theirs."""
    fault = api.faults.add("timeout", path, after=after, seconds=PATIENCE)
    try:
        yield lambda: bool(fault.hits)
    finally:
        api.faults.clear()


def kill_in_the_bookings(
    api: Sandbox, run: Callable[[], subprocess.Popen[bytes]], state: Callable[[], dict[str, t.Any]]
) -> None:
    """Kill a run and all its processes in the bookings, once a page of them is in the state."""
    with holding_back(api, "/bookings", after=3) as has_come, run() as process:
        wait_for(has_come, process)
        bookings = lambda: state().get("bookmarks", {}).get("bookings", {})  # noqa: E731
        wait_for(lambda: (bookings().get("resume") or [[]])[-1], process)
        # An orchestrator starts Meltano in a session, and so a process group, of its own.
        for pid in (process.pid, *_descendants(process.pid)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _descendants(pid: int) -> list[int]:
    """Return the ids of the processes that this one and its children have started."""
    table = subprocess.check_output(["/bin/ps", "-A", "-o", "pid=,ppid="]).split()
    parents = dict(zip(map(int, table[::2]), map(int, table[1::2]), strict=True))
    found = [pid]
    for parent in found:
        found += [child for child, its in parents.items() if its == parent]
    return found[1:]


def end_tap(
    number: signal.Signals,
    when: Callable[[], bool] | None,
    folder: Path,
    settings: dict[str, t.Any],
    env: dict[str, str] | None = None,
    **files: t.Any,
) -> Run:
    """Run the tap and send it a signal at some moment.

    It has come when `when` says so; without, when the tap writes into a pipe that nobody reads, as
    that of a loader that has stopped. After it, all is read. The files are a state and a catalog.
    """
    command, made = tap_command(folder, settings, **files), environment(**(env or {}))
    written, log = folder / "written", folder / "log"
    with written.open("wb") as into, log.open("wb") as said:
        out = into if when else subprocess.PIPE
        with subprocess.Popen(command, stdout=out, stderr=said, env=made) as tap:
            wait_for(when or Full(t.cast("t.IO[bytes]", tap.stdout)), tap)
            tap.send_signal(number)
            output = tap.stdout.read() if tap.stdout else b""
            status = tap.wait(PATIENCE)
    return Run(status, output or written.read_bytes(), log.read_text())


class Full:
    """Whether a pipe is full: nothing has been added to it for a while."""

    def __init__(self, pipe: t.IO[bytes]) -> None:
        self._pipe = pipe
        self._before = 0
        self._since = time.monotonic()

    def __call__(self) -> bool:
        waiting = array.array("i", [0])
        fcntl.ioctl(self._pipe, termios.FIONREAD, waiting)
        if waiting[0] != self._before:
            self._before, self._since = waiting[0], time.monotonic()
        return self._before > 0 and time.monotonic() - self._since > 1  # second
