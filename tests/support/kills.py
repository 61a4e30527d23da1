"""Real processes, ended by real signals at exact moments."""

import array
import fcntl
import signal
import subprocess
import termios
import time
import typing as t
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox import Sandbox
from tests.support.programs import PATIENCE, Run, environment, tap_command


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


def end_tap(
    number: signal.Signals,
    when: Callable[[], bool] | None,
    folder: Path,
    settings: dict[str, t.Any],
    env: dict[str, str] | None = None,
    **files: t.Any,
) -> Run:
    """Run the tap and send it a signal when `when` says so; then all that it wrote is read.

    Without, when its pipe is full: a loader has stopped. The files are a state and a catalog.
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
    """Whether a pipe is full: nothing has been added to it for a second."""

    def __init__(self, pipe: t.IO[bytes]) -> None:
        self._pipe = pipe
        self._before, self._since = 0, time.monotonic()

    def __call__(self) -> bool:
        waiting = array.array("i", [0])
        fcntl.ioctl(self._pipe, termios.FIONREAD, waiting)
        if waiting[0] != self._before:
            self._before, self._since = waiting[0], time.monotonic()
        return self._before > 0 and time.monotonic() - self._since > 1
