"""The sandbox answers as the facts say, its switches as what they leave open.

That filters, expansions, slots and refusals bring what the account holds: tests/end_to_end.
"""

import json
import re
import typing as t
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta, timezone
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
import requests

from sandbox import Account, Limits, Sandbox, limits
from sandbox.data import times
from sandbox.streams import STREAMS
from sandbox.switches import Switches
from tests.support.asking import KEY, NOW, Get, asking, ids, read_all

WEEK = {"start_time": "2026-04-06T00:00:00Z", "end_time": "2026-04-13T00:00:00Z"}


@pytest.fixture
def api() -> Iterator[Sandbox]:
    with Sandbox(Account(seed=1, bookings=250, now=NOW), key=KEY) as sandbox:
        yield sandbox


@pytest.fixture
def get(api: Sandbox) -> Iterator[Get]:
    with asking(api) as get:
        yield get


@pytest.fixture(scope="module")
def asked() -> Iterator[tuple[Sandbox, dict[str, str]]]:
    """A sandbox that nothing changes, and the ids that its requests name."""
    with Sandbox(account := Account(seed=1, bookings=20, now=NOW), key=KEY) as sandbox:
        gone, kept = ids(account.objects("bookings"))[5:7]
        account.delete("bookings", gone)
        yield sandbox, {"gone": gone, "kept": kept, "free": free(account)}


SLOTS = "/booking-calendars/{free}/time-slots"
SINCE = "last_updated_time.gt=2025-01-01T00:00:00Z"
APRIL = f"{SLOTS}?start_time=2026-04-01T00:00:00Z&end_time="


@pytest.mark.parametrize(
    ("switches", "target", "status", "param"),
    [
        *(({}, f"/bookings?limit={n}", 400, "limit") for n in ("0", "101", "x", "", "1.0", "10+")),
        *(({}, f"/bookings?{q}", 400, None) for q in ("limit", "&", "status=%ff", "=1")),
        ({}, "/bookings?limit=1&limit=2", 400, "limit"),
        ({}, "/bookings?page=2", 400, "page"),
        ({}, "/bookings?after={kept}&before={kept}", 400, None),
        ({}, "/users?creation_time.gt=2024-01-01", 400, "creation_time.gt"),
        ({}, "/notifications/sms?last_updated_time.gt=2024-01-01", 400, "last_updated_time.gt"),
        ({}, "/contacts?status=x", 400, "status"),
        ({}, "/bookings?expand=conversation,booking_page", 400, "expand"),
        ({}, "/bookings?expand=", 400, "expand"),
        *(
            ({}, f"/bookings?starting_time.lt={text}", 400, "starting_time.lt")
            for text in ("yesterday", "2024-13-01", "1700000000")
        ),
        ({}, "/users?email=a&email=b", 400, "email"),
        ({"time_filters": "dates"}, f"/contacts?{SINCE}", 400, "last_updated_time.gt"),
        ({"time_filters": "days"}, f"/contacts?{SINCE}", 400, "last_updated_time.gt"),
        # Paths and single objects
        *(({}, p, 404, None) for p in ("/nothing", "/bookings/", "/webhook-events", "/users/U-1")),
        ({}, "/bookings/123", 404, "id"),
        ({}, "/bookings/{gone}", 200, None),
        ({"deleted_is_404": True}, "/bookings/{gone}", 404, "id"),
        # Cursors that have left the list
        *(({}, f"/bookings?after={key}", 400, "after") for key in ("{gone}", "BKNG-0")),
        ({}, "/bookings?status=no&after={kept}", 400, "after"),
        ({}, "/bookings?after={kept}", 200, None),
        ({"order": "updated"}, "/bookings?after={gone}", 400, "after"),
        ({"deleted_cursor": "404"}, "/bookings?after={gone}", 404, "after"),
        # Plans
        *(({"plan_without_api": True}, path, 403, None) for path in ("/test", "/bookings")),
        ({"plan_without_sms": True}, "/notifications/sms", 403, None),
        ({"plan_without_sms": True}, "/bookings", 200, None),
        # Time slots
        ({}, f"{SLOTS}?limit=1", 400, "limit"),
        ({}, SLOTS.format(free="BKC-1"), 404, "id"),
        *(({}, f"{APRIL}{end}", 400, None) for end in ("2026-05-01T00:00:01Z", "soon")),
        ({}, f"{APRIL}2026-03-31T00:00:00Z", 400, "end_time"),
        ({}, f"{APRIL}2026-05-01T00:00:00Z", 200, None),
        ({"slots_strict": True}, f"{SLOTS}?start_time=2020-01-01T00:00:00Z", 400, "start_time"),
        ({"slots_strict": True}, SLOTS, 200, None),
    ],
)  # fmt: skip
def test_request_is_answered_or_refused(
    asked: tuple[Sandbox, dict[str, str]],
    switches: dict[str, t.Any],
    target: str,
    status: int,
    param: str | None,
) -> None:
    api, names = asked
    api.account.set_switches(Switches().changed(**switches))
    # Not with requests, which repairs some of them.
    connection = HTTPConnection("127.0.0.1", urlsplit(api.url).port, timeout=10)
    with closing(connection):
        connection.request("GET", f"/v2{target.format(**names)}", headers={"API-Key": KEY})
        answer = connection.getresponse()
        body = json.loads(answer.read())
    assert answer.status == status, body
    assert {"Request-Id", "Date"} <= {*answer.headers}
    if status != 200:
        kind = "authentication_error" if status == 403 else "invalid_request_error"
        assert body["type"] == kind
        assert param in {None, body.get("param")}
    elif target == "/bookings/{gone}":
        assert body == {"id": names["gone"], "object": "booking", "deleted": True}


def free(account: Account) -> str:
    """A calendar that has time slots."""
    keys = ids(account.objects("booking_calendars"))
    return next(key for key in keys if account.time_slots(key, *WEEK.values()))


@pytest.mark.parametrize("key", [None, "", "wrong", KEY + "x", "é"])
def test_key_is_needed(api: Sandbox, key: str | None) -> None:
    headers = {} if key is None else {"API-Key": key.encode()}
    answer = requests.get(api.url + "/test", headers=headers, timeout=10)
    assert (answer.status_code, answer.json()["type"]) == (401, "authentication_error")


# --- lists


def test_lists_give_the_accounts_objects(api: Sandbox, get: Get) -> None:
    for name, stream in STREAMS.items():
        assert read_all(get, stream.path, limit=7) == api.account.objects(name)
    answer = get("/bookings").json()
    assert (len(answer["data"]), answer["object"], answer["has_more"]) == (10, "list", True)


@pytest.mark.parametrize(("policy", "place"), [("start", 0), ("empty", 999), ("position", 5)])
def test_deleted_cursor(api: Sandbox, get: Get, policy: str, place: int) -> None:
    keys = ids(api.account.objects("contacts"))
    gone = api.account.delete("contacts", keys.pop(5))
    api.switch(deleted_cursor=policy)
    assert ids(get("/contacts", after=gone, limit=2).json()["data"]) == keys[place:][:2]


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
    answer = get(path, **{"creation_time.gt": "2001-01-01"} if path != "/teams" else {})
    assert [value for name, value in answer.json().items() if name == "has_more"] == told
    assert list(answer.links) == links
    if links:
        url = answer.links["next"]["url"]
        assert url.startswith(f"{api.url.removesuffix('/v2')}{path}?")
        assert f"after={answer.json()['data'][-1]['id']}" in url
        assert "creation_time.gt=2001-01-01" in url


def test_order_by_last_update(api: Sandbox, get: Get) -> None:
    newest = ids(api.account.objects("bookings"))
    api.switch(order="updated")
    api.account.edit("bookings", newest[150], subject="edited")
    found = read_all(get, "/bookings", limit=30)
    assert ids(found)[0] == newest[150]
    assert sorted(ids(found)) == sorted(newest)
    moments = [times.parse(b["last_updated_time"]) for b in found if b.get("last_updated_time")]
    assert moments == sorted(moments, reverse=True)


@pytest.mark.parametrize(
    ("reading", "texts", "shift"),
    [
        ("times", ("{}", "{}T00:00:00.000Z", "{}T02:00:00+02:00"), 0),
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
    found = read_all(get, "/contacts", **{"last_updated_time.gt": edge})
    assert items[20] not in found  # strict
    api.switch(time_filters=reading)
    day = datetime.fromisoformat(edge[:10]).replace(tzinfo=timezone.utc) + timedelta(days=shift)
    first = (times.parse(f"{day:%Y-%m-%d}") or 0) - shift
    for text in texts:
        found = read_all(get, "/contacts", **{"last_updated_time.gt": text.format(edge[:10])})
        assert found == [i for i in items if (times.parse(i["last_updated_time"]) or 0) > first]


# --- what goes wrong as ordered


BODIES = ("half_json", "html", "empty", "not_json", "bom", "no_data")
SHAPES = ("data_null", "data_object", "data_string")
FAULTS = (*BODIES, *SHAPES, "reset", "close", "truncated", "timeout", 302, 429, 502)


@pytest.mark.parametrize("kind", FAULTS)
def test_fault_strikes_once(api: Sandbox, kind: t.Any) -> None:
    def first() -> t.Any:
        answer = requests.get(
            api.url + "/bookings", headers={"API-Key": KEY}, timeout=0.5, allow_redirects=False
        )
        data = json.loads(answer.content.decode())["data"]
        if not isinstance(data, list):
            raise TypeError
        return data[0]

    api.faults.add(kind, seconds=2)
    with pytest.raises((requests.RequestException, ValueError, KeyError, TypeError)):
        first()
    assert [entry.fault for entry in api.log] == [str(kind)]
    assert api.refused == 0  # only what the limits refused
    assert first()


def test_fault_strikes_where_and_when_it_is_ordered(api: Sandbox, get: Get) -> None:
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


@pytest.mark.parametrize(
    ("style", "form"), [("seconds", r"\d+"), ("date", ".* GMT"), (None, "None")]
)
def test_limits_say_when(style: t.Any, form: str) -> None:
    only = Limits(retry_after=style)
    with Sandbox(Account(bookings=1), KEY, limits=only) as api, asking(api) as get:
        api.use_up(200)
        answer = get("/teams")
        assert api.refused == api.count(status=429) == 1
    assert (answer.status_code, answer.json()["type"]) == (429, "rate_limit_error")
    assert re.fullmatch(form, str(answer.headers.get("Retry-After")))
