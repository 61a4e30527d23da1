"""Parameters and filters of the sandbox's lists."""

from __future__ import annotations

from http.client import HTTPConnection
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.support.asking import KEY, read_all

if TYPE_CHECKING:
    from sandbox import Sandbox
    from tests.support.asking import Get


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/bookings", "page=2"),
        ("/users", "creation_time.gt=2024-01-01"),
        ("/notifications/sms", "last_updated_time.gt=2024-01-01"),
        ("/contacts", "status=x"),
        ("/test", "limit=1"),
    ],
)
def test_unknown_parameters_are_refused(get: Get, path: str, query: str) -> None:
    name = query.partition("=")[0]
    answer = get(f"{path}?{query}")
    assert answer.status_code == 400
    assert answer.json()["message"] == f"Received unknown parameter: {name}"


@pytest.mark.parametrize(
    "query", ["limit", "&", "limit=1&limit=2", "status=%zz", "status=%ff", "=1"]
)
def test_malformed_queries_are_refused(api: Sandbox, query: str) -> None:
    # Not with requests, which repairs them.
    connection = HTTPConnection("127.0.0.1", urlsplit(api.url).port, timeout=10)
    connection.request("GET", f"/v2/bookings?{query}", headers={"API-Key": KEY})
    assert connection.getresponse().status == 400
    connection.close()


def test_time_filters_are_strict(api: Sandbox, get: Get) -> None:
    shown = [item for item in api.account.objects("bookings") if item.get("creation_time")]
    middle = shown[100]["creation_time"]
    later = read_all(get, "/bookings", **{"creation_time.gt": middle})
    earlier = read_all(get, "/bookings", **{"creation_time.lt": middle})
    equal = [item for item in shown if item["creation_time"] == middle]
    assert len(later) + len(equal) + len(earlier) == len(shown)
    assert not {item["id"] for item in equal} & {item["id"] for item in later + earlier}


def test_time_filters_take_dates_and_offsets(get: Get) -> None:
    def count(text: str) -> list[str]:
        return [item["id"] for item in read_all(get, "/contacts", **{"creation_time.gt": text})]

    expected = count("2025-03-04")
    assert expected
    assert count("2025-03-04T00:00:00Z") == count("2025-03-04T02:00:00.000+02:00") == expected


@pytest.mark.parametrize(
    "text", ["yesterday", "", "2024-13-01", "2024-01-01T00:00:00 02:00", "1700000000"]
)
def test_other_times_are_refused(get: Get, text: str) -> None:
    answer = get("/bookings", **{"starting_time.lt": text})
    assert answer.status_code == 400
    assert answer.json()["param"] == "starting_time.lt"


def test_a_range_that_ends_before_it_begins_is_refused(get: Get) -> None:
    query = {"creation_time.gt": "2025-01-02", "creation_time.lt": "2025-01-01"}
    assert get("/bookings", **query).status_code == 400


def test_several_time_filters(api: Sandbox, get: Get) -> None:
    query = {"creation_time.gt": "2025-01-01", "last_updated_time.lt": "2025-06-01"}
    found = read_all(get, "/contacts", **query)
    both = [
        item
        for item in api.account.objects("contacts")
        if (item.get("creation_time") or "") > "2025-01-01T00:00:00Z"
        and (item.get("last_updated_time") or "9") < "2025-06-01"
    ]
    assert found == both


def test_filters_for_equality(api: Sandbox, get: Get) -> None:
    bookings = api.account.objects("bookings")
    owner = next(item["owner"] for item in bookings if item.get("owner"))
    found = read_all(get, "/bookings", owner=owner, status="completed")
    assert found == [
        item
        for item in bookings
        if item.get("owner") == owner and item.get("status") == "completed"
    ]
    user = next(item for item in api.account.objects("users") if item.get("teams"))
    teams = read_all(get, "/teams", user=user["id"])
    assert sorted(team["id"] for team in teams) == sorted(user["teams"])
