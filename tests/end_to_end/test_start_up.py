"""What may go wrong before the first request: a signal, a full disk, a level of the log."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support import programs

ENVIRONMENT = programs.environment(
    TAP_ONCEHUB_API_KEY="k", TAP_ONCEHUB_API_URL="http://127.0.0.1:9/v2"
)
FULL = Path("/dev/full")


def is_ready(pid: int) -> bool:
    """Whether the tap's own handler is set: before, Python itself answers a SIGINT."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells of handlers")
@pytest.mark.parametrize("delay", [0, 0.1, 0.2, 0.4, 0.8])
@pytest.mark.parametrize(
    ("number", "arguments"), [(signal.SIGINT, ["--discover"]), (signal.SIGTERM, [])]
)
def test_signal_at_any_moment(number: int, delay: float, arguments: list[str]) -> None:
    pipe = subprocess.PIPE
    command = [programs.TAP, *arguments]
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, env=ENVIRONMENT) as tap:
        while tap.poll() is None and not is_ready(tap.pid):
            time.sleep(0.001)
        time.sleep(delay)
        tap.send_signal(number)
        output, log = tap.communicate(timeout=programs.PATIENCE)
    assert b"Traceback" not in log
    told = [line for line in log.splitlines() if b"Interrupted" in line]
    if delay < 0.2 or tap.returncode == 128 + number:
        assert tap.returncode == 128 + number
        assert log.splitlines()[-1:] == told
        assert output[-1:] in {b"", b"\n"}
    else:  # it had ended before
        assert (tap.returncode, told) == (0 if arguments else 1, [])


@pytest.mark.skipif(not FULL.exists(), reason="only Linux has a full device")
@pytest.mark.parametrize(
    ("option", "unbuffered"),
    [("--discover", ""), ("--about", "1"), ("--help", ""), ("--test=schema", "1")],
)
def test_output_that_is_full(option: str, unbuffered: str) -> None:
    command = [programs.TAP, option]
    env = {**ENVIRONMENT, "PYTHONUNBUFFERED": unbuffered}
    with FULL.open("wb") as full:
        done = subprocess.run(command, check=False, stdout=full, stderr=subprocess.PIPE, env=env)
    log = done.stderr.decode().splitlines()
    assert done.returncode == 1
    (error,) = [line for line in log if "| ERROR" in line]
    assert error == log[-1]
    assert error.endswith(f"| Standard output cannot be written: {os.strerror(28)}.")


def test_level_of_the_log_that_does_not_exist() -> None:
    run = programs.run([str(programs.TAP), "--discover"], TAP_ONCEHUB_LOGLEVEL="nonsense")
    assert (run.status, run.output) == (1, b"")
    assert run.log == "LOGLEVEL must be DEBUG, INFO, WARNING, ERROR or CRITICAL.\n"
