"""What goes wrong in the sandbox goes wrong as ordered."""

from __future__ import annotations

import json
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


@pytest.mark.parametrize("kind", ["half_json", "html", "empty", "not_json", "bom"])
def test_answers_that_are_no_json(api: Sandbox, get: Get, kind: str) -> None:
    api.faults.add(kind)
    answer = get("/bookings")
    assert answer.status_code == 200
    with pytest.raises((ValueError, UnicodeDecodeError)):
        json.loads(answer.content.decode())


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
    api.faults.add("500", "/bookings", times=2, after=1)
    assert get("/users").status_code == 200
    assert [get("/bookings").status_code for _ in range(4)] == [200, 500, 500, 200]
    api.faults.add("500", "/bookings/*", times=None)
    assert get("/bookings").status_code == 200
    assert get("/bookings/x").status_code == 500
    api.faults.clear()
    assert get("/bookings/x").status_code == 404
    api.faults.add("500", "/bookings", query="expand", times=None)
    assert get("/bookings").status_code == 200
    assert get("/bookings", expand="owner").status_code == 500
