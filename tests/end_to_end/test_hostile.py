"""What servers, clocks and people can do, and what the tap makes of it."""

import time
import typing as t
import zlib
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import quote

import pytest
import requests

from sandbox import Account, Sandbox
from tests.support import inside, programs
from tests.support.raw import Script, page, raw_server, replies, response
from tests.support.streams import ALL

ROW = {"id": "CTC-1", "object": "contact", "last_updated_time": "2026-01-01T00:00:00Z"}
HASTY = {"request_timeout_seconds": 1, "max_wait_seconds": 3}


def read(folder: Path, script: Script, *streams: str, **more: t.Any) -> programs.Run:
    with raw_server(script) as server:
        return inside.spawn(folder, server, *(streams or ("contacts",)), **{**HASTY, **more})


def told(run: programs.Run) -> str:
    """Return the one error of a run that failed as it should."""
    assert run.status == 1, run.log
    assert "Traceback" not in run.log
    assert run.errors
    return run.errors[-1]


# --- whose state, which time


def test_a_bookmark_later_than_now_is_not_believed(caplog: pytest.LogCaptureFixture) -> None:
    later = (datetime.now(timezone.utc) + timedelta(days=2)).isoformat()
    state = {"bookmarks": {"bookings": {"replication_key_value": later}}}
    with Sandbox(Account(seed=3, bookings=30, nasty=False), key=programs.KEY) as api:
        run = inside.sync(api, "bookings", state=state)
        assert "later than now" in caplog.text
        caplog.clear()
        again = inside.sync(api, "bookings", state=run.states[-1])
    assert len(run.records("bookings")) == 30
    assert "later than now" not in caplog.text
    assert len(again.records("bookings")) < 30


def test_the_state_of_another_account_is_refused(tmp_path: Path) -> None:
    with Sandbox(Account(seed=3, bookings=3), key=programs.KEY) as api:
        state = inside.sync(api, "bookings").states[-1]
        assert inside.sync(api, "bookings", state=state).ended == "well"
        state["bookmarks"]["test_auth"]["account"] = "0123456789abcdef"
        api.reset_log()
        run = inside.spawn(tmp_path, api, "bookings", state=state)
        assert len(api.log) == 1
    assert told(run).endswith("remove test_auth from the state.")
    assert not run.records("bookings")


# --- answers


def test_an_interim_answer_does_not_shift_those_that_follow(tmp_path: Path) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
    interim = b"HTTP/1.1 102 Processing\r\n\r\n" + hints
    script = replies("/contacts", interim + response(page(ROW)), response(page(ROW)))
    run = read(tmp_path, script, "contacts", "sms_notifications", max_wait_seconds=20)
    assert run.status == 0, run.log
    assert [r["id"] for r in run.records("contacts")] == ["CTC-1"]
    assert not run.records("sms_notifications")


def test_ids_do_not_leave_their_place_in_the_path(tmp_path: Path) -> None:
    names = ["a/b", "a?b=c", "a#b", "a%2Fb", "ä b", ".", ".."]
    asked: list[str] = []

    def script(path: str, _query: dict[str, str]) -> bytes:
        asked.append(path)
        return response(page(*({"id": name} for name in names)) if path == "/users" else {})

    run = read(tmp_path, script, "user_scheduling_availability")
    assert run.status == 0, run.log
    paths = [f"/users/{quote(name, '')}/scheduling-availability" for name in names[:5]]
    assert asked == ["/users", *paths]


def drip(_path: str, _query: dict[str, str]) -> t.Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    for _ in range(1000):
        time.sleep(0.3)
        yield b" "


def drip_headers(_path: str, _query: dict[str, str]) -> t.Iterator[bytes]:
    for byte in b"HTTP/1.1 200 OK" + b" " * 1000:
        time.sleep(0.3)
        yield bytes([byte])


@pytest.mark.parametrize("script", [drip, drip_headers])
def test_a_dripping_response_is_given_up(tmp_path: Path, script: Script) -> None:
    began = time.monotonic()
    run = read(tmp_path, script, request_timeout_seconds=0.4, max_wait_seconds=1)
    assert "took too long" in told(run)
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


@pytest.mark.parametrize("value", [7, "", "x", [], {}, [None], {"id": {}}, [{"id": []}], True])
def test_any_field_may_hold_anything(value: t.Any) -> None:
    with Sandbox(Account(seed=3, bookings=4, nasty=False), key=programs.KEY) as api:

        def script(path: str, query: dict[str, str]) -> bytes:
            key = {"API-Key": programs.KEY}
            found = requests.get(api.url + path, query, headers=key, timeout=programs.PATIENCE)
            body = found.json()
            for row in body.get("data", [body]) if isinstance(body, dict) else body:
                row.update(dict.fromkeys(row.keys() - {"id", "object"}, value))
            return response(body, f"{found.status_code} {found.reason}")

        with raw_server(script) as server:
            run = inside.sync(server, *ALL)
    bookmarks = run.states[-1]["bookmarks"].items()
    odd = {name for name, bookmark in bookmarks if bookmark.get("unread")}
    assert odd <= {"conversations"}  # where it is no conversation, nor the id of one
    assert run.ended == ("failed" if odd else "well")
    for stream in ("bookings", "contacts", "users", "booking", "webhooks"):
        objects = api.account.objects(stream if stream != "booking" else "bookings")
        found = [row["id"] for row in run.records(stream)]
        assert found == [item["id"] for item in objects] != []


@pytest.mark.parametrize("no_time", [None, [], {"at": "noon"}, 7])
def test_time_slots_without_a_time_are_all_kept(no_time: t.Any) -> None:
    slots = [{"start_time": no_time, "locations": [{"value": text}]} for text in ("a", "b", "b")]
    found = {
        "/booking-calendars": page({"id": "BKC-1", "object": "booking_calendar"}),
        "/booking-calendars/BKC-1/time-slots": slots,
    }
    stream = "booking_calendar_time_slots"
    with raw_server(lambda path, _: response(found.get(path, page()))) as server:
        run = inside.sync(server, stream, time_slots_days=1)
    assert [row["locations"][0]["value"] for row in run.records(stream)] == ["a", "b"]


# --- what is said


ODD = {
    "/users": (response({}, "304 Not Modified"), "answered 304, a redirect"),
    "/teams": (response({}, "302 Found", "Location: http://x/"), "a redirect, which is not"),
    "/webhooks": (response({}, "200 OK", "Content-Length: 7"), "headers of the response contra"),
    "/contacts": (response({}, "503 Busy", "Retry-After: 99999"), "asks to wait 99,999 s"),
    "/booking-pages": (response(b"{}" * 9), "the response is not JSON"),
    "/bookings": (response({}, "429 Slow", f"Retry-After: {'9' * 400}"), "OnceHub asks to wait"),
    "/master-pages": (response({}, "503 Busy", ": a header without a name"), "HTTP 503"),
    "/notifications/sms": (response(page(ROW)), "something else (contact)"),
}


def test_an_odd_response_is_told_as_what_it_is(tmp_path: Path) -> None:
    with raw_server(lambda path, _query: ODD.get(path, (b"",))[0]) as server:
        run = inside.spawn(tmp_path, server, max_wait_seconds=1)
    told(run)
    for path, (_, says) in ODD.items():
        name = {"/notifications/sms": "sms_notifications"}.get(path, path[1:].replace("-", "_"))
        assert any(name in line and says in line for line in run.errors), run.log


def test_nothing_that_the_api_says_breaks_a_line_or_shows_the_key(tmp_path: Path) -> None:
    spoiled = f"x\n2026 | ERROR | forged \x1b[31m\u202e{programs.KEY}\u2028y"
    error = {"type": spoiled, "message": spoiled + "a" * 200_000, "param": spoiled}

    def script(path: str, _query: dict[str, str]) -> bytes:
        if path == "/users":
            name = spoiled.replace(programs.KEY, "")
            return response(page({"id": name, name: 1}))
        status = "422 Unprocessable" if path.startswith("/users/") else "400 Bad Request"
        return response(error, status, "Request-Id: a\tb")

    log = read(tmp_path, script, "user_scheduling_availability", "contacts", "users").log
    assert "forged" in log
    assert programs.KEY not in log
    assert not any(mark in log for mark in "\x1b\u202e\u2028\t")
    assert not any(line.startswith("2026 | ERROR") for line in log.splitlines())
    assert max(map(len, log.splitlines())) < 2000
