"""What servers, proxies, clocks and people can do, and what the tap makes of it."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import time
import typing as t
import zlib
from datetime import datetime, timedelta, timezone
from urllib.parse import quote

import pytest
import requests

from sandbox import Account, Sandbox
from tests.support import inside, kills, programs
from tests.support.raw import page, raw_server, replies, response, website

if t.TYPE_CHECKING:
    from pathlib import Path

    from tests.support.raw import Script

ROW = {"id": "CTC-1", "object": "contact", "last_updated_time": "2026-01-01T00:00:00Z"}
HASTY = {"request_timeout_seconds": 1, "max_wait_seconds": 3}


def read(folder: Path, script: Script, stream: str = "contacts", **more: t.Any) -> programs.Run:
    """Read one stream from a raw server."""
    catalog = inside.catalog(stream)
    with raw_server(script) as server:
        settings = programs.settings_for(server.url, **{**HASTY, **more})
        return programs.run_tap(folder, settings, catalog=catalog)


def told(run: programs.Run) -> str:
    """Return the one error of a run that failed as it should."""
    assert run.status == 1, run.log
    assert "Traceback" not in run.log
    assert run.errors
    return run.errors[-1]


# --- lists


def test_a_page_size_of_one_loses_nothing_behind_a_deleted_object() -> None:
    account = Account(seed=3, bookings=6, nasty=False)

    def delete_third(message: inside.Message, number: int) -> None:
        if message["type"] == "RECORD" and message["record"]["id"] == third:
            account.delete("bookings", third)

    third = account.objects("bookings")[2]["id"]
    told = {"has_more": "none", "deleted_cursor": "empty"}
    with Sandbox(account, key=programs.KEY, **told) as api:
        settings, catalog = programs.settings_for(api.url, page_size=1), inside.catalog("bookings")
        run = inside.run(settings, catalog, watch=delete_third)

    assert run.ended == "well"
    read = {row["id"] for row in run.records("bookings")}
    assert read >= {row["id"] for row in account.objects("bookings")}


# --- clocks


# Where the header is right or ahead, and the records are behind, nothing tells.
@pytest.mark.parametrize(
    ("date", "records_behind"),
    [("right", 0), ("ahead", 0), ("none", 0), ("none", 7200), ("stuck", 0), ("stuck", 7200)],
)
def test_edits_under_way_are_found_whatever_the_clocks_say(date: str, records_behind: int) -> None:
    account = Account(seed=3, bookings=30, nasty=False)
    account.clock.offset_seconds = -records_behind
    objects = [item["id"] for item in account.objects("bookings")]

    def edit(message: inside.Message, number: int) -> None:
        if message["type"] == "RECORD" and number == 15:
            time.sleep(0.02)
            account.edit("bookings", objects[2], subject="edited behind")
            time.sleep(0.02)
            account.edit("bookings", objects[-1], subject="edited before")

    catalog = inside.catalog("bookings")
    with Sandbox(account, key=programs.KEY, date_header=date) as api:
        settings = programs.settings_for(api.url, page_size=10, lookback_seconds=0)
        first = inside.run(settings, catalog, watch=edit)
        second = inside.run(settings, catalog, first.states[-1])

    assert first.ended == second.ended == "well"
    subjects = {r["subject"] for run in (first, second) for r in run.records("bookings")}
    assert {"edited behind", "edited before"} <= subjects


def test_a_bookmark_later_than_now_is_not_believed(tmp_path: Path) -> None:
    later = (datetime.now(timezone.utc) + timedelta(days=2)).isoformat()
    state = {"bookmarks": {"bookings": {"replication_key_value": later}}}
    account = Account(seed=3, bookings=30, nasty=False)
    with Sandbox(account, key=programs.KEY) as api:
        settings = programs.settings_for(api.url)
        catalog = inside.catalog("bookings")
        run = programs.run_tap(tmp_path, settings, state=state, catalog=catalog)
        again = programs.run_tap(tmp_path, settings, state=run.state, catalog=catalog)

    assert "later than now" in run.log
    assert len(run.records("bookings")) == 30
    assert "later than now" not in again.log
    assert len(again.records("bookings")) < 30


def test_a_clock_that_was_ahead_once_does_not_make_rows_look_gone() -> None:
    account = Account(seed=3, users=7, nasty=False)
    catalog = inside.catalog("users")
    ahead = int((time.time() + 864_000) * 1000)
    with Sandbox(account, key=programs.KEY) as api:
        settings = programs.settings_for(api.url, emit_activate_version_messages=True)
        full_pass = [ahead, ["2026-01-01T00:00:00Z"] * 2, 7, ""]
        state = {"bookmarks": {"users": {"full_pass": full_pass}}}
        first = inside.run(settings, catalog, state)
        second = inside.run(settings, catalog, first.states[-1])

    assert ahead < first.versions("users")[-1][1] < second.versions("users")[-1][1]  # type: ignore[operator]


def test_a_filter_that_compares_whole_days_misses_nothing_though_killed() -> None:
    account = Account(seed=3, bookings=30, nasty=False, now="2026-03-01T12:00:00Z")
    noon = datetime(2026, 3, 2, 12, tzinfo=timezone.utc)
    account.clock.offset_seconds = noon.timestamp() - time.time()
    ids = [item["id"] for item in account.objects("bookings")]
    catalog = inside.catalog("bookings")

    def edit(*positions: int) -> set[str]:
        account.clock.offset_seconds += 60
        return {account.edit("bookings", ids[place], subject="edited") for place in positions}

    with Sandbox(account, key=programs.KEY, time_filters="whole_days") as api:
        settings = programs.settings_for(api.url, page_size=4)
        edit(0, 1)
        state = inside.run(settings, catalog, {}).states[-1]
        edited = edit(12, 16, 20, 24)
        account.clock.offset_seconds += 86_400
        edited |= edit(28)
        for messages in range(2, 30):
            killed = inside.run(settings, catalog, state, kill_after=messages)
            resumed = inside.run(settings, catalog, killed.states[-1] if killed.states else state)
            rows = killed.records("bookings") + resumed.records("bookings")
            assert edited <= {row["id"] for row in rows}, messages
            if killed.ended == "well":
                break
        assert killed.ended == "well"


@pytest.mark.parametrize("messages", range(9, 16, 3))
def test_a_cursor_that_moves_to_the_end_after_a_kill_loses_nothing(messages: int) -> None:
    account = Account(seed=3, bookings=12, nasty=False)
    catalog = inside.catalog("bookings")
    with Sandbox(account, key=programs.KEY, order="starting") as api:
        settings = programs.settings_for(api.url, page_size=4)
        killed = inside.run(settings, catalog, kill_after=messages)
        state = killed.states[-1]
        # The cursor and what is to come next move together, to the end of the list.
        for key in state["bookmarks"]["bookings"]["resume"][-1][-1][:2]:
            account.edit("bookings", key, starting_time="2001-01-01T00:00:00Z")
        rest = inside.run(settings, catalog, state)
    found = {row["id"] for run in (killed, rest) for row in run.records("bookings")}
    assert found == {item["id"] for item in account.objects("bookings")}


# --- whose state, whose rows


def test_the_state_of_another_account_is_refused(tmp_path: Path) -> None:
    with Sandbox(Account(seed=3, bookings=3), key=programs.KEY) as api:
        settings = programs.settings_for(api.url)
        state = programs.run_tap(tmp_path, settings).state
        assert programs.run_tap(tmp_path, settings, state=state).status == 0
        state["bookmarks"]["test_auth"]["account"] = "0123456789abcdef"
        api.reset_log()
        run = programs.run_tap(tmp_path, settings, state=state)
        assert len(api.log) == 1

    assert told(run).endswith("remove test_auth from the state.")
    assert not run.records("bookings")


def test_an_account_that_cannot_be_checked_stops_nothing(tmp_path: Path) -> None:
    with Sandbox(Account(seed=3, bookings=3), key=programs.KEY) as api:
        api.faults.add(422, "/test", times=None)
        run = programs.run_tap(tmp_path, programs.settings_for(api.url))

    assert run.status == 0
    assert len(run.records("bookings")) == 3


def test_an_interim_answer_does_not_shift_those_that_follow(tmp_path: Path) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
    interim = b"HTTP/1.1 102 Processing\r\n\r\n" + hints
    found = response(page(ROW))
    catalog = inside.catalog("contacts", "sms_notifications")
    with raw_server(replies("/contacts", interim + found, found)) as server:
        settings = programs.settings_for(server.url, **{**HASTY, "max_wait_seconds": 20})
        run = programs.run_tap(tmp_path, settings, catalog=catalog)

    assert run.status == 0, run.log
    assert [r["id"] for r in run.records("contacts")] == ["CTC-1"]
    assert not run.records("sms_notifications")


def test_objects_of_another_kind_are_not_taken_for_the_streams_own(tmp_path: Path) -> None:
    run = read(tmp_path, replies("/notifications/sms", response(page(ROW))), "sms_notifications")

    assert "something else (contact)" in told(run)
    assert not run.records("sms_notifications")


def test_ids_do_not_leave_their_place_in_the_path(tmp_path: Path) -> None:
    names = ["a/b", "a?b=c", "a#b", "a%2Fb", "ä b", ".", ".."]
    asked: list[str] = []

    def script(path: str, _query: dict[str, str]) -> bytes:
        asked.append(path)
        found = page(*({"id": name} for name in names)) if path == "/users" else {}
        return response(found)

    run = read(tmp_path, script, "user_scheduling_availability")

    assert run.status == 0, run.log
    assert asked == [
        "/users",
        *(f"/users/{quote(n, '')}/scheduling-availability" for n in names[:5]),
    ]


# --- bodies


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
    bomb = b"".join(packer.compress(b" " * (1 << 20)) for _ in range(1024)) + packer.flush()
    script = replies("/contacts", response(bomb, "200 OK", "Content-Encoding: gzip"))

    run = read(tmp_path, script, request_timeout_seconds=20)

    assert "more than 64 MB" in told(run)
    # Of all children so far, in KiB; those of a forked process begin with its size.
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 600 * 1024


def test_odd_values_do_not_block_their_stream(tmp_path: Path) -> None:
    kept: list[t.Any] = ["NaN", "-Infinity", int("9" * 100)]
    rows = [{**ROW, "id": f"CTC-{n}", "employees": f"value {n}"} for n in range(4)]
    body = json.dumps(page(*rows))
    for number, value in enumerate(kept):
        body = body.replace(f'"value {number}"', str(value))

    run = read(tmp_path, replies("/contacts", response(body.encode())))

    assert run.status == 0, run.log
    found = run.records("contacts")
    assert [row["id"] for row in found] == [row["id"] for row in rows]
    assert not any(row["employees"] for row in found)
    assert [row["_extra"]["employees"] for row in found[:3]] == kept


@pytest.mark.parametrize("depth", [400, 5000])
def test_a_value_is_read_or_nests_too_deeply_for_json(tmp_path: Path, depth: int) -> None:
    body = json.dumps(page({**ROW, "custom_fields": "value"}))
    body = body.replace('"value"', "[" * depth + "]" * depth)

    run = read(tmp_path, replies("/contacts", response(body.encode())))

    if depth == 400:
        assert len(run.records("contacts")) == 1
    else:
        assert "the response is not JSON" in told(run)


@pytest.mark.parametrize("value", [7, "", "x", [], {}, [None], {"id": {}}, [{"id": []}], True])
def test_any_field_may_hold_anything(value: t.Any) -> None:
    catalog = inside.catalog(*(entry["tap_stream_id"] for entry in inside.catalog()["streams"]))
    with Sandbox(Account(seed=3, bookings=4, nasty=False), key=programs.KEY) as api:

        def script(path: str, query: dict[str, str]) -> bytes:
            found = requests.get(
                api.url + path, query, headers={"API-Key": programs.KEY}, timeout=programs.PATIENCE
            )
            body = found.json()
            rows = body.get("data", [body]) if isinstance(body, dict) else body
            for row in rows:
                row.update(dict.fromkeys(row.keys() - {"id", "object"}, value))
            return response(body, f"{found.status_code} {found.reason}")

        with raw_server(script) as server:
            usual = inside.run(programs.settings_for(api.url), catalog)
            run = inside.run(programs.settings_for(server.url), catalog)

    bookmarks = run.states[-1]["bookmarks"].items()
    odd = {name for name, bookmark in bookmarks if bookmark.get("unread")}
    assert odd <= {"conversations"}  # where it is no conversation, nor the id of one
    assert run.ended == ("failed" if odd else "well")
    for stream in ("bookings", "contacts", "users", "booking", "webhooks"):
        found = [row["id"] for row in run.records(stream)]
        assert found == [row["id"] for row in usual.records(stream)] != []


# --- what is said


ODD = {
    "/users": (response({}, "304 Not Modified"), "answered 304, a redirect"),
    "/teams": (response({}, "302 Found", "Location: http://x/"), "a redirect, which is not"),
    "/webhooks": (
        response({}, "200 OK", "Content-Length: 7"),
        "headers of the response contradict",
    ),
    "/contacts": (response({}, "503 Busy", "Retry-After: 99999"), "asks to wait 99,999 s"),
    "/booking-pages": (response(b"{}" * 9), "the response is not JSON"),
    "/bookings": (response({}, "429 Slow", f"Retry-After: {'9' * 400}"), "OnceHub asks to wait"),
    "/master-pages": (response({}, "503 Busy", ": a header without a name"), "HTTP 503"),
}


def test_an_odd_response_is_told_as_what_it_is(tmp_path: Path) -> None:
    with raw_server(lambda path, _query: ODD.get(path, (b"",))[0]) as server:
        run = programs.run_tap(tmp_path, programs.settings_for(server.url, **HASTY))

    told(run)
    for path, (_, says) in ODD.items():
        name = path[1:].replace("-", "_")
        assert any(name in line and says in line for line in run.errors), run.log


def test_a_long_error_text_is_searched_in_a_moment(tmp_path: Path) -> None:
    error = {"type": "invalid_request_error", "message": "a" * 200_000 + " anna@example.com"}
    began = time.monotonic()

    said = told(read(tmp_path, replies("/contacts", response(error, "400 Bad Request"))))

    assert time.monotonic() - began < 15
    assert "anna" not in said
    assert len(said) < 1000


def test_nothing_that_the_api_says_breaks_a_line_or_shows_the_key(tmp_path: Path) -> None:
    spoiled = f"x\n2026 | ERROR | forged \x1b[31m\u202e{programs.KEY}\u2028y"
    error = {"type": spoiled, "message": spoiled, "param": spoiled}

    def script(path: str, _query: dict[str, str]) -> bytes:
        if path == "/users":
            name = spoiled.replace(programs.KEY, "")
            return response(page({"id": name, name: 1}))
        status = "422 Unprocessable" if path.startswith("/users/") else "400 Bad Request"
        return response(error, status, "Request-Id: a\tb")

    run = read(tmp_path, script, "user_scheduling_availability")
    log = run.log + read(tmp_path, script, "contacts").log + read(tmp_path, script, "users").log

    assert programs.KEY not in log
    assert not any(mark in log for mark in "\x1b\u202e\u2028\t")
    assert not any(line.startswith("2026 | ERROR") for line in log.splitlines())


# --- this machine


def test_a_loopback_address_is_asked_without_the_proxy(tmp_path: Path) -> None:
    with (
        raw_server(website) as proxy,
        Sandbox(Account(seed=3, bookings=3), key=programs.KEY) as api,
    ):
        address = f"http://127.0.0.1:{proxy.port}"
        env = programs.environment(HTTP_PROXY=address, http_proxy=address, ALL_PROXY=address)
        run = programs.run_tap(tmp_path, programs.settings_for(api.url), env=env)
        assert not proxy.asked

    assert run.status == 0, run.log


def test_a_standard_output_that_is_closed_is_one_line(tmp_path: Path) -> None:
    with Sandbox(Account(seed=3, bookings=3), key=programs.KEY) as api:
        command = programs.tap_command(tmp_path, programs.settings_for(api.url))
        run = programs.run(["/bin/sh", "-c", 'exec >&-; exec "$@"', "sh", *command])

    assert "Standard output cannot be written" in told(run)


def test_a_second_signal_ends_at_once_even_if_nobody_reads(tmp_path: Path) -> None:
    account = Account(seed=4, bookings=300)
    with Sandbox(account, key=programs.KEY) as api:
        command = programs.tap_command(tmp_path, programs.settings_for(api.url))
        with subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=programs.environment(),
        ) as tap:
            assert tap.stdout
            kills.wait_for(kills.Full(tap.stdout), tap)
            tap.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            assert tap.poll() is None
            tap.send_signal(signal.SIGTERM)
            assert tap.wait(10) == 128 + signal.SIGTERM


# --- single objects


@pytest.mark.parametrize("body", [{}, {"id": "BKNG-2"}, {"data": {"id": "BKNG-1"}}, page()])
def test_a_response_that_does_not_hold_the_object_is_no_row(tmp_path: Path, body: t.Any) -> None:
    script = replies("/bookings/BKNG-1", response(body))
    settings = {"booking_ids": ["BKNG-1"]}
    catalog = inside.catalog("booking", settings=settings)
    with raw_server(script) as server:
        made = programs.settings_for(server.url, **HASTY, **settings)
        run = programs.run_tap(tmp_path, made, catalog=catalog)
    assert "/bookings/BKNG-1" in told(run)
    assert run.records("booking") == []


@pytest.mark.parametrize("no_time", [None, [], {"at": "noon"}, 7])
def test_time_slots_without_a_time_are_all_kept(tmp_path: Path, no_time: t.Any) -> None:
    slots = [{"start_time": no_time, "locations": [{"value": text}]} for text in ("a", "b", "b")]

    def script(path: str, _query: dict[str, str]) -> bytes:
        found = {
            "/booking-calendars": page({"id": "BKC-1", "object": "booking_calendar"}),
            "/booking-calendars/BKC-1/time-slots": slots,
        }.get(path)
        return b"" if found is None else response(found)

    run = read(tmp_path, script, "booking_calendar_time_slots", time_slots_days=1)
    found = [row["locations"][0]["value"] for row in run.records("booking_calendar_time_slots")]
    assert found == ["a", "b"]
