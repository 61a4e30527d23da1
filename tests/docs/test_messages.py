"""The lines that docs/troubleshooting.md and docs/operations.md show are said in real runs."""

import json
import re
import sys
import typing as t
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path

import pytest

from sandbox import Account, Sandbox
from tests.docs.pages import PAGES, ROOT
from tests.support import inside, programs, raw

SECTIONS = re.split(r"^## ", PAGES["docs/troubleshooting.md"], flags=re.MULTILINE)[1:]
ALERT = re.compile(r"^\| (ERROR|WARNING) \| `(.+?)` \|", re.MULTILINE)
QUOTED = re.compile(r"^\| ()(?:\d+, )?`(.+?)` \|", re.MULTILINE)
ALERTS = ALERT.findall(PAGES["docs/operations.md"]) + QUOTED.findall(PAGES["README.md"])
TESTED_ELSEWHERE = {
    "The state of another account": "test_resume.py",
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
OF_PROXY = "https://oncehub.invalid:{tls}/v2"
DEAD = "http://user:password@127.0.0.1:9"
UNKNOWN = {"booking_ids": ["BKNG-NONE"]}
NO_STREAM = {"streams": [{"tap_stream_id": "nosuch", "schema": {"properties": {}}}]}
BY_SUBJECT = {"replication-key": "subject", "replication-method": "INCREMENTAL"}
ODD_STATE = {"bookmarks": {"users": {"resume": {"of": "another program"}}}}
WRONG = {"start_date": "yesterday", "page_size": 101, "booking_ids": ["../users"]}
WRONG |= {"include_webhook_secrets": "perhaps", "user_agent": "x\r\nAPI-Key: y"}
WRONG |= {"api_url": "http://api.oncehub.com/v2"}


@dataclass
class Run:
    """What one run of the tap is given, and how it ends; a fault has its path."""

    settings: dict[str, t.Any] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    fault: tuple[t.Any, str] | None = None
    switches: dict[str, t.Any] = field(default_factory=dict)
    state: dict[str, t.Any] | None = None
    catalog: dict[str, t.Any] | None = None
    arguments: tuple[str, ...] = ()
    status: int = 1
    says: str = ""  # in its only error, beside what the pages have


def by_proxy(says: str = "", status: int = 1, **env: str) -> Run:
    """Ask a host that only the proxy knows."""
    names = {"proxy": "HTTPS_PROXY", "bundle": "REQUESTS_CA_BUNDLE", "none": "NO_PROXY"}
    variables, settings = {names[k]: v for k, v in env.items()}, {"api_url": OF_PROXY}
    return Run(settings, variables, says=says, status=status)


RUNS = [
    Run({"api_key": "wrong"}),
    Run(switches={"plan_without_api": True}),
    Run(switches={"plan_without_sms": True}),
    Run({"api_url": "{website}/wrong"}),
    Run({"api_url": "{sandbox}"}),
    Run({"api_url": "{sandbox}/v2/v2"}),
    Run({"api_url": "https://127.0.0.1:{plain}/v2"}, says="a secure connection was not possible"),
    Run(UNKNOWN, catalog=inside.catalog("booking", settings=UNKNOWN), status=0),
    Run(fault=("308", "*")),
    Run({"rate_limit_window_seconds": 1}, fault=("429", "*")),
    Run({"request_timeout_seconds": 0.5}, fault=("timeout", "/contacts"), state=ODD_STATE),
    Run({"start_dat": "2026-01-01", "start_date": "2999-01-01"}, status=0),
    Run(env={"TAP_ONCEHUB_STREAM_MAPS": '{"teams.name": null}'}, status=0),
    by_proxy(proxy="{website}", bundle="{bundle}", status=0),
    by_proxy(proxy="{website}", says="self-signed certificate"),
    by_proxy(proxy="{website}", bundle="nowhere.pem"),
    by_proxy(proxy="{website}", bundle=__file__, says="REQUESTS_CA_BUNDLE"),
    by_proxy(proxy=DEAD),
    by_proxy(proxy="https://127.0.0.1:{plain}", says="the proxy does not work"),
    by_proxy(proxy=DEAD, none="oncehub.invalid", says="the host name is not known"),
    by_proxy(proxy="socks5://127.0.0.1:9"),
    by_proxy(proxy="http://127.0.0.1:port", says="not usable. Check HTTPS_PROXY"),
    Run(
        {"api_url": "https://localhost:{tls}/v2"},
        {"REQUESTS_CA_BUNDLE": "{bundle}"},
        says="is not valid for 'localhost'",
    ),
]
REFUSED = [
    Run({"api_key": ""}),
    Run({"stream_maps": {"users": {"__else__": "x"}}}, says="its __else__ may be __NULL__ only"),
    Run(WRONG, says="".join(f"(?=.*{name} )" for name in WRONG)),
    Run(catalog=NO_STREAM, says="unknown stream 'nosuch'; known are: .* bookings, "),
    Run(
        catalog=inside.catalog("bookings", metadata={"bookings": BY_SUBJECT}),
        says="The catalog asks for bookings.*possible replication keys: ",
    ),
    Run(arguments=("--config", sys.executable), says="/python cannot be used"),
    Run(arguments=("--config", "none.json"), says="none.json.*No such file"),
    Run(arguments=("--catalog", "none.json"), says="none.json.*No such file"),
    Run(arguments=("--bogus",), says="No such option.*--bogus"),
]
"""Before the first request; names in braces stand for servers and a file."""


def play(run: Run, folder: Path, servers: dict[str, t.Any]) -> tuple[programs.Run, Run]:
    account = Account(seed=1, bookings=5, nasty=False)
    first = account.objects("contacts")[0]["id"]
    account.edit("contacts", first, employees="many", colour="red")
    account.edit("webhooks", account.objects("webhooks")[0]["id"], id=None)
    with (
        Sandbox(account, key=programs.KEY, **run.switches) as api,
        raw.raw_server(raw.like(api), servers["bundle"]) as tls,
    ):
        if run.fault:
            api.faults.add(*run.fault, times=None, seconds=3.0)
        host, _, port = api.url.removesuffix("/v2").rpartition(":")
        names = servers | {"sandbox": f"{host}:{port}", "plain": port, "tls": tls.port}
        given = {"max_wait_seconds": 1} | run.settings
        made = programs.settings_for(api.url, **given)
        text = json.dumps([made, run.env])
        for name, value in names.items():
            text = text.replace(f"{{{name}}}", str(value))
        made, env = json.loads(text)
        more = {"catalog": run.catalog, "state": run.state, "env": env}
        done = programs.run_tap(folder, made, *run.arguments, **more)
        assert not (run in REFUSED and (api.log or tls.asked))
    return done, run


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    """Level and text of every line, of all runs beside each other, and of those of Meltano."""
    lines = []
    for file in OBSERVED:
        for entry in map(json.loads, file.read_text("utf-8").splitlines()):
            level, name, text = entry["level"], entry.get("name", "meltano"), entry["event"]
            shown = f"[{level:<9}] {name:<12} {text}"
            lines += [(level.upper(), text), (level.upper(), shown)]
    bundle = raw.make_certificate(tmp_path_factory.mktemp("tls"), "oncehub.invalid")
    with raw.raw_server(raw.website) as server, ThreadPoolExecutor(4) as pool:
        host = f"http://127.0.0.1:{server.port}"
        servers = {"website": host, "bundle": bundle}
        folders = (tmp_path_factory.mktemp("run") for _ in repeat(None))
        for done, run in pool.map(play, RUNS + REFUSED, folders, repeat(servers)):
            assert done.status == run.status, done.log
            found = [line.split(" | ", 3) for line in done.log.splitlines() if " | " in line]
            assert found[-1][1].strip() == "ERROR" or not run.status, done.log
            lines += [(line[1].strip(), line[-1]) for line in found]
            assert re.search(run.says, done.log.splitlines()[-1]), done.log
            assert not run.says or (len(done.errors), len(done.messages)) == (1, 0)
            assert not re.search("password|Traceback", done.log)
            assert max(map(len, done.log.splitlines()), default=0) < 2000
            assert "certificate" not in done.log or "retry" not in done.log
    return lines


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message[:60])
def test_message(said: list[tuple[str, str]], message: str) -> None:
    pattern = ".+?".join(map(re.escape, message.split("...")))
    assert any(re.fullmatch(pattern, text) for _, text in said)


@pytest.mark.parametrize(("level", "text"), ALERTS)
def test_alert(said: list[tuple[str, str]], level: str, text: str) -> None:
    assert {found for found, line in said if text in line} == {level or "ERROR"}


def test_a_level_of_the_log_that_does_not_exist(tmp_path: Path) -> None:
    run = programs.run_tap(tmp_path, {}, "--discover", env={"TAP_ONCEHUB_LOGLEVEL": "nonsense"})
    says = "LOGLEVEL must be DEBUG, INFO, WARNING, ERROR or CRITICAL.\n"
    assert (run.status, run.output, run.log) == (1, b"", says)
