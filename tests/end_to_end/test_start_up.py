"""What may go wrong before the first request and at the outputs, as real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sandbox import Account, Sandbox
from tests.support import programs

SETTINGS = {"TAP_ONCEHUB_API_KEY": "k", "TAP_ONCEHUB_API_URL": "http://127.0.0.1:9/v2"}
FULL = Path("/dev/full")
DISCOVER = ("--discover",)
CASES: list[tuple[int, tuple[str, ...], float]] = [
    (signal.SIGINT, DISCOVER, 0.0),
    (signal.SIGTERM, (), 0.0),
    *((number, DISCOVER, delay) for number in (2, 15) for delay in (0.1, 0.3, 0.6)),
    *((number, (), delay) for number in (2, 15) for delay in (0.2, 0.5, 1.0)),
]


def is_ready(pid: int) -> bool:
    """Whether the tap's own handler is set: before, Python itself answers a SIGINT."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


def interrupted(number: int, arguments: tuple[str, ...], delay: float) -> programs.Run:
    pipe, env = subprocess.PIPE, programs.environment(**SETTINGS)
    with subprocess.Popen([programs.TAP, *arguments], stdout=pipe, stderr=pipe, env=env) as tap:
        while tap.poll() is None and not is_ready(tap.pid):
            time.sleep(0.001)
        time.sleep(delay)
        tap.send_signal(number)
        output, log = tap.communicate(timeout=programs.PATIENCE)
    return programs.Run(tap.returncode, output, log.decode())


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells of handlers")
def test_signal_at_any_moment() -> None:
    with ThreadPoolExecutor(3) as pool:
        runs = list(pool.map(interrupted, *zip(*CASES, strict=True)))
    for (number, arguments, delay), run in zip(CASES, runs, strict=True):
        assert "Traceback" not in run.log
        told = [line for line in run.log.splitlines() if "Interrupted" in line]
        if run.status == 128 + number:
            assert run.log.splitlines()[-1:] == told
            assert b"RECORD" not in run.output
        else:  # it had ended before
            assert (run.status, told, delay > 0) == (0 if arguments else 1, [], True)


@pytest.mark.skipif(not FULL.exists(), reason="only Linux has a full device")
@pytest.mark.parametrize(
    ("option", "unbuffered"),
    [("--discover", ""), ("--about", "1"), ("--help", ""), ("--test=schema", "")],
)
def test_output_that_is_full(option: str, unbuffered: str) -> None:
    env = programs.environment(**SETTINGS, PYTHONUNBUFFERED=unbuffered)
    with FULL.open("wb") as full:
        done = subprocess.run(
            [programs.TAP, option], check=False, stdout=full, stderr=subprocess.PIPE, env=env
        )
    run = programs.Run(done.returncode, b"", done.stderr.decode())
    assert run.status == 1
    assert [line.split(" | ")[-1] for line in run.errors] == [
        f"Standard output cannot be written: {os.strerror(28)}."
    ]
    assert run.log.splitlines()[-1:] == run.errors


def test_output_that_nobody_reads_or_that_is_closed(tmp_path: Path) -> None:
    pipe = subprocess.PIPE
    with Sandbox(Account(seed=1, bookings=300), key=programs.KEY) as api:
        command = programs.tap_command(tmp_path, programs.settings_for(api.url))
        closed = programs.run(["/bin/sh", "-c", 'exec >&-; exec "$@"', "sh", *command])
        env = programs.environment()
        with subprocess.Popen(command, stdout=pipe, stderr=pipe, env=env) as tap:
            t.cast("t.IO[bytes]", tap.stdout).close()
            tap.stdout = None
            _, log = tap.communicate(timeout=programs.PATIENCE)
    unread = programs.Run(tap.returncode, b"", log.decode())
    says = ("Standard output cannot be written", "The loader has ended")
    for run, text in zip((closed, unread), says, strict=True):
        assert run.status == 1
        (error,) = run.errors
        assert text in error
        assert "Traceback" not in run.log
        assert "BrokenPipe" not in run.log


@pytest.mark.parametrize("name", ["LOGLEVEL", "TAP_ONCEHUB_LOGLEVEL"])
def test_level_of_the_log_that_does_not_exist(name: str) -> None:
    run = programs.run([str(programs.TAP), "--discover"], **{name: "nonsense"})
    assert (run.status, run.output) == (1, b"")
    assert run.log == "LOGLEVEL must be DEBUG, INFO, WARNING, ERROR or CRITICAL.\n"
