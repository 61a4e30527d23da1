"""Bad input of every kind: one line that says what to do, at once, and status 1.

All cases run beside each other: most of their time is the start of a process.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import threading
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from sandbox import Account, Sandbox
from tests.support import programs

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future
    from pathlib import Path

AT_ONCE = 4
AT_MOST_SECONDS = 60
KEYS = "OnceHub > Integrations > APIs & Webhooks"
SECURE_URL = "https address of the sandbox"
"""Stands for the sandbox's address with https, which it does not speak."""


@dataclass
class Bad:
    """Something wrong, and what the tap should say to it.

    Attributes:
        says: Parts of the one error line.
        settings: Settings that differ from good ones.
        config: The whole settings file; None writes the settings.
        files: Contents of other files, by option; None where there is none.
        env: Environment variables; with any, there is no settings file.
        arguments: More of the command line.
        switches: How the sandbox behaves.
        fault: What every request gets.
        requests: How many are sent.
    """

    says: list[str]
    settings: dict[str, t.Any] = field(default_factory=dict)
    config: bytes | None = None
    files: dict[str, bytes | None] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    arguments: list[str] = field(default_factory=list)
    switches: dict[str, t.Any] = field(default_factory=dict)
    fault: str | None = None
    requests: int = 0

    def play(self, folder: Path) -> tuple[programs.Run, int, float]:
        """Run the tap with it; give also the requests and the seconds that it took."""
        folder.mkdir()
        account = Account(seed=1, bookings=10)
        with Sandbox(account, key=programs.KEY, **self.switches) as api:
            if self.fault:
                api.faults.add(self.fault, times=None)
            began = time.monotonic()
            done = subprocess.run(
                [str(programs.TAP), *self._options(folder, api.url), *self.arguments],
                capture_output=True,
                check=False,
                cwd=folder,
                env=programs.environment(**self.env),
                timeout=programs.PATIENCE,
            )
            seconds = time.monotonic() - began
            run = programs.Run(done.returncode, done.stdout, done.stderr.decode())
            return run, len(api.log), seconds

    def _options(self, folder: Path, url: str) -> list[str]:
        if self.env:
            return []
        good = programs.settings_for(url, max_wait_seconds=1)
        config = {**good, **self.settings}
        if config["api_url"] == SECURE_URL:
            config["api_url"] = url.replace("http:", "https:")
        files = {"config": self.config or json.dumps(config).encode(), **self.files}
        options = []
        for name, content in files.items():
            path = folder / f"{name}.json"
            if content is not None:
                path.write_bytes(content)
            options += [f"--{name}", str(path)]
        return options


def setting(name: str, value: t.Any, says: str = "is not usable") -> Bad:
    return Bad([f"{name} {says}"], {name: value})


def catalog_of(**changes: t.Any) -> bytes:
    entry = {
        "tap_stream_id": "bookings",
        "schema": {"properties": {"id": {"type": "string"}}},
        "metadata": [],
        **changes,
    }
    return json.dumps({"streams": [entry]}).encode()


def catalog(content: bytes | None, *says: str) -> Bad:
    return Bad(list(says), files={"catalog": content})


def replication(stream: str, key: str, method: str = "INCREMENTAL") -> Bad:
    metadata = {"selected": True, "replication-key": key, "replication-method": method}
    content = catalog_of(
        tap_stream_id=stream,
        metadata=[{"breadcrumb": [], "metadata": metadata}],
        replication_key=key,
        replication_method=method,
    )
    return catalog(content, f"The catalog asks for {stream}", "possible replication keys: ")


def state(content: t.Any, *says: str) -> Bad:
    return Bad(list(says), files={"state": json.dumps(content).encode()})


WRONG = {
    "start_date": "yesterday",
    "page_size": 101,
    "lookback_seconds": -1,
    "time_slots_days": 0,
    "booking_ids": ["../users"],
    "booking_calendar_ids": "BKC-1",
    "include_webhook_secrets": "perhaps",
    "rate_limit_per_second": -1,
    "rate_limit_per_window": 1.5,
    "rate_limit_window_seconds": 0,
    "request_timeout_seconds": 0,
    "max_wait_seconds": "long",
    "user_agent": "x\r\nAPI-Key: y",
}
SETTINGS = {
    "no settings at all": Bad(["api_key is missing: make a key in", KEYS], env={"X": ""}),
    "no key": setting("api_key", None, "is missing"),
    "a key with a line break": setting("api_key", "abc\r\nX: y", "has blanks, line breaks"),
    "a key with an umlaut": setting("api_key", "schlüssel", "has blanks"),
    "a key that is a number": setting("api_key", 5, "must be text"),
    "plain http": setting("api_url", "http://api.oncehub.com/v2", "must begin with https://"),
    "no address": setting("api_url", "oncehub", "is not an address"),
    "an address with a password": setting("api_url", "https://u:p@h/v2", "must be a plain"),
    "an impossible host": setting("api_url", "https://a..b/v2", "is not an address"),
    "a map that is no expression": Bad(
        ["Failed to parse expression"], {"stream_maps": {"bookings": {"id": "f("}}}
    ),
    "everything at once": Bad(
        [f"{name} " for name in (*WRONG, "api_url")], {**WRONG, "api_url": "http://x"}
    ),
    "a variable that is no number": Bad(
        ["page_size is not usable"],
        env={"TAP_ONCEHUB_API_KEY": "k", "TAP_ONCEHUB_PAGE_SIZE": "many"},
    ),
    "an empty variable": Bad(["api_key is missing"], env={"TAP_ONCEHUB_API_KEY": ""}),
    "an unknown option": Bad(["No such option", "--bogus"], arguments=["--bogus"]),
}
FILES = {
    "no settings file": Bad(
        ["The settings cannot be read from", "no such file"],
        arguments=["--config", "nowhere.json"],
    ),
    "settings that are no JSON": Bad(["are not a JSON object"], config=b"{"),
    "settings that are a list": Bad(["are not a JSON object"], config=b"[1]"),
    "settings that are binary": Bad(["are not a JSON object"], config=b"\xff\xfe\x00"),
    "no catalog file": catalog(None, "catalog.json", "No such file or directory"),
    "a catalog that is not JSON": catalog(b"{", "The catalog in", "is not a JSON object"),
    "a catalog that is binary": catalog(b"\xff\xfe", "The catalog in", "is not a JSON object"),
    "an empty catalog": catalog(b"", "The catalog in", "is not a JSON object"),
    "a catalog of another form": catalog(b'{"streams": {}}', "--discover", "$.streams"),
    "a stream without a schema": catalog(
        b'{"streams": [{"tap_stream_id": "bookings"}]}', "--discover", "`schema`"
    ),
    "properties that are a number": catalog(
        catalog_of(schema={"properties": 5}), "--discover", "properties"
    ),
    "metadata of another form": catalog(catalog_of(metadata=[{"a": 1}]), "`breadcrumb`"),
    "an unknown stream": catalog(
        catalog_of(tap_stream_id="nosuch"), "unknown stream 'nosuch'; known are: booking, "
    ),
    "a key that cannot be filtered by": replication("bookings", "subject"),
    "a stream that is never incremental": replication("users", "id"),
    "a way that does not exist": replication("bookings", "last_updated_time", "LOG_BASED"),
    "no state file": Bad(["state.json", "No such file"], files={"state": None}),
    "a state that is not JSON": Bad(["is not a JSON object"], files={"state": b"{"}),
    "a state that is binary": Bad(["is not a JSON object"], files={"state": b"\xff\xfe"}),
    "a state that is a list": state([], "is not a JSON object"),
    "bookmarks that are a list": state({"bookmarks": []}, 'must look like {"bookmarks"'),
    "a bookmark that is a number": state({"bookmarks": {"bookings": 3}}, "state of bookings"),
    "a bookmark that is no time": state(
        {"bookmarks": {"bookings": {"replication_key_value": "soon"}}},
        "replication_key_value of bookings in the state is not a time",
    ),
}
ACCESS = {
    "a wrong key": Bad(
        [
            "test_auth: OnceHub does not accept the API key: /v2/test",
            "401 (authentication_error, No valid API key was provided, Request-Id req_",
            KEYS,
        ],
        {"api_key": "wrong"},
        requests=1,
    ),
    "a plan without API": Bad(
        [
            "test_auth: OnceHub refuses access",
            "403 (authentication_error, The plan of",
            "Request-Id req_",
            "The account's plan must include API access.",
        ],
        switches={"plan_without_api": True},
        requests=1,
    ),
    "a redirect": Bad(
        ["answered 308", "a redirect, which is not followed. Check api_url"],
        fault="308",
        requests=1,
    ),
}
TESTED = {
    "a wrong key": Bad(
        [
            "test_auth: OnceHub does not accept the API key: /v2/test answered 401",
            "No valid API key was provided",
            KEYS,
        ],
        {"api_key": "wrong"},
        arguments=["--test"],
        requests=1,
    ),
    "a plan without API": Bad(
        [
            "test_auth: OnceHub refuses access to its API: /v2/test answered 403",
            "The plan of this account does not include access to the API",
        ],
        switches={"plan_without_api": True},
        arguments=["--test"],
        requests=1,
    ),
    "no network": Bad(
        ["test_auth: no answer from https://oncehub.invalid/v2/test: the host name is not known."],
        {"api_url": "https://oncehub.invalid/v2"},
        arguments=["--test"],
    ),
    "no such test": Bad(["'--test'", "nonsense"], arguments=["--test=nonsense"]),
    "no key": Bad(["api_key is missing"], {"api_key": ""}, arguments=["--test"]),
}
NETWORK = {
    "a port nobody listens on": Bad(
        [
            "no answer from http://127.0.0.1:9/v2/test: the connection was refused.",
            "Check the network, the proxy and api_url",
        ],
        {"api_url": "http://127.0.0.1:9/v2"},
    ),
    "an unknown host": Bad(
        ["no answer from https://oncehub.invalid/v2/test: the host name is not known"],
        {"api_url": "https://oncehub.invalid/v2"},
    ),
    "no TLS at the other end": Bad(
        ["a secure connection was not possible", "Check the network, the proxy and api_url"],
        {"api_url": SECURE_URL},
    ),
}
CASES = {
    f"{kind}: {name}": case
    for kind, cases in [
        ("network", NETWORK),
        ("settings", SETTINGS),
        ("files", FILES),
        ("access", ACCESS),
        ("test", TESTED),
    ]
    for name, case in cases.items()
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


def test_there_are_enough_of_them() -> None:
    assert len(CASES) >= 25


class Website(BaseHTTPRequestHandler):
    """Has a page for everything, and none of them is OnceHub's."""

    def do_GET(self) -> None:
        self.send_response(404)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<html><h1>Not found, anna@example.com</h1></html>")

    def log_message(self, *_args: t.Any) -> None:
        pass


@pytest.fixture
def website() -> Iterator[HTTPServer]:
    with HTTPServer(("127.0.0.1", 0), Website) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.parametrize("arguments", [[], ["--test"]])
def test_an_address_that_is_not_the_apis(
    tmp_path: Path, website: HTTPServer, arguments: list[str]
) -> None:
    url = f"http://127.0.0.1:{website.server_port}/wrong"
    run = programs.run_tap(tmp_path, programs.settings_for(url), *arguments)
    assert run.status == 1
    (error,) = run.errors
    assert "answered 404. Check api_url, https://api.oncehub.com/v2 is the usual one" in error


def test_a_path_that_the_api_does_not_have_is_named_for_every_stream(tmp_path: Path) -> None:
    with Sandbox(Account(seed=1, bookings=10), key=programs.KEY) as api:
        run = programs.run_tap(tmp_path, programs.settings_for(f"{api.url}/v2"))
    assert run.status == 1
    assert " streams failed" in run.errors[-1]
    assert "bookings: /v2/v2/bookings answered 404 (invalid_request_error, " in run.errors[-1]
    assert "Traceback" not in run.log


def test_the_key_is_tested_with_one_request_in_oncehubs_words(tmp_path: Path) -> None:
    with Sandbox(Account(seed=1, bookings=10), key=programs.KEY) as api:
        run = programs.run_tap(tmp_path, programs.settings_for(api.url), "--test")
        assert [entry.path for entry in api.log] == ["/v2/test"]
    assert run.status == 0
    assert "The API key is valid for account: Sandbox" in run.log


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


def test_a_setting_that_does_not_exist_is_worth_a_warning(tmp_path: Path) -> None:
    with Sandbox(Account(seed=1, bookings=10), key=programs.KEY) as api:
        run = programs.run_tap(tmp_path, programs.settings_for(api.url, start_dat="2026-01-01"))
    assert run.status == 0
    warned = [line for line in run.log.splitlines() if "start_dat" in line]
    assert len(warned) == 1
    assert "WARNING" in warned[0]
    assert "Ignoring unknown settings: start_dat" in warned[0]


def test_batches_are_never_written(tmp_path: Path) -> None:
    batches = {"encoding": {"format": "jsonl"}, "storage": {"root": tmp_path.as_uri()}}
    with Sandbox(Account(seed=1, bookings=10), key=programs.KEY) as api:
        run = programs.run_tap(tmp_path, programs.settings_for(api.url, batch_config=batches))
    assert run.status == 0
    assert "Ignoring unknown settings: batch_config" in run.log
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
