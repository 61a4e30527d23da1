"""The sandbox answers as the facts say, its switches as what they leave open.

What lists, expansions and slots bring, and what a wrong key gives: tests/end_to_end sees that.
"""

import json
import typing as t
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone

import pytest
import requests

from sandbox import Account, Limits, Sandbox, limits
from sandbox.data import times
from sandbox.switches import Switches

KEY = "made-up-key"
NOW = "2026-04-01T12:00:00Z"
WEEK = ("2026-04-06T00:00:00Z", "2026-04-13T00:00:00Z")
Get: t.TypeAlias = Callable[[str], requests.Response]


@pytest.fixture
def api() -> Iterator[Sandbox]:
    with Sandbox(Account(seed=1, bookings=250, now=NOW), key=KEY) as sandbox:
        yield sandbox


@pytest.fixture
def get(api: Sandbox) -> Iterator[Get]:
    with requests.Session() as session:
        session.headers["API-Key"] = KEY
        yield lambda target: session.get(api.url + target, timeout=0.5, allow_redirects=False)


def read_all(get: Get, path: str, query: str = "") -> list[t.Any]:
    """Read all pages of a list."""
    found: list[t.Any] = []
    answer = None
    while answer is None or "next" in answer.links:
        after = f"&after={found[-1]['id']}" if found else ""
        answer = get(f"{path}?limit=30{after}{query}")
        found += answer.json()["data"]
    return found


SLOTS = "/booking-calendars/{free}/time-slots"
SINCE = "last_updated_time.gt"
APRIL = f"{SLOTS}?start_time=2026-04-01T00:00:00Z&end_time="
STRICT = {"slots_strict": True}

# Switches, the status, which parameter is wrong, and the requests that are answered so.
ANSWERS: list[tuple[dict[str, t.Any], int, str | None, tuple[str, ...]]] = [
    ({}, 400, "limit", tuple(f"/bookings?limit={n}" for n in ("0", "101", "x", "", "1.0", "10+"))),
    ({}, 400, "limit", ("/bookings?limit=1&limit=2", f"{SLOTS}?limit=1")),
    ({}, 400, None, ("/bookings?limit", "/bookings?&", "/bookings?status=%ff", "/bookings?=1")),
    ({}, 400, None, ("/bookings?after={kept}&before={kept}",)),
    ({}, 400, "page", ("/bookings?page=2",)),
    ({}, 400, "creation_time.gt", ("/users?creation_time.gt=2024-01-01",)),
    ({}, 400, SINCE, (f"/notifications/sms?{SINCE}=2024-01-01", f"/contacts?{SINCE}=yesterday")),
    ({}, 400, SINCE, (f"/contacts?{SINCE}=2024-13-01", f"/contacts?{SINCE}=1700000000")),
    ({"time_filters": "dates"}, 400, SINCE, (f"/contacts?{SINCE}=2025-01-01T00:00:00Z",)),
    ({"time_filters": "days"}, 400, SINCE, (f"/contacts?{SINCE}=2025-01-01T00:00:00Z",)),
    ({}, 400, "status", ("/contacts?status=x",)),
    ({}, 400, "expand", ("/bookings?expand=conversation,booking_page", "/bookings?expand=")),
    ({}, 400, "email", ("/users?email=a&email=b",)),
    ({}, 404, None, ("/nothing", "/bookings/", "/webhook-events", "/users/U-1")),
    ({}, 404, "id", ("/bookings/123", SLOTS.format(free="BKC-1"))),
    ({}, 200, None, ("/bookings/{gone}", "/bookings?after={kept}")),
    ({"deleted_is_404": True}, 404, "id", ("/bookings/{gone}",)),
    # Cursors that have left the list
    ({}, 400, "after", ("/bookings?after={gone}", "/bookings?status=no&after={kept}")),
    ({"order": "updated"}, 400, "after", ("/bookings?after={gone}",)),
    ({"deleted_cursor": "404"}, 404, "after", ("/bookings?after={gone}",)),
    # Plans
    ({"plan_without_api": True}, 403, None, ("/test", "/bookings")),
    ({"plan_without_sms": True}, 403, None, ("/notifications/sms",)),
    ({"plan_without_sms": True}, 200, None, ("/bookings",)),
    # Time slots
    ({}, 400, None, (f"{APRIL}2026-05-01T00:00:01Z", f"{APRIL}soon")),
    ({}, 400, "end_time", (f"{APRIL}2026-03-31T00:00:00Z",)),
    ({}, 200, None, (f"{APRIL}2026-05-01T00:00:00Z",)),
    (STRICT, 400, "start_time", (f"{SLOTS}?start_time=2020-01-01T00:00:00Z",)),
    (STRICT, 200, None, (SLOTS,)),
]


def test_request_is_answered_or_refused(api: Sandbox, get: Get) -> None:
    account = api.account
    gone, kept = (item["id"] for item in account.objects("bookings")[5:7])
    account.delete("bookings", gone)
    calendars = [item["id"] for item in account.objects("booking_calendars")]
    free = next(key for key in calendars if account.time_slots(key, *WEEK))
    for switches, status, param, targets in ANSWERS:
        account.set_switches(Switches().changed(**switches))
        for target in targets:
            answer = get(target.format(gone=gone, kept=kept, free=free))
            assert answer.status_code == status, (target, answer.text)
            assert {"Request-Id", "Date"} <= {*answer.headers}
            if status != 200:
                body = answer.json()
                kind = "authentication_error" if status == 403 else "invalid_request_error"
                assert (body["type"], param in {None, body.get("param")}) == (kind, True), target


@pytest.mark.parametrize(("policy", "place"), [("start", 0), ("empty", 999), ("position", 5)])
def test_deleted_cursor(api: Sandbox, get: Get, policy: str, place: int) -> None:
    keys = [item["id"] for item in api.account.objects("contacts")]
    gone = api.account.delete("contacts", keys.pop(5))
    api.switch(deleted_cursor=policy)
    found = get(f"/contacts?after={gone}&limit=2").json()["data"]
    assert [item["id"] for item in found] == keys[place:][:2]


@pytest.mark.parametrize(
    ("choice", "path", "told", "links"),
    [
        ("both", "/bookings", [True], ["next"]),
        ("both", "/teams", [False], []),
        ("both", "/notifications/sms", [], ["next"]),
        ("link", "/bookings", [], ["next"]),
        ("denied", "/bookings", [False], []),
        ("none", "/bookings", [], []),
    ],
)
def test_how_a_page_says_that_more_follow(
    api: Sandbox, get: Get, *, choice: str, path: str, told: list[bool], links: list[str]
) -> None:
    api.switch(has_more=choice)
    filters = "" if path == "/teams" else "?creation_time.gt=2001-01-01"
    answer = get(path + filters)
    assert [value for name, value in answer.json().items() if name == "has_more"] == told
    assert list(answer.links) == links
    for link in answer.links.values():
        assert link["url"].startswith(f"{api.url.removesuffix('/v2')}{path}?")
        assert f"after={answer.json()['data'][-1]['id']}" in link["url"]
        assert filters[1:] in link["url"]


@pytest.mark.parametrize(
    ("reading", "texts", "shift"),
    [
        ("times", ("{}", "{}T00:00:00.000Z", "{}T02:00:00%2B02:00"), 0),
        ("dates", ("{}",), 0),
        ("days", ("{}",), 1),
        ("whole_days", ("{}", "{}T12:00:00Z"), 1),
    ],
)
def test_time_filters(
    api: Sandbox, get: Get, reading: str, texts: tuple[str, ...], shift: int
) -> None:
    items = [item for item in api.account.objects("contacts") if item.get("last_updated_time")]
    edge = items[20]["last_updated_time"]
    assert items[20] not in read_all(get, "/contacts", f"&{SINCE}={edge}")  # strict
    api.switch(time_filters=reading)
    day = datetime.fromisoformat(edge[:10]).replace(tzinfo=timezone.utc) + timedelta(days=shift)
    first = (times.parse(f"{day:%Y-%m-%d}") or 0) - shift
    for text in texts:
        found = read_all(get, "/contacts", f"&{SINCE}={text.format(edge[:10])}")
        assert found == [i for i in items if (times.parse(i["last_updated_time"]) or 0) > first]


BODIES = ("half_json", "html", "empty", "not_json", "bom", "no_data")
SHAPES = ("data_null", "data_object", "data_string")
FAULTS = (*BODIES, *SHAPES, "reset", "close", "truncated", "timeout", 302, 429, 502)


def test_fault_strikes_where_and_when_it_is_ordered(api: Sandbox, get: Get) -> None:
    for kind in FAULTS:
        api.faults.add(kind, "/contacts", seconds=2)
        with pytest.raises((requests.RequestException, ValueError, KeyError, TypeError)):
            _ = json.loads(get("/contacts").content.decode())["data"][0]["id"]
    assert [entry.fault for entry in api.log] == [*map(str, FAULTS)]
    assert api.refused == 0  # only what the limits refused
    api.faults.add("500", "/bookings", times=2, after=1)
    api.faults.add("502", "/bookings/*", query="expand", times=None)
    asked = {"/users": 200, "/bookings/x": 404, "/bookings/x?expand=owner": 502}
    assert {path: get(path).status_code for path in asked} == asked
    assert [get("/bookings").status_code for _ in range(4)] == [200, 500, 500, 200]


def test_limits_slide_and_do_not_count_what_they_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(limits.time, "monotonic", lambda: now[0])
    limiter = limits.Limiter(Limits(clock_factor=100))
    assert [limiter.arrive() for _ in range(6)] == [*[0.0] * 5, pytest.approx(0.01)]
    for _ in range(195):
        now[0] += 0.01
        assert limiter.arrive() == 0
    for now[0], wait in ((1002.0, 1.0), (1003.01, 0)):
        assert limiter.arrive() == pytest.approx(wait)
