"""Signals before the first request, an output that takes nothing, a log that does not exist.

What settings, files, networks and proxies can get wrong: tests/docs/test_messages.py.
"""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from sandbox import Sandbox
from tests.support import programs


@pytest.mark.parametrize(
    ("number", "argument", "delay"),
    [
        (signal.SIGINT, "--discover", 0),
        (signal.SIGINT, "--discover", 0.3),
        (signal.SIGTERM, "--version", 0.1),
        (signal.SIGTERM, "--test", 0.6),
    ],
)
def test_signal_at_any_moment(number: int, argument: str, delay: float) -> None:
    env, pipe = programs.environment(TAP_ONCEHUB_API_KEY="k"), subprocess.PIPE
    command = [programs.TAP, argument]
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, env=env) as tap:
        while tap.poll() is None and not is_ready(tap.pid):
            time.sleep(0.001)
        time.sleep(delay)
        tap.send_signal(number)
        output, log = tap.communicate(timeout=programs.PATIENCE)
    assert b"Traceback" not in log
    interrupted = [line for line in log.splitlines() if b"Interrupted" in line]
    if delay < 0.2 or tap.returncode == 128 + number:
        assert (tap.returncode, len(interrupted)) == (128 + number, 1)
        assert log.splitlines()[-1:] == interrupted
        assert output[-1:] in {b"", b"\n"}
    else:  # it had ended before
        assert not interrupted


def is_ready(pid: int) -> bool:
    """Whether the tap's own handler is set: before, Python itself answers a SIGINT."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


@pytest.mark.parametrize(
    ("argument", "unbuffered", "says"),
    [
        ("--discover", "", "Standard output cannot be written: No space left on device."),
        ("--test=schema", "1", "Standard output cannot be written: No space left on device."),
        ("", "", "The loader has ended: see its own messages."),
    ],
)
def test_output_that_takes_nothing(
    tmp_path: Path, api: Sandbox, argument: str, unbuffered: str, says: str
) -> None:
    settings = programs.settings_for(api.url)
    command = programs.tap_command(tmp_path, settings, *filter(None, [argument]))
    read, write = os.pipe()
    os.close(read)
    full = os.open("/dev/full", os.O_WRONLY)
    done = subprocess.run(
        command,
        check=False,
        stdout=full if argument else write,
        stderr=subprocess.PIPE,
        env=programs.environment(PYTHONUNBUFFERED=unbuffered),
    )
    os.close(write)
    os.close(full)
    run = programs.Run(done.returncode, b"", done.stderr.decode())
    assert (run.status, len(run.errors), "Traceback" in run.log) == (1, 1, False), run.log
    assert run.log.splitlines()[-1].endswith(f"| {says}")


def test_level_of_the_log_that_does_not_exist(tmp_path: Path) -> None:
    run = programs.run_tap(tmp_path, {}, "--discover", env={"TAP_ONCEHUB_LOGLEVEL": "nonsense"})
    assert (run.status, run.output) == (1, b"")
    assert run.log == "LOGLEVEL must be DEBUG, INFO, WARNING, ERROR or CRITICAL.\n"
