"""What may go wrong before the first request: a signal, a full disk, a level of the log."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support import programs

AT_ONCE = 3
SETTINGS = {"TAP_ONCEHUB_API_KEY": "k", "TAP_ONCEHUB_API_URL": "http://127.0.0.1:9/v2"}
DELAYS = [step / 10 for step in range(16)]
FULL = Path("/dev/full")


def is_ready(pid: int) -> bool:
    """Whether the tap's own handler is set: before, Python itself answers a SIGINT."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


def interrupted(number: int, delay: float, *arguments: str) -> programs.Run:
    with subprocess.Popen(
        [programs.TAP, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=programs.environment(**SETTINGS),
    ) as tap:
        while tap.poll() is None and not is_ready(tap.pid):
            time.sleep(0.001)
        time.sleep(delay)
        tap.send_signal(number)
        output, log = tap.communicate(timeout=programs.PATIENCE)
    return programs.Run(tap.returncode, output, log.decode())


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells of handlers")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("arguments", [(), ("--discover",)])
def test_signal_at_any_moment(number: int, arguments: tuple[str, ...]) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        runs = [*pool.map(lambda delay: interrupted(number, delay, *arguments), DELAYS)]
    for run in runs:
        assert "Traceback" not in run.log
        told = [line for line in run.log.splitlines() if "Interrupted" in line]
        if run.status == 128 + number:
            assert run.log.splitlines()[-1:] == told
            assert not run.output
        else:  # it had ended before
            assert (run.status, told) == (0 if arguments else 1, [])
    assert [run.status for run in runs[:3]] == [128 + number] * 3


@pytest.mark.skipif(not FULL.exists(), reason="only Linux has a full device")
@pytest.mark.parametrize("option", ["--discover", "--about", "--help", "--test=schema"])
@pytest.mark.parametrize("unbuffered", ["", "1"])
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


@pytest.mark.parametrize("name", ["LOGLEVEL", "TAP_ONCEHUB_LOGLEVEL"])
def test_level_of_the_log_that_does_not_exist(name: str) -> None:
    run = programs.run([str(programs.TAP), "--discover"], **{name: "nonsense"})
    assert (run.status, run.output) == (1, b"")
    assert run.log == "LOGLEVEL must be DEBUG, INFO, WARNING, ERROR or CRITICAL.\n"
