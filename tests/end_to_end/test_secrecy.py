"""The key goes to OnceHub only; no log holds it, nor a customer's address.

Beside these tests, the log of every run of every test is searched (tests/support/programs.py).
"""

import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import Account, Sandbox
from tap_oncehub.__main__ import main
from tap_oncehub.tap import TapOnceHub
from tests.support import inside, programs, raw


@pytest.fixture
def account() -> Account:
    return Account(seed=3, bookings=60)


@pytest.fixture
def elsewhere() -> Iterator[raw.RawServer]:
    with raw.raw_server(raw.website) as server:
        yield server


def test_nothing_of_it_at_the_chattiest_level(tmp_path: Path, api: Sandbox) -> None:
    for number, kind in enumerate(("data_object", "data_string", "truncated")):
        api.faults.add(kind, "/bookings", times=1, after=2 * number)
    for path, status in (("/contacts", 400), ("/users", 409), ("/teams", 404)):
        api.faults.add(status, path, times=None)
    run = inside.spawn(tmp_path, api, env={"TAP_ONCEHUB_LOGLEVEL": "DEBUG"}, page_size=5)
    assert "| DEBUG" in run.log
    assert run.status == 1
    assert "/v2/contacts answered 400 (invalid_request_error, Bad Request: we could not" in run.log
    assert "Request-Id req_" in run.errors[0]
    assert api.account.customer_email not in run.log
    assert len(run.records("bookings")) == 60


@pytest.mark.parametrize("argument", ["--test", "--discover", "--about"])
def test_the_key_of_the_environment_is_in_no_output(
    tmp_path: Path, api: Sandbox, argument: str
) -> None:
    env = {"TAP_ONCEHUB_API_KEY": programs.KEY, "TAP_ONCEHUB_API_URL": api.url}
    run = programs.fork("tap_oncehub", tmp_path, argument, LOGLEVEL="DEBUG", **env)
    assert run.status == 0, run.log
    assert run.output


def test_nothing_of_it_in_the_traceback_of_a_bug(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(**_options: t.Any) -> None:
        personal = "jane.doe@customer.example"
        raise ValueError(personal)

    monkeypatch.setattr(TapOnceHub, "cli", broken)
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 1
    assert "This is a bug of tap-oncehub 0.1.0: please report it with the lines" in caplog.text
    assert "in broken" in caplog.text
    assert "ValueError" in caplog.text
    assert "jane" not in caplog.text


@pytest.mark.parametrize("path", ["/bookings", "/test"])
def test_a_redirect_is_not_followed(
    tmp_path: Path, api: Sandbox, elsewhere: raw.RawServer, path: str
) -> None:
    place = f"http://localhost:{elsewhere.port}/v2/bookings"
    api.faults.add(302, path, times=None, location=place)
    run = inside.spawn(tmp_path, api, "bookings", "users")
    assert (run.status, api.count(path), elsewhere.asked) == (1, 1, [])
    assert f"/v2{path} answered 302" in run.errors[-1]
    assert "a redirect, which is not followed" in run.errors[-1]
    # One of the whole API ends the run.
    assert bool(run.records("users")) == (path != "/test")


def test_a_link_to_another_host_is_not_followed(api: Sandbox, elsewhere: raw.RawServer) -> None:
    api.switch(has_more="link")
    api.service.link_base = f"http://localhost:{elsewhere.port}"
    run = inside.sync(api, "bookings", page_size=7)
    assert elsewhere.asked == []
    assert len(run.records("bookings")) == 60


@pytest.mark.parametrize("text", [programs.KEY, "anna.b@example.com"])
def test_the_search_of_all_logs_finds_something(text: str) -> None:
    with pytest.raises(AssertionError, match="the log holds"):
        programs.run(["/bin/sh", "-c", f"echo {text} >&2"])
