"""The sandbox as a process of its own."""

import json
import signal
import subprocess
import sys
import typing as t
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from sandbox import Account, Sandbox
from tests.support import programs
from tests.support.asking import NOW

Running: t.TypeAlias = "tuple[subprocess.Popen[str], Account, list[t.Any]]"


@contextmanager
def running(python: str = sys.executable) -> Iterator[Running]:
    """Start it; gives the process, what its account holds, and the bookings that it answers."""
    chosen = ("--now", NOW, "--seed=7", "--bookings=12", "--users=2", "--plain")
    with subprocess.Popen(
        [python, "-m", "sandbox", *chosen], cwd=programs.ROOT, text=True, stdout=subprocess.PIPE
    ) as process:
        try:
            ready = json.loads(process.stdout.readline())
            url, headers = f"{ready['url']}/bookings?limit=100", {"API-Key": ready["key"]}
            answer = requests.get(url, headers=headers, timeout=10).json()
            yield process, Account(7, bookings=12, users=2, nasty=False, now=NOW), answer["data"]
        finally:
            process.kill()


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_told_to_stop(end: int) -> None:
    with running() as (process, account, answered):
        assert answered == account.objects("bookings")
        process.send_signal(end)
        assert process.wait(10) == 0


def test_it_runs_on_the_oldest_python(tmp_path: Path) -> None:
    programs.make_venv(tmp_path / "venv", "3.10", UV_PYTHON_DOWNLOADS="never")
    with running(python=str(tmp_path / "venv/bin/python")) as (_, account, answered):
        assert answered == account.objects("bookings")


def test_wrong_command_line_is_said_in_one_line() -> None:
    with Sandbox(Account(bookings=1)) as api:
        port = api.url.rpartition(":")[2].partition("/")[0]
        for argument in ("--users=-1", "--now=x", f"--port={port}"):
            done = programs.run([sys.executable, "-m", "sandbox", argument], programs.ROOT)
            assert done.status == 2
            assert done.log.splitlines()[-1].startswith("python -m sandbox: error: ")
