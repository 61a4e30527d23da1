"""The lines that docs/troubleshooting.md and docs/operations.md show are said in real runs."""

from __future__ import annotations

import json
import os
import re
import sys
import typing as t
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest

from sandbox import Account, Sandbox
from tap_oncehub import __main__ as command
from tap_oncehub.tap import TapOnceHub
from tests.docs.pages import PAGES, ROOT
from tests.support import inside, network, programs, raw

if t.TYPE_CHECKING:
    from pathlib import Path

SECTIONS = re.split(r"^## ", PAGES["docs/troubleshooting.md"], flags=re.MULTILINE)[1:]
ALERT = re.compile(r"^\| (ERROR|WARNING) \| `(.+?)` \|", re.MULTILINE)
ALERTS = ALERT.findall(PAGES["docs/operations.md"])
TESTED_ELSEWHERE = {
    "The state of another account": "test_hostile.py",
    "The loader has ended": "test_bad_input.py",
    "PostgreSQL lets nobody in": "test_check.py",
    "Stopped by a signal": "test_resume.py",
}
MESSAGES = [
    message
    for section in SECTIONS
    for block in re.findall(r"^```text\n((?s:.*?))\n```", section, re.MULTILINE)
    for message in block.splitlines()
    if section.partition("\n")[0] not in TESTED_ELSEWHERE
]
OBSERVED = ROOT / "tests/observed/loader_refused.txt"
"""What a `meltano run` beside an open file says, recorded."""
OFFICIAL = {"api_url": "https://api.oncehub.com/v2"}
UNKNOWN = {"booking_ids": ["BKNG-NONE"]}
ODD_STATE = {"bookmarks": {"users": {"resume": {"of": "another program"}}}}


@dataclass
class Run:
    """What one run of the tap is given; a fault is one of the sandbox's, with its path."""

    settings: dict[str, t.Any] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    fault: tuple[t.Any, str] | None = None
    switches: dict[str, t.Any] = field(default_factory=dict)
    state: dict[str, t.Any] | None = None
    catalog: dict[str, t.Any] | None = None
    status: int = 1
    has_bug: bool = False


RUNS = [
    Run({"api_key": ""}),
    Run({"api_key": "wrong"}),
    Run(switches={"plan_without_api": True}),
    Run(switches={"plan_without_sms": True}),
    Run({"api_url": "a website"}),
    Run({"api_url": "without a path"}),
    Run({"api_url": "a path too many"}),
    Run(UNKNOWN, catalog=inside.catalog("booking", settings=UNKNOWN), status=0),
    Run(fault=("308", "*")),
    Run({"rate_limit_window_seconds": 1}, fault=("429", "*")),
    Run({"api_url": "https://oncehub.invalid/v2"}),
    Run(OFFICIAL, {"HTTPS_PROXY": "http://127.0.0.1:9"}),
    Run(OFFICIAL, {"HTTPS_PROXY": "socks5://127.0.0.1:9"}),
    Run({"api_url": "self-signed"}),
    Run({"api_url": "self-signed"}, {"REQUESTS_CA_BUNDLE": "nowhere.pem"}),
    Run({"request_timeout_seconds": 0.5}, fault=("timeout", "/contacts"), state=ODD_STATE),
    Run({"start_dat": "2026-01-01", "start_date": "2999-01-01"}, has_bug=True),
    Run(env={"TAP_ONCEHUB_STREAM_MAPS": '{"teams.name": null}'}, status=0),
]
"""What may go wrong; a setting of the address is replaced by that of a server."""


def fork(run: Run, folder: Path, url: str) -> int:
    """Start the tap's command in a copy of this process, which has imported everything already."""
    settings = programs.settings_for(
        url, **{"max_wait_seconds": 1} | run.settings | {"api_url": url}
    )
    _, *options = programs.tap_command(folder, settings, catalog=run.catalog, state=run.state)
    if pid := os.fork():
        return pid
    status: t.Any = 99
    try:
        log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(log, 2)
        sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
        os.environ |= run.env
        sys.argv[1:] = options
        if run.has_bug:
            TapOnceHub.sync_all = None  # type: ignore[assignment,method-assign]
        command.main()
    except SystemExit as end:
        status = end.code or 0
    finally:
        sys.stderr.flush()
        os._exit(status)


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    """Level and text of every line, of all runs beside each other, and of those of Meltano."""
    certificate = network.make_certificate(tmp_path_factory.mktemp("tls"), "127.0.0.1")
    with ExitStack() as stack:
        website = stack.enter_context(raw.raw_server(raw.website))
        secure = stack.enter_context(network.serving(network.secure(9, certificate)))
        started = []
        for run in RUNS:
            account = Account(seed=1, bookings=5, nasty=False)
            first = account.objects("contacts")[0]["id"]
            account.edit("contacts", first, employees="many", colour="red")
            account.edit("webhooks", account.objects("webhooks")[0]["id"], id=None)
            api = stack.enter_context(Sandbox(account, key=programs.KEY, **run.switches))
            if run.fault:
                api.faults.add(*run.fault, times=None, seconds=3.0)
            servers = {
                "a website": f"http://127.0.0.1:{website.port}/wrong",
                "without a path": api.url.removesuffix("/v2"),
                "a path too many": f"{api.url}/v2",
                "self-signed": f"https://127.0.0.1:{secure.port}/v2",
            }
            given = run.settings.get("api_url", api.url)
            folder = tmp_path_factory.mktemp("run")
            started.append((run, folder, fork(run, folder, servers.get(given, given))))
        lines = []
        for entry in (json.loads(x) for x in OBSERVED.read_text("utf-8").splitlines()):
            shown = f"[{entry['level']:<9}] {entry.get('name', 'meltano'):<12} {entry['event']}"
            lines.append((entry["level"], shown))
        for run, folder, pid in started:
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            log = (folder / "log").read_text()
            assert (status, programs.KEY in log) == (run.status, False), (run, log)
            found = [line.split(" | ", 3) for line in log.splitlines() if " | " in line]
            assert found[-1][1].strip() == "ERROR" or not status, log
            lines += [(line[1].strip(), line[-1]) for line in found]
    return lines


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message[:60])
def test_message(said: list[tuple[str, str]], message: str) -> None:
    pattern = ".+?".join(map(re.escape, message.split("...")))
    assert any(re.fullmatch(pattern, text) for _, text in said)


@pytest.mark.parametrize(("level", "text"), ALERTS)
def test_alert(said: list[tuple[str, str]], level: str, text: str) -> None:
    assert {found for found, line in said if text in line} == {level}
