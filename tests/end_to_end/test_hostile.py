"""What servers can answer, byte by byte; and what no log, no file and no other host gets to see.

Beside these tests, the log of every run of every test is searched (tests/support/programs.py).
"""

import re
import time
import typing as t
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from sandbox import Account, Sandbox
from tap_oncehub.__main__ import main
from tap_oncehub.tap import TapOnceHub
from tests.support import inside, programs
from tests.support.raw import Script, page, raw_server, replies, response, website

ROW = {"id": "CTC-1", "object": "contact", "last_updated_time": "2026-01-01T00:00:00Z"}


def told(folder: Path, script: Script, *streams: str, **more: t.Any) -> programs.Run:
    hasty = {"request_timeout_seconds": 1, "max_wait_seconds": 1}
    with raw_server(script) as server:
        run = inside.spawn(folder, server, *streams, **{**hasty, **more})
    assert (run.status, bool(run.errors), "Traceback" in run.log) == (1, True, False), run.log
    return run


def test_ids_do_not_leave_their_place_in_the_path() -> None:
    names = ["a/b", "a?b=c", "a#b", "a%2Fb", "ä b", ".", ".."]
    users = response(page(*({"id": name} for name in names)))
    with raw_server(lambda path, _: users if path == "/users" else response({})) as server:
        inside.sync(server, "user_scheduling_availability")
        asked = [path for path, _ in server.asked if path != "/test"]
    assert asked == [
        "/users",
        *(f"/users/{quote(name, '')}/scheduling-availability" for name in names[:5]),
    ]


@pytest.mark.parametrize("claim", ["has_more", "nothing"])
def test_a_page_that_was_cut_down_to_where_it_begins_ends_no_list(claim: str) -> None:
    teams = [{"id": f"TM-{number}"} for number in range(9)]

    def script(path: str, query: dict[str, str]) -> bytes:
        start = int(query.get("after", "TM--1")[3:]) + 1
        found = teams[start : start + (1 if start == 2 else 3)]
        body = {"data": found, claim: start + len(found) < len(teams)}
        return response(body if path == "/teams" else {})

    with raw_server(script) as server:
        read = inside.sync(server, "teams", page_size=3).records("teams")
    assert {row["id"] for row in read} == {team["id"] for team in teams}


def test_a_dripping_response_is_given_up(tmp_path: Path) -> None:
    heads = {"/contacts": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"}

    def drip(path: str, _query: dict[str, str]) -> Iterator[bytes]:
        yield heads.get(path, b"HTTP/1.1 2")
        for _ in range(1000):
            time.sleep(0.3)
            yield b" "

    began = time.monotonic()
    run = told(tmp_path, drip, "contacts", "webhooks", request_timeout_seconds=0.4)
    assert sum("failed, skipping it" in e and "took too long" in e for e in run.errors) == 2
    assert time.monotonic() - began < 20


def test_a_huge_body_takes_little_memory(tmp_path: Path) -> None:
    packer = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    bomb = (packer.compress(b" " * (1 << 20)) + packer.flush()) * 1024
    script = replies("/contacts", response(bomb, "200 OK", "Content-Encoding: gzip"))
    with raw_server(script) as server:
        settings = programs.settings_for(server.url, max_wait_seconds=0)
        command = programs.tap_command(tmp_path, settings, catalog=inside.catalog("contacts"))
        limited = ["/bin/sh", "-c", 'ulimit -v 700000; exec "$@"', "sh", *command]
        run = programs.run(limited)
    assert (run.status, "more than 64 MB" in run.errors[-1]) == (1, True), run.log


SPOILED = f"x\n2026 | ERROR | forged \x1b[31m\u202e{programs.KEY}\u2028y"
FORGED = {"type": SPOILED, "message": SPOILED + "a" * 200_000, "param": SPOILED}
ODD = {
    "/users": (response({}, "304 Not Modified"), "users failed.*answered 304, a redirect"),
    "/teams": (response({}, "302 Found", "Location: http://x/"), "teams.*a redirect, which is not"),
    "/webhooks": (response({}, "200 OK", "Content-Length: 7"), "headers of the response contra"),
    "/contacts": (response({}, "503 Busy", "Retry-After: 99999"), "asks to wait 99,999 s"),
    "/booking-pages": (response(b"{}" * 9), "booking_pages.*the response is not JSON"),
    "/bookings": (response({}, "429 Slow", f"Retry-After: {'9' * 400}"), "bookings.*asks to wait"),
    "/master-pages": (response({}, "503 Busy", ": a header without a name"), "HTTP 503"),
    "/notifications/sms": (response(page(ROW)), r"sms_notifications.*something else \(contact\)"),
    "/booking-calendars": (response(page(has_more=True)), "booking_calendars.*announced more"),
    "/event-types": (response(FORGED, "400 Bad", "Request-Id: a\tb"), "event_types.*forged"),
}


def test_an_odd_response_is_told_as_what_it_is_in_a_line_without_the_key(tmp_path: Path) -> None:
    # That the key is in no log, every run says.
    run = told(tmp_path, lambda path, _: ODD.get(path, (b"",))[0])
    for _, says in ODD.values():
        assert any(re.search(says, line) for line in run.errors), (says, run.log)
    assert not any(mark in run.log for mark in "\x1b\u202e\u2028\t")
    assert not any(line.startswith("2026 | ERROR") for line in run.log.splitlines())
    assert max(map(len, run.log.splitlines())) < 2000


def test_links_that_lead_in_a_circle_end(tmp_path: Path) -> None:
    def script(path: str, query: dict[str, str]) -> bytes:
        after = query.get("after", "a")
        link = f"Link: </v2/teams?after={'c' if after == 'b' else 'b'}>; rel=next"
        return response(page({"name": after}, has_more=True), "200 OK", link) * (path == "/teams")

    run = told(tmp_path, script)
    assert any(re.search("teams failed.*leads back to an earlier", e) for e in run.errors), run.log


@pytest.fixture
def account() -> Account:
    return Account(seed=3, bookings=60)


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
def test_a_redirect_is_not_followed(tmp_path: Path, api: Sandbox, path: str) -> None:
    with raw_server(website) as elsewhere:
        place = f"http://localhost:{elsewhere.port}/v2/bookings"
        api.faults.add(302, path, times=None, location=place)
        run = inside.spawn(tmp_path, api, "bookings", "users")
    assert (run.status, api.count(path), elsewhere.asked) == (1, 1, [])
    assert re.search(rf"/v2{path} answered 302.*a redirect, which is not followed", run.errors[-1])
    # One of the whole API ends the run.
    assert bool(run.records("users")) == (path != "/test")


def test_a_link_to_another_host_is_not_followed(api: Sandbox) -> None:
    api.switch(has_more="link")
    with raw_server(website) as elsewhere:
        api.service.link_base = f"http://localhost:{elsewhere.port}"
        run = inside.sync(api, "bookings", page_size=7)
    assert (len(run.records("bookings")), elsewhere.asked) == (60, [])


@pytest.mark.parametrize("text", [programs.KEY, "anna.b@example.com"])
def test_the_search_of_all_logs_finds_something(text: str) -> None:
    with pytest.raises(AssertionError, match="the log holds"):
        programs.run(["/bin/sh", "-c", f"echo {text} >&2"])
