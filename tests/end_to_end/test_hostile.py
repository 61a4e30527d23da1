"""What servers can answer, byte by byte, and what the tap makes of it."""

import re
import time
import typing as t
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support import inside, programs
from tests.support.raw import Script, page, raw_server, replies, response

ROW = {"id": "CTC-1", "object": "contact", "last_updated_time": "2026-01-01T00:00:00Z"}


def read(folder: Path, script: Script, *streams: str, **more: t.Any) -> programs.Run:
    hasty = {"request_timeout_seconds": 1, "max_wait_seconds": 3}
    with raw_server(script) as server:
        return inside.spawn(folder, server, *streams, **{**hasty, **more})


def told(run: programs.Run) -> str:
    """Return the one error of a run that failed as it should."""
    assert run.status == 1, run.log
    assert "Traceback" not in run.log
    assert run.errors
    return run.errors[-1]


def test_an_interim_answer_does_not_shift_those_that_follow(tmp_path: Path) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
    interim = b"HTTP/1.1 102 Processing\r\n\r\n" + hints
    script = replies("/contacts", interim + response(page(ROW)), response(page(ROW)))
    run = read(tmp_path, script, "contacts", "sms_notifications", max_wait_seconds=20)
    assert run.status == 0, run.log
    assert [r["id"] for r in run.records("contacts")] == ["CTC-1"]
    assert not run.records("sms_notifications")


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


def drip(head: bytes) -> Script:
    def script(_path: str, _query: dict[str, str]) -> Iterator[bytes]:
        yield head
        for _ in range(1000):
            time.sleep(0.3)
            yield b" "

    return script


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"HTTP/1.1 2"]
)
def test_a_dripping_response_is_given_up(tmp_path: Path, head: bytes) -> None:
    began = time.monotonic()
    hasty = {"request_timeout_seconds": 0.4, "max_wait_seconds": 1}
    assert "took too long" in told(read(tmp_path, drip(head), "contacts", **hasty))
    assert time.monotonic() - began < 20


def test_a_huge_body_takes_little_memory(tmp_path: Path) -> None:
    packer = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    bomb = (packer.compress(b" " * (1 << 20)) + packer.flush()) * 1024
    script = replies("/contacts", response(bomb, "200 OK", "Content-Encoding: gzip"))
    with raw_server(script) as server:
        settings = programs.settings_for(server.url, max_wait_seconds=3)
        command = programs.tap_command(tmp_path, settings, catalog=inside.catalog("contacts"))
        limited = ["/bin/sh", "-c", 'ulimit -v 700000; exec "$@"', "sh", *command]
        assert "more than 64 MB" in told(programs.run(limited))


ODD = {
    "/users": (response({}, "304 Not Modified"), "users failed.*answered 304, a redirect"),
    "/teams": (response({}, "302 Found", "Location: http://x/"), "teams.*a redirect, which is not"),
    "/webhooks": (response({}, "200 OK", "Content-Length: 7"), "headers of the response contra"),
    "/contacts": (response({}, "503 Busy", "Retry-After: 99999"), "asks to wait 99,999 s"),
    "/booking-pages": (response(b"{}" * 9), "booking_pages.*the response is not JSON"),
    "/bookings": (response({}, "429 Slow", f"Retry-After: {'9' * 400}"), "bookings.*asks to wait"),
    "/master-pages": (response({}, "503 Busy", ": a header without a name"), "HTTP 503"),
    "/notifications/sms": (response(page(ROW)), r"sms_notifications.*something else \(contact\)"),
}


def test_an_odd_response_is_told_as_what_it_is(tmp_path: Path) -> None:
    run = read(tmp_path, lambda path, _: ODD.get(path, (b"",))[0], max_wait_seconds=1)
    told(run)
    for _, says in ODD.values():
        assert any(re.search(says, line) for line in run.errors), (says, run.log)


def test_nothing_that_the_api_says_breaks_a_line_or_shows_the_key(tmp_path: Path) -> None:
    spoiled = f"x\n2026 | ERROR | forged \x1b[31m\u202e{programs.KEY}\u2028y"
    error = {"type": spoiled, "message": spoiled + "a" * 200_000, "param": spoiled}

    def script(path: str, _query: dict[str, str]) -> bytes:
        if path == "/users":
            name = spoiled.replace(programs.KEY, "")
            return response(page({"id": name, name: 1}))
        status = "422 Unprocessable" if path.startswith("/users/") else "400 Bad Request"
        return response(error, status, "Request-Id: a\tb")

    # That the key is in no log, every run says.
    log = read(tmp_path, script, "user_scheduling_availability", "contacts", "users").log
    assert "forged" in log
    assert not any(mark in log for mark in "\x1b\u202e\u2028\t")
    assert not any(line.startswith("2026 | ERROR") for line in log.splitlines())
    assert max(map(len, log.splitlines())) < 2000
