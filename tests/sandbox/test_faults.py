"""What goes wrong in the sandbox goes wrong as ordered."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest
import requests

from sandbox import Account, Sandbox
from tests.support.asking import KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.asking import Get


JSON_ERRORS = requests.exceptions.JSONDecodeError
CONNECTION = requests.exceptions.ConnectionError


@pytest.fixture
def api() -> Iterator[Sandbox]:
    with Sandbox(Account(seed=1, bookings=30), key=KEY) as sandbox:
        yield sandbox


@pytest.mark.parametrize("kind", ["reset", "close"])
def test_no_answer_at_all(api: Sandbox, get: Get, kind: str) -> None:
    api.faults.add(kind)
    with pytest.raises(CONNECTION) as caught:
        get("/bookings")
    assert ("reset" in str(caught.value)) == (kind == "reset")
    assert [(entry.status, entry.fault) for entry in api.log] == [(0, kind)]
    assert get("/bookings").status_code == 200


def test_an_answer_that_does_not_come_in_time(api: Sandbox) -> None:
    api.faults.add("timeout", seconds=5)
    with pytest.raises(requests.exceptions.ReadTimeout):
        requests.get(api.url + "/bookings", timeout=0.1)


def test_a_slow_answer(api: Sandbox, get: Get) -> None:
    api.faults.add("slow", seconds=0.3)
    started = time.monotonic()
    assert len(get("/bookings").json()["data"]) == 10
    assert time.monotonic() - started > 0.25


def test_a_truncated_answer(api: Sandbox, get: Get) -> None:
    api.faults.add("truncated")
    with pytest.raises((requests.exceptions.ChunkedEncodingError, CONNECTION)):
        get("/bookings")


@pytest.mark.parametrize("kind", ["half_json", "html", "empty", "not_json", "bom"])
def test_answers_that_are_no_json(api: Sandbox, get: Get, kind: str) -> None:
    api.faults.add(kind)
    answer = get("/bookings")
    assert answer.status_code == 200
    with pytest.raises((ValueError, UnicodeDecodeError)):
        json.loads(answer.content.decode())


@pytest.mark.parametrize(
    ("kind", "data", "has_more"),
    [
        ("no_data", "absent", False),
        ("data_null", None, False),
        ("data_object", dict, False),
        ("data_string", str, False),
        ("more_but_empty", [], True),
    ],
)
def test_answers_without_objects(
    api: Sandbox, get: Get, kind: str, data: object, *, has_more: bool
) -> None:
    api.faults.add(kind)
    answer = get("/bookings").json()
    found = answer.get("data", "absent")
    assert found == data or (isinstance(data, type) and isinstance(found, data))
    assert answer["has_more"] is has_more


def test_the_same_page_again(api: Sandbox, get: Get) -> None:
    api.faults.add("same_page", times=None)
    first = get("/bookings").json()
    second = get("/bookings", after=first["data"][-1]["id"]).json()
    assert first == second


def test_pages_in_a_circle(api: Sandbox, get: Get) -> None:
    api.faults.add("cycle", times=None)
    pages, cursor = [], {}
    for _ in range(6):
        answer = get("/bookings", **cursor).json()
        assert answer["has_more"] is True
        pages.append(answer["data"])
        cursor = {"after": answer["data"][-1]["id"]}
    assert pages[0] == pages[2] == pages[4] != pages[1] == pages[3] == pages[5]


@pytest.mark.parametrize("status", [302, 400, 429, 500, 502, 599])
def test_statuses(api: Sandbox, get: Get, status: int) -> None:
    api.faults.add(status, retry_after="7")
    answer = get("/bookings")
    assert answer.status_code == status
    assert answer.headers["Retry-After"] == "7"
    emails = {item.get("email") for item in api.account.objects("contacts")}
    assert api.account.customer_email in emails
    assert api.account.customer_email in answer.text
    assert answer.text.startswith("<html>") == (status == 502)
    # Only what the limits refused is counted as refused.
    assert api.refused == 0


def test_where_and_when(api: Sandbox, get: Get) -> None:
    fault = api.faults.add("500", "/bookings", times=2, after=1)
    assert get("/users").status_code == 200
    assert [get("/bookings").status_code for _ in range(4)] == [200, 500, 500, 200]
    assert fault.hits == 2
    api.faults.add("500", "/bookings/*", times=None)
    assert get("/bookings").status_code == 200
    assert get("/bookings/x").status_code == 500
    api.faults.clear()
    assert get("/bookings/x").status_code == 404


def test_by_chance_but_reproducibly(api: Sandbox, get: Get) -> None:
    def statuses() -> list[int]:
        api.faults.clear()
        api.faults.add("500", times=None, probability=0.5, seed=4)
        return [get("/teams").status_code for _ in range(20)]

    first = statuses()
    assert first == statuses()
    assert set(first) == {200, 500}
