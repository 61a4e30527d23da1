"""Bad input of every kind: one line that says what to do, at once, and status 1.

What else settings, catalogs and states can get wrong: tests/unit/test_settings.py and
test_cli.py; what the troubleshooting page names: tests/docs/test_messages.py.
"""

import json
import re
import socket
import time
import typing as t
from pathlib import Path

import pytest

from sandbox import Account, Sandbox
from tests.support import programs

AT_MOST_SECONDS = 60
WRONG = {
    "start_date": "yesterday",
    "page_size": 101,
    "booking_ids": ["../users"],
    "include_webhook_secrets": "perhaps",
    "user_agent": "x\r\nAPI-Key: y",
    "api_url": "http://api.oncehub.com/v2",
}
NO_EXPRESSION = "The stream map of bookings cannot be used: an expression cannot be read"
UNKNOWN = {"streams": [{"tap_stream_id": "nosuch", "schema": {"properties": {}}}]}


def replication(stream: str, key: str) -> dict[str, t.Any]:
    metadata = {"selected": True, "replication-key": key, "replication-method": "INCREMENTAL"}
    entry = {
        "tap_stream_id": stream,
        "schema": {"properties": {"id": {"type": "string"}}},
        "metadata": [{"breadcrumb": [], "metadata": metadata}],
        "replication_key": key,
        "replication_method": "INCREMENTAL",
    }
    return {"streams": [entry]}


CASES: dict[str, tuple[dict[str, t.Any], list[str]]] = {
    "everything at once": (WRONG, [f"{name} " for name in WRONG]),
    "a map that is no expression": ({"stream_maps": {"bookings": {"id": "f("}}}, [NO_EXPRESSION]),
    "a map that is empty": ({"stream_maps": {"bookings": {"id": ""}}}, [NO_EXPRESSION]),
    "an unknown stream": (
        {"--catalog": json.dumps(UNKNOWN)},
        ["unknown stream 'nosuch'; known are: ", " bookings, "],
    ),
    "a key that cannot be filtered by": (
        {"--catalog": json.dumps(replication("bookings", "subject"))},
        ["The catalog asks for bookings", "possible replication keys: "],
    ),
    "a stream that is never incremental": (
        {"--catalog": json.dumps(replication("users", "id"))},
        ["The catalog asks for users", "possible replication keys: "],
    ),
    "a message with a state": (
        {"--state": '{"type": "STATE", "value": {}}'},
        ["The state must look like"],
    ),
    "settings that are binary": ({"--config": "\udcff\x00"}, ["are not a JSON object"]),
    "no settings file": ({"--config": None}, ["The settings cannot be", "no such file"]),
    "no catalog file": ({"--catalog": None}, ["catalog.json", "No such file"]),
    "an unknown option": ({"--bogus": None}, ["No such option", "--bogus"]),
    "no TLS at the other end": ({"api_url": "https"}, ["a secure connection was not possible"]),
}
"""What differs from good settings, files by their option, and what the one error line says."""


@pytest.fixture(scope="module")
def api() -> t.Iterator[Sandbox]:
    with Sandbox(Account(seed=1, bookings=10), key=programs.KEY) as api:
        yield api


@pytest.mark.parametrize("name", CASES)
def test_one_line_says_what_to_do(tmp_path: Path, api: Sandbox, name: str) -> None:
    given, says = CASES[name]
    config = programs.settings_for(api.url, max_wait_seconds=1)
    config |= {key: value for key, value in given.items() if not key.startswith("--")}
    if config["api_url"] == "https":
        config["api_url"] = api.url.replace("http:", "https:")
    arguments = []
    for option, text in {"--config": json.dumps(config), **given}.items():
        if option.startswith("--"):
            file = tmp_path / f"{option[2:]}.json"
            if text is not None:
                file.write_bytes(text.encode(errors="surrogateescape"))
            arguments += [option, str(file)]
    run = programs.fork_tap(tmp_path, *arguments)
    assert run.status == 1, run.log
    (error,) = run.errors
    assert all(part in error for part in says), error
    assert "Traceback" not in run.log
    last = [line for line in run.log.splitlines() if not re.search(r"\| INFO  ", line)][-1]
    assert last == error
    assert not api.log
    assert not [m for m in run.messages if m["type"] == "RECORD"]


def test_variables_without_a_key_or_a_number(tmp_path: Path) -> None:
    where = "gear icon > Account Integrations > APIs & Webhooks"
    (error,) = programs.fork_tap(tmp_path).errors
    assert "api_key is missing: set TAP_ONCEHUB_API_KEY, in the" in error
    assert where in error
    env = {"TAP_ONCEHUB_API_KEY": "k", "TAP_ONCEHUB_PAGE_SIZE": "many"}
    (error,) = programs.fork_tap(tmp_path, **env).errors
    assert "page_size is not usable" in error


def test_key_check_is_one_request_and_names_no_account(tmp_path: Path) -> None:
    with Sandbox(Account(seed=1, bookings=10), key=programs.KEY) as api:
        run = programs.run_tap(tmp_path, programs.settings_for(api.url), "--test")
        assert [entry.path for entry in api.log] == ["/v2/test"]
    assert (run.status, run.output) == (0, b"The API key is valid.\n")


def test_where_nothing_ever_answers_the_patience_is_short(tmp_path: Path) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        with socket.create_connection(full.getsockname()):
            url = f"http://127.0.0.1:{full.getsockname()[1]}/v2"
            began = time.monotonic()
            settings = programs.settings_for(url, request_timeout_seconds=2)
            run = programs.run_tap(tmp_path, settings)
            assert time.monotonic() - began < AT_MOST_SECONDS
    assert run.status == 1
    (error,) = run.errors
    assert "connecting took too long" in error


def test_settings_that_do_not_exist_are_worth_a_warning(tmp_path: Path, api: Sandbox) -> None:
    batch = {"encoding": {"format": "jsonl"}, "storage": {"root": tmp_path.as_uri()}}
    more = {"start_dat": "2026-01-01", "batch_config": batch}
    run = programs.run_tap(tmp_path, programs.settings_for(api.url, **more))
    api.reset_log()
    assert run.status == 0
    (warned,) = [line for line in run.log.splitlines() if "start_dat" in line]
    assert "WARNING" in warned
    assert "Ignoring unknown settings: start_dat (did you mean start_date?), 1 not shown" in warned
    assert len(run.records("bookings")) == 10
