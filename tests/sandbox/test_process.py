"""The sandbox as a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import requests

from sandbox import Account, Sandbox
from tests.support.asking import NOW
from tests.support.programs import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def running(
    *arguments: str, python: str = sys.executable
) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    command = [python, "-m", "sandbox", "--now", NOW, *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_told_to_stop(number: int) -> None:
    with running("--seed=7", "--bookings=12", "--users=2", "--plain") as (process, ready):
        expected = Account(seed=7, bookings=12, users=2, nasty=False, now=NOW)
        headers = {"API-Key": ready["key"]}
        answer = requests.get(f"{ready['url']}/bookings?limit=100", headers=headers, timeout=10)
        assert answer.json()["data"] == expected.objects("bookings")
        process.send_signal(number)
        assert process.wait(10) == 0


def test_it_ends_with_its_parent() -> None:
    with running("--with-parent") as (process, _):
        process.stdin.close()
        assert process.wait(10) == 0


def test_a_wrong_command_line_is_said_in_one_line() -> None:
    with Sandbox(Account(bookings=1)) as api:
        port = api.url.rpartition(":")[2].partition("/")[0]
        for argument in ("--users=-1", "--now=x", f"--port={port}"):
            command = [sys.executable, "-m", "sandbox", argument]
            done = subprocess.run(
                command, cwd=ROOT, text=True, capture_output=True, check=False, timeout=20
            )
            assert done.returncode == 2
            assert done.stderr.splitlines()[-1].startswith("python -m sandbox: error: ")
