"""Pages, cursors, links, parameters and filters of the sandbox's lists."""

from __future__ import annotations

from http.client import HTTPConnection
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from sandbox.streams import STREAMS
from tests.support.asking import KEY, ids, read_all

if TYPE_CHECKING:
    from sandbox import Sandbox
    from tests.support.asking import Get


@pytest.mark.parametrize("stream", STREAMS)
def test_lists_give_the_accounts_objects(api: Sandbox, get: Get, stream: str) -> None:
    expected = api.account.objects(stream)
    assert read_all(get, STREAMS[stream].path, limit=7) == expected
    assert all(item["id"].startswith(STREAMS[stream].prefix + "-") for item in expected)


def test_ten_objects_are_a_page_unless_more_are_asked_for(get: Get) -> None:
    answer = get("/bookings").json()
    assert (len(answer["data"]), answer["object"], answer["has_more"]) == (10, "list", True)


@pytest.mark.parametrize(
    ("path", "query", "param"),
    [
        ("/bookings", "limit=101", "limit"),
        ("/bookings", "limit=x", "limit"),
        ("/bookings", "page=2", "page"),
        ("/users", "creation_time.gt=2024-01-01", "creation_time.gt"),
        ("/contacts", "status=x", "status"),
        ("/bookings", "expand=conversation,booking_page", "expand"),
        ("/bookings", "starting_time.lt=2024-13-01", "starting_time.lt"),
        ("/bookings", "limit=1&limit=2", "limit"),
        ("/bookings", "&", None),
    ],
)
def test_wrong_parameters_are_refused(
    api: Sandbox, path: str, query: str, param: str | None
) -> None:
    # Not with requests, which repairs some of them.
    connection = HTTPConnection("127.0.0.1", urlsplit(api.url).port, timeout=10)
    connection.request("GET", f"/v2{path}?{query}", headers={"API-Key": KEY})
    answer = connection.getresponse()
    assert answer.status == 400
    body = answer.read().decode()
    assert '"type":"invalid_request_error"' in body
    assert param is None or f'"param":"{param}"' in body
    connection.close()


@pytest.mark.parametrize(
    ("policy", "status", "first"),
    [
        ("400", 400, None),
        ("404", 404, None),
        ("start", 200, 0),
        ("empty", 200, None),
        ("position", 200, 6),
    ],
)
def test_a_deleted_cursor(
    api: Sandbox, get: Get, policy: str, status: int, first: int | None
) -> None:
    keys = ids(api.account.objects("contacts"))
    api.account.delete("contacts", keys[5])
    api.switch(deleted_cursor=policy)
    answer = get("/contacts", after=keys[5], limit=2)
    assert answer.status_code == status
    if status == 200:
        assert ids(answer.json()["data"]) == ([] if first is None else keys[first : first + 2])
    else:
        assert answer.json()["param"] == "after"
    unknown = {"404": 404, "start": 200, "empty": 200}.get(policy, 400)
    assert get("/contacts", after="CTC-0").status_code == unknown


def test_link_header(api: Sandbox, get: Get) -> None:
    keys = ids(api.account.objects("bookings"))
    answer = get("/bookings", limit=10, after=keys[9], **{"creation_time.gt": "2001-01-01"})
    root = api.url.removesuffix("/v2")
    assert answer.links["next"]["url"].startswith(f"{root}/bookings?")
    assert f"after={keys[19]}" in answer.links["next"]["url"]
    assert "creation_time.gt=2001-01-01" in answer.links["next"]["url"]
    assert f"before={keys[10]}" in answer.links["previous"]["url"]
    assert "Link" not in get("/teams", limit=100).headers
    api.switch(link_with_v2=True)
    answer = get("/bookings")
    assert get(answer.links["next"]["url"].removeprefix(api.url)).status_code == 200


def test_time_filters_are_strict(api: Sandbox, get: Get) -> None:
    shown = [item for item in api.account.objects("bookings") if item.get("creation_time")]
    middle = shown[100]["creation_time"]
    later = read_all(get, "/bookings", **{"creation_time.gt": middle})
    earlier = read_all(get, "/bookings", **{"creation_time.lt": middle})
    equal = [item for item in shown if item["creation_time"] == middle]
    assert len(later) + len(equal) + len(earlier) == len(shown)
    assert not {*ids(equal)} & {*ids(later + earlier)}


def test_filters_for_equality(api: Sandbox, get: Get) -> None:
    for stream, path, names in (
        ("bookings", "/bookings", ("owner", "contact", "booking_page", "master_page",
                                   "event_type", "booking_calendar", "status")),
        ("booking_calendars", "/booking-calendars", ("host",)),
        ("sms_notifications", "/notifications/sms", ("recipient", "recipient_type")),
        ("contacts", "/contacts", ("email",)),
    ):  # fmt: skip
        objects = api.account.objects(stream)
        for name in names:
            value = next(item[name] for item in objects if item.get(name))
            expected = [item for item in objects if item.get(name) == value]
            assert read_all(get, path, **{name: value}) == expected
    user = next(item for item in api.account.objects("users") if item.get("teams"))
    assert sorted(ids(read_all(get, "/teams", user=user["id"]))) == sorted(user["teams"])
