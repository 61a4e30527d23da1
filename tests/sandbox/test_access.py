"""Keys, paths and single objects in the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

from tests.support.asking import KEY, read_all

if TYPE_CHECKING:
    from sandbox import Sandbox
    from tests.support.asking import Get


@pytest.mark.parametrize("key", [None, "", "wrong", KEY + "x", "é"])
def test_the_key_is_needed(api: Sandbox, key: str | None) -> None:
    headers = {} if key is None else {"API-Key": key.encode()}
    answer = requests.get(api.url + "/test", headers=headers, timeout=10)
    assert (answer.status_code, answer.json()["type"]) == (401, "authentication_error")
    assert {"Request-Id", "Date"} <= answer.headers.keys()


@pytest.mark.parametrize(
    ("switch", "refused"),
    [
        ("plan_without_api", {"/test", "/bookings", "/notifications/sms"}),
        ("plan_without_sms", {"/notifications/sms"}),
    ],
)
def test_a_plan_may_lack_something(api: Sandbox, get: Get, switch: str, refused: set[str]) -> None:
    assert get("/test").json() == {"message": "The API key is valid for account: Sandbox"}
    api.switch(**{switch: True})
    for path in ("/test", "/bookings", "/notifications/sms"):
        assert get(path).status_code == (403 if path in refused else 200)


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/bookings/",
        "/webhook-events",
        "/contacts/CTC-1",
        "/users/USR-1",
        "/../bookings",
    ],
)
def test_other_paths_are_a_404(get: Get, path: str) -> None:
    answer = get(path)
    assert (answer.status_code, answer.json()["type"]) == (404, "invalid_request_error")


def test_one_booking_by_id_deleted_or_not(api: Sandbox, get: Get) -> None:
    booking = api.account.objects("bookings")[3]
    assert get(f"/bookings/{booking['id']}").json() == booking
    api.account.delete("bookings", booking["id"])
    assert booking["id"] not in {item["id"] for item in read_all(get, "/bookings")}
    expected = {"id": booking["id"], "object": "booking", "deleted": True}
    assert get(f"/bookings/{booking['id']}").json() == expected
    answer = get("/bookings/123")
    assert answer.status_code == 404
    assert answer.json() == {
        "type": "invalid_request_error",
        "message": "No such booking: '123'",
        "param": "id",
    }
