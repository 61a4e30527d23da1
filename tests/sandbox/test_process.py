"""The sandbox as a process of its own, and its admin path."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import requests

from sandbox import Account, Limits, Sandbox
from sandbox.admin import AdminClient

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
NOW = "2026-04-01T12:00:00Z"


@contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    command = [sys.executable, "-m", "sandbox", "--now", NOW, *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


def get(ready: dict[str, str], path: str, **query: Any) -> requests.Response:
    headers = {"API-Key": ready["key"]}
    return requests.get(ready["url"] + path, headers=headers, params=query, timeout=10)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_told_to_stop(number: int) -> None:
    arguments = ("--seed=7", "--bookings=12", "--users=2", "--key=secret", "--plain", "--warm")
    with running(*arguments) as (process, ready):
        expected = Account(seed=7, bookings=12, users=2, nasty=False, now=NOW)
        assert get(ready, "/bookings", limit=100).json()["data"] == expected.objects("bookings")
        assert get(ready, "/users").json()["data"] == expected.objects("users")
        assert get({**ready, "key": "x"}, "/users").status_code == 401
        process.send_signal(number)
        assert process.wait(10) == 0


def test_it_ends_with_its_parent() -> None:
    with running("--with-parent") as (process, _):
        process.stdin.close()
        assert process.wait(10) == 0


def test_limits_faults_and_switches_on_the_command_line() -> None:
    with running(
        "--limits", "--per-second=0", "--per-window=3", "--retry-after=none",
        "--fault=503:/users:times=1", "--fault=not_json:/teams", "--switch=has_more=false",
        "--switch=webhook_events=strings", "--clock-offset=1e9",
    ) as (_, ready):  # fmt: skip
        assert get(ready, "/users").status_code == 503
        assert "has_more" not in get(ready, "/users").json()
        answer = get(ready, "/webhook-events")
        assert answer.json()["data"][0] == "booking.scheduled"
        assert answer.headers["Date"][12:16] > "2050"
        answer = get(ready, "/users")
        assert answer.status_code == 429
        assert "Retry-After" not in answer.headers


@pytest.mark.parametrize(
    "arguments",
    [
        ("--switch=x=1",),
        ("--fault=x",),
        ("--users=-1",),
        ("--now=x",),
        ("--limits", "--clock-factor=0"),
    ],
)
def test_a_wrong_command_line_is_said_in_one_line(arguments: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "sandbox", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, text=True, capture_output=True, check=False, timeout=20
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("python -m sandbox: error: ")


def test_admin() -> None:
    account = Account(seed=1, bookings=20, now=NOW)
    with Sandbox(account, key="k", limits=Limits(per_window=1)) as api:
        admin = AdminClient(api.url)
        key = account.objects("bookings")[3]["id"]
        admin.edit("bookings", key, subject="edited")
        assert account.object("bookings", key)["subject"] == "edited"
        ready = {"url": api.url, "key": "k"}
        assert [get(ready, "/teams").status_code for _ in range(2)] == [200, 429]
        report = admin.report(log=True)
        assert report["by_path"] == {"/v2/teams": {"200": 1, "429": 1}}
        assert (report["requests"], report["refused"], len(report["log"])) == (2, 1, 2)
        assert report["sizes"]["bookings"] == 20
        admin.reset_log()
        assert (admin.report()["requests"], admin.report()["refused"]) == (0, 0)


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("nothing", {}),
        ("edit", {}),
        ("edit", {"stream": "x", "id": "y"}),
        ("edit", []),
    ],
)
def test_mistakes_of_an_admin_are_explained(action: str, payload: object) -> None:
    with Sandbox(Account(bookings=1)) as api, pytest.raises(ValueError, match=r"\w+"):
        AdminClient(api.url).call(action, payload)


def test_a_sandbox_comes_back_on_the_same_port() -> None:
    sandbox = Sandbox(Account(bookings=1), key="k")
    urls = []
    with requests.Session() as session:
        for _ in range(3):
            with sandbox as api:
                urls.append(api.url)
                assert session.get(api.url + "/test", headers={"API-Key": "k"}, timeout=5).ok
    assert len(set(urls)) == 1
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(urls[0] + "/test", timeout=5)


def test_a_port_in_use_is_said_in_one_line() -> None:
    with Sandbox(Account(bookings=1)) as api:
        port = urlsplit(api.url).port
        command = [sys.executable, "-m", "sandbox", f"--port={port}"]
        done = subprocess.run(
            command, cwd=ROOT, text=True, capture_output=True, check=False, timeout=20
        )
    assert done.returncode == 2
    assert f"cannot listen on port {port}" in done.stderr.splitlines()[-1]
