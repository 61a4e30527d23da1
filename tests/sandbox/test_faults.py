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


@pytest.fixture
def api() -> Iterator[Sandbox]:
    with Sandbox(Account(seed=1, bookings=30), key=KEY) as sandbox:
        yield sandbox


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("reset", requests.exceptions.ConnectionError),
        ("close", requests.exceptions.ConnectionError),
        ("truncated", requests.exceptions.ChunkedEncodingError),
        ("timeout", requests.exceptions.ReadTimeout),
    ],
)
def test_no_whole_answer(api: Sandbox, kind: str, error: type[Exception]) -> None:
    api.faults.add(kind, seconds=5)
    with pytest.raises(error) as caught:
        requests.get(api.url + "/bookings", headers={"API-Key": KEY}, timeout=0.5)
    assert ("reset" in str(caught.value)) == (kind == "reset")
    assert [entry.fault for entry in api.log] == [kind]


def test_a_slow_answer(api: Sandbox, get: Get) -> None:
    api.faults.add("slow", seconds=0.3)
    started = time.monotonic()
    assert len(get("/bookings").json()["data"]) == 10
    assert time.monotonic() - started > 0.25


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


@pytest.mark.parametrize("kind", ["same_page", "cycle"])
def test_pages_that_lead_nowhere(api: Sandbox, get: Get, kind: str) -> None:
    api.faults.add(kind, times=None)
    pages, cursor = [], {}
    for _ in range(6):
        answer = get("/bookings", **cursor).json()
        assert answer["has_more"] is True
        pages.append(answer["data"])
        cursor = {"after": answer["data"][-1]["id"]}
    assert pages[:2] * 2 == pages[2:]
    assert (pages[0] == pages[1]) == (kind == "same_page")


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
