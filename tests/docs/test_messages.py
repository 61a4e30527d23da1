"""The lines that docs/troubleshooting.md and docs/operations.md show are said in real runs."""

import json
import re
import typing as t
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path

import pytest

from sandbox import Account, Sandbox
from tests.docs.pages import PAGES, ROOT
from tests.support import inside, network, programs, raw

SECTIONS = re.split(r"^## ", PAGES["docs/troubleshooting.md"], flags=re.MULTILINE)[1:]
ALERT = re.compile(r"^\| (ERROR|WARNING) \| `(.+?)` \|", re.MULTILINE)
ALERTS = ALERT.findall(PAGES["docs/operations.md"])
TESTED_ELSEWHERE = {
    "The state of another account": "test_resume.py",
    "The loader has ended": "test_bad_input.py",
    "PostgreSQL lets nobody in": "test_make_run.py",
}
MESSAGES = [
    message
    for section in SECTIONS
    for block in re.findall(r"^```text\n((?s:.*?))\n```", section, re.MULTILINE)
    for message in block.splitlines()
    if section.partition("\n")[0] not in TESTED_ELSEWHERE
]
OBSERVED = [ROOT / f"tests/observed/{n}.txt" for n in ("loader_refused", "interrupted", "bug")]
"""What Meltano says beside an open file, after a signal and after a bug, recorded."""
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


RUNS = [
    Run({"api_key": ""}),
    Run({"api_key": "wrong"}),
    Run(switches={"plan_without_api": True}),
    Run(switches={"plan_without_sms": True}),
    Run({"api_url": "a website"}),
    Run({"api_url": "sandbox"}),
    Run({"api_url": "sandbox/v2/v2"}),
    Run(UNKNOWN, catalog=inside.catalog("booking", settings=UNKNOWN), status=0),
    Run(fault=("308", "*")),
    Run({"rate_limit_window_seconds": 1}, fault=("429", "*")),
    Run({"api_url": "https://oncehub.invalid/v2"}),
    Run(OFFICIAL, {"HTTPS_PROXY": "http://127.0.0.1:9"}),
    Run(OFFICIAL, {"HTTPS_PROXY": "socks5://127.0.0.1:9"}),
    Run({"api_url": "self-signed"}),
    Run({"api_url": "self-signed"}, {"REQUESTS_CA_BUNDLE": "nowhere.pem"}),
    Run({"request_timeout_seconds": 0.5}, fault=("timeout", "/contacts"), state=ODD_STATE),
    Run({"start_dat": "2026-01-01", "start_date": "2999-01-01"}, status=0),
    Run(env={"TAP_ONCEHUB_STREAM_MAPS": '{"teams.name": null}'}, status=0),
]
"""What may go wrong; a name in place of an address stands for that of a server."""


def play(run: Run, folder: Path, servers: dict[str, str]) -> programs.Run:
    account = Account(seed=1, bookings=5, nasty=False)
    first = account.objects("contacts")[0]["id"]
    account.edit("contacts", first, employees="many", colour="red")
    account.edit("webhooks", account.objects("webhooks")[0]["id"], id=None)
    with Sandbox(account, key=programs.KEY, **run.switches) as api:
        if run.fault:
            api.faults.add(*run.fault, times=None, seconds=3.0)
        made = programs.settings_for(api.url, **{"max_wait_seconds": 1} | run.settings)
        host = api.url.removesuffix("/v2")
        made["api_url"] = servers.get(made["api_url"], made["api_url"]).replace("sandbox", host)
        more = {"catalog": run.catalog, "state": run.state, "env": run.env}
        return programs.run_tap(folder, made, **more)


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    """Level and text of every line, of all runs beside each other, and of those of Meltano."""
    lines = []
    for file in OBSERVED:
        for entry in map(json.loads, file.read_text("utf-8").splitlines()):
            level, name, text = entry["level"], entry.get("name", "meltano"), entry["event"]
            shown = f"[{level:<9}] {name:<12} {text}"
            lines += [(level.upper(), text), (level.upper(), shown)]
    certificate = network.make_certificate(tmp_path_factory.mktemp("tls"), "127.0.0.1")
    with (
        raw.raw_server(raw.website) as website,
        network.serving(network.secure(9, certificate)) as secure,
        ThreadPoolExecutor(4) as pool,
    ):
        servers = {
            "a website": f"http://127.0.0.1:{website.port}/wrong",
            "self-signed": f"https://127.0.0.1:{secure.port}/v2",
        }
        folders = [tmp_path_factory.mktemp("run") for _ in RUNS]
        for run, done in zip(RUNS, pool.map(play, RUNS, folders, repeat(servers)), strict=True):
            assert done.status == run.status, done.log
            found = [line.split(" | ", 3) for line in done.log.splitlines() if " | " in line]
            assert found[-1][1].strip() == "ERROR" or not run.status, done.log
            lines += [(line[1].strip(), line[-1]) for line in found]
    return lines


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message[:60])
def test_message(said: list[tuple[str, str]], message: str) -> None:
    pattern = ".+?".join(map(re.escape, message.split("...")))
    assert any(re.fullmatch(pattern, text) for _, text in said)


@pytest.mark.parametrize(("level", "text"), ALERTS)
def test_alert(said: list[tuple[str, str]], level: str, text: str) -> None:
    assert {found for found, line in said if text in line} == {level}
