"""Bad input of every kind: one line that says what to do, at once, and status 1.

All cases run beside each other: most of their time is the start of a process. What else
settings, catalogs and states can get wrong: tests/unit/test_settings.py and test_cli.py;
what the troubleshooting page names: tests/docs/test_messages.py.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from sandbox import Account, Sandbox
from tests.support import programs

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future
    from pathlib import Path

AT_ONCE = 4
AT_MOST_SECONDS = 60
KEYS = "gear icon > Account Integrations > APIs & Webhooks"
SECURE_URL = "https address of the sandbox"
"""Stands for the sandbox's address with https, which it does not speak."""


@dataclass
class Bad:
    """Something wrong, and parts of the one error line that the tap should say to it.

    What differs from good `settings`, the contents of `files` by option (None where there is
    none), environment variables (with any, there is no settings file), more of the command line,
    how the sandbox behaves, and how many requests are sent.
    """

    says: list[str]
    settings: dict[str, t.Any] = field(default_factory=dict)
    files: dict[str, bytes | None] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    arguments: list[str] = field(default_factory=list)
    switches: dict[str, t.Any] = field(default_factory=dict)
    requests: int = 0

    def play(self, folder: Path) -> tuple[programs.Run, int, float]:
        """Run the tap with it; give also the requests and the seconds that it took."""
        folder.mkdir()
        account = Account(seed=1, bookings=10)
        with Sandbox(account, key=programs.KEY, **self.switches) as api:
            began = time.monotonic()
            command = [str(programs.TAP), *self._options(folder, api.url), *self.arguments]
            run = programs.run(command, folder, **self.env)
            return run, len(api.log), time.monotonic() - began

    def _options(self, folder: Path, url: str) -> list[str]:
        if self.env:
            return []
        config = {**programs.settings_for(url, max_wait_seconds=1), **self.settings}
        if config["api_url"] == SECURE_URL:
            config["api_url"] = url.replace("http:", "https:")
        options = []
        for name, content in {"config": json.dumps(config).encode(), **self.files}.items():
            path = folder / f"{name}.json"
            if content is not None:
                path.write_bytes(content)
            options += [f"--{name}", str(path)]
        return options


def catalog(stream: str, method: str = "FULL_TABLE", key: str | None = None) -> bytes:
    metadata = {"selected": True, "replication-key": key, "replication-method": method}
    entry = {
        "tap_stream_id": stream,
        "schema": {"properties": {"id": {"type": "string"}}},
        "metadata": [{"breadcrumb": [], "metadata": metadata}],
        "replication_key": key,
        "replication_method": method,
    }
    return json.dumps({"streams": [entry]}).encode()


def replication(stream: str, method: str, key: str) -> Bad:
    says = [f"The catalog asks for {stream}", "possible replication keys: "]
    return Bad(says, files={"catalog": catalog(stream, method, key)})


WRONG = {
    "start_date": "yesterday",
    "page_size": 101,
    "booking_ids": ["../users"],
    "include_webhook_secrets": "perhaps",
    "user_agent": "x\r\nAPI-Key: y",
    "api_url": "http://api.oncehub.com/v2",
}
CASES = {
    "no settings at all": Bad(
        ["api_key is missing: set TAP_ONCEHUB_API_KEY, in the", KEYS], env={"X": ""}
    ),
    "a key with a line break": Bad(["has blanks, line breaks"], {"api_key": "abc\r\nX: y"}),
    "everything at once": Bad([f"{name} " for name in WRONG], WRONG),
    "a map that is no expression": Bad(
        ["The stream map of bookings cannot be used: an expression cannot be read"],
        {"stream_maps": {"bookings": {"id": "f("}}},
    ),
    "a map that is empty": Bad(
        ["The stream map of bookings cannot be used: an expression cannot be read"],
        {"stream_maps": {"bookings": {"id": ""}}},
    ),
    "a variable that is no number": Bad(
        ["page_size is not usable"],
        env={"TAP_ONCEHUB_API_KEY": "k", "TAP_ONCEHUB_PAGE_SIZE": "many"},
    ),
    "an unknown option": Bad(["No such option", "--bogus"], arguments=["--bogus"]),
    "no settings file": Bad(["The settings cannot be", "no such file"], files={"config": None}),
    "settings that are binary": Bad(["are not a JSON object"], files={"config": b"\xff\xfe\x00"}),
    "no catalog file": Bad(["catalog.json", "No such file"], files={"catalog": None}),
    "an unknown stream": Bad(
        ["unknown stream 'nosuch'; known are: ", " bookings, "],
        files={"catalog": catalog("nosuch")},
    ),
    "a key that cannot be filtered by": replication("bookings", "INCREMENTAL", "subject"),
    "a stream that is never incremental": replication("users", "INCREMENTAL", "id"),
    "a message with a state": Bad(
        ["The state must look like"], files={"state": b'{"type": "STATE", "value": {}}'}
    ),
    "a state that is not a JSON": Bad(["is not a JSON object"], files={"state": b"{"}),
    "a bookmark that is no time": Bad(
        ["replication_key_value of bookings in the state is not a time"],
        files={"state": b'{"bookmarks": {"bookings": {"replication_key_value": "soon"}}}'},
    ),
    "a wrong key": Bad(
        ["OnceHub does not accept the API key: /v2/test answered 401", KEYS],
        {"api_key": "wrong"},
        requests=1,
    ),
    "a plan without API": Bad(
        ["OnceHub refuses access", "The account's plan must include API access."],
        switches={"plan_without_api": True},
        requests=1,
    ),
    "an unknown host": Bad(
        ["no answer from https://oncehub.invalid/v2/test: the host name is not known."],
        {"api_url": "https://oncehub.invalid/v2"},
        arguments=["--test"],
    ),
    "a port nobody listens on": Bad(
        [
            "no answer from http://127.0.0.1:9/v2/test: the connection was refused.",
            "Check the network, the proxy and api_url",
        ],
        {"api_url": "http://127.0.0.1:9/v2"},
    ),
    "no TLS at the other end": Bad(
        ["a secure connection was not possible", "Check the network, the proxy and api_url"],
        {"api_url": SECURE_URL},
    ),
}
Played: t.TypeAlias = "dict[str, Future[tuple[programs.Run, int, float]]]"


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    folder = tmp_path_factory.mktemp("bad_input")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {
            name: pool.submit(case.play, folder / str(number))
            for number, (name, case) in enumerate(CASES.items())
        }


@pytest.mark.parametrize("name", CASES)
def test_one_line_says_what_to_do(played: Played, name: str) -> None:
    run, requests, seconds = played[name].result()
    assert run.status == 1, run.log
    (error,) = run.errors
    for part in CASES[name].says:
        assert part in error
    assert "Traceback" not in run.log
    last = [line for line in run.log.splitlines() if not re.search(r"\| INFO  ", line)][-1]
    assert last == error
    assert requests == CASES[name].requests
    assert seconds < AT_MOST_SECONDS
    assert not [m for m in run.messages if m["type"] == "RECORD"]


def test_key_check_is_one_request_and_names_no_account(tmp_path: Path) -> None:
    with Sandbox(Account(seed=1, bookings=10), key=programs.KEY) as api:
        run = programs.run_tap(tmp_path, programs.settings_for(api.url), "--test")
        assert [entry.path for entry in api.log] == ["/v2/test"]
    assert run.status == 0
    assert run.output == b"The API key is valid.\n"


def test_where_nothing_ever_answers_the_patience_is_short(tmp_path: Path) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.create_connection(full.getsockname())]
        settings = {
            "api_key": programs.KEY,
            "api_url": f"http://127.0.0.1:{full.getsockname()[1]}/v2",
            "request_timeout_seconds": 2,
        }
        began = time.monotonic()
        run = programs.run_tap(tmp_path, settings)
        seconds = time.monotonic() - began
        for connection in waiting:
            connection.close()
    assert run.status == 1
    (error,) = run.errors
    assert "connecting took too long" in error
    assert seconds < AT_MOST_SECONDS


def test_settings_that_do_not_exist_are_worth_a_warning(tmp_path: Path) -> None:
    more = {
        "start_dat": "2026-01-01",
        "batch_config": {"encoding": {"format": "jsonl"}, "storage": {"root": tmp_path.as_uri()}},
    }
    with Sandbox(Account(seed=1, bookings=10), key=programs.KEY) as api:
        run = programs.run_tap(tmp_path, programs.settings_for(api.url, **more))
    assert run.status == 0
    (warned,) = [line for line in run.log.splitlines() if "start_dat" in line]
    assert "WARNING" in warned
    assert "Ignoring unknown settings: start_dat (did you mean start_date?), 1 not shown" in warned
    assert len(run.records("bookings")) == 10


def test_a_loader_that_has_ended_is_one_line_too(tmp_path: Path) -> None:
    with Sandbox(Account(seed=1, bookings=500), key=programs.KEY) as api:
        command = programs.tap_command(tmp_path, programs.settings_for(api.url))
        with (
            tmp_path.joinpath("log").open("wb") as log,
            subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, env=programs.environment()
            ) as tap,
        ):
            assert tap.stdout
            tap.stdout.close()
            assert tap.wait(programs.PATIENCE) == 1
    run = programs.Run(1, b"", tmp_path.joinpath("log").read_text())
    assert ["The loader has ended" in line for line in run.errors] == [True]
    assert "Traceback" not in run.log
    assert "BrokenPipe" not in run.log
