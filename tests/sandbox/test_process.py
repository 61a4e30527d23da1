"""The sandbox as a process of its own."""

import json
import signal
import subprocess
import sys

import pytest
import requests

from sandbox import Account
from tests.support import programs

NOW = "2026-04-01T12:00:00Z"


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_told_to_stop(end: int) -> None:
    chosen = ("--now", NOW, "--seed=7", "--bookings=12", "--users=2", "--plain")
    command = [sys.executable, "-m", "sandbox", *chosen]
    with subprocess.Popen(command, cwd=programs.ROOT, stdout=subprocess.PIPE) as process:
        try:
            ready = json.loads(process.stdout.readline())
            url, headers = f"{ready['url']}/bookings?limit=100", {"API-Key": ready["key"]}
            answered = requests.get(url, headers=headers, timeout=10).json()["data"]
            account = Account(7, bookings=12, users=2, nasty=False, now=NOW)
            assert answered == account.objects("bookings")
            process.send_signal(end)
            assert process.wait(10) == 0
        finally:
            process.kill()
