"""Keys, paths and single objects in the sandbox."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import requests

from sandbox import Account, Sandbox
from tests.support.asking import KEY, read_all

if TYPE_CHECKING:
    from tests.support.asking import Get


@pytest.mark.parametrize("key", [None, "", "wrong", KEY + "x", "é"])
def test_the_key_is_needed(api: Sandbox, key: str | None) -> None:
    headers = {} if key is None else {"API-Key": key.encode()}
    answer = requests.get(api.url + "/test", headers=headers, timeout=10)
    assert answer.status_code == 401
    assert answer.json()["type"] == "authentication_error"
    assert answer.headers["Request-Id"]
    assert answer.headers["Date"]


def test_a_right_key_is_told_so(get: Get) -> None:
    assert re.match("The API key is valid for account", get("/test").json()["message"])


def test_a_plan_without_api_is_a_403(api: Sandbox, get: Get) -> None:
    api.switch(plan_without_api=True)
    answer = get("/test")
    assert answer.status_code == 403
    assert answer.json()["type"] == "authentication_error"


@pytest.mark.parametrize(
    "path", ["/nothing", "/bookings/", "/webhook-events", "/contacts/CTC-1", "/users/USR-1"]
)
def test_other_paths_are_a_404(get: Get, path: str) -> None:
    answer = get(path)
    assert answer.status_code == 404
    assert answer.json()["type"] == "invalid_request_error"


def test_paths_without_version_are_a_404(api: Sandbox, get: Get) -> None:
    assert get("/../bookings").status_code == 404
    root = api.url.removesuffix("/v2")
    answer = requests.get(f"{root}/bookings", headers={"API-Key": KEY}, timeout=10)
    assert answer.status_code == 404


def test_other_methods_are_refused(api: Sandbox) -> None:
    answer = requests.post(api.url + "/bookings", headers={"API-Key": KEY}, timeout=10)
    assert answer.status_code == 405


def test_one_booking_by_id(api: Sandbox, get: Get) -> None:
    booking = api.account.objects("bookings")[3]
    assert get(f"/bookings/{booking['id']}").json() == booking
    answer = get("/bookings/123")
    assert answer.status_code == 404
    assert answer.json() == {
        "type": "invalid_request_error",
        "message": "No such booking: '123'",
        "param": "id",
    }


def test_ids_are_expanded_on_demand(api: Sandbox, get: Get) -> None:
    booking = next(item for item in api.account.objects("bookings") if item.get("owner"))
    key = booking["owner"]
    for path in (f"/bookings/{booking['id']}", "/bookings?limit=100"):
        answer = get(path, expand="owner").json()
        items = answer.get("data", [answer])
        found = next(item for item in items if item["id"] == booking["id"])
        assert found["owner"] == api.account.object("users", key)
    assert get("/bookings", expand="contact").status_code == 400


def test_a_deleted_object_is_in_no_list_but_known_by_id(api: Sandbox, get: Get) -> None:
    key = api.account.objects("bookings")[3]["id"]
    api.account.delete("bookings", key)
    assert key not in {item["id"] for item in read_all(get, "/bookings")}
    expected = {"id": key, "object": "booking", "deleted": True}
    assert get(f"/bookings/{key}").json() == api.account.object("bookings", key) == expected


def test_a_redirect_to_another_host_shows_whether_the_key_came_along(
    api: Sandbox, get: Get
) -> None:
    with Sandbox(Account(bookings=1), key="other") as other:
        api.switch(redirect={"/bookings": other.url + "/bookings"})
        answer = get("/bookings", limit=1)
        assert answer.status_code == 302
        location = answer.headers["Location"]
        assert location == other.url + "/bookings?limit=1"
        requests.get(location, headers={"API-Key": KEY}, timeout=10)
        assert [entry.key_sent for entry in other.log] == [True]
        assert "api-key" not in other.log[0].headers


@pytest.mark.parametrize(
    ("shape", "envelope", "kind"),
    [
        ("objects", True, dict),
        ("strings", True, str),
        ("objects_array", False, dict),
        ("strings_array", False, str),
    ],
)
def test_webhook_events(api: Sandbox, get: Get, shape: str, *, envelope: bool, kind: str) -> None:
    api.switch(webhook_events=shape)
    answer = get("/webhook-events", limit=100).json()
    data = answer["data"] if envelope else answer
    assert len(data) == len(api.account.objects("webhook_events")) == 11
    assert all(isinstance(item, kind) for item in data)


def test_unknown_switches_are_refused(api: Sandbox) -> None:
    with pytest.raises(ValueError, match="unknown switch"):
        api.switch(nonsense=True)
    with pytest.raises(ValueError, match="deleted_cursor"):
        Sandbox(Account(bookings=0), deleted_cursor="500")
    with pytest.raises(ValueError, match="gzip"):
        api.switch(gzip="yes")


def test_gzip_is_a_matter_of_taste(api: Sandbox, get: Get) -> None:
    assert get("/bookings").headers["Content-Encoding"] == "gzip"
    api.switch(gzip=False)
    assert "Content-Encoding" not in get("/bookings").headers


def test_odd_characters_reach_the_client_as_valid_json(api: Sandbox, get: Get) -> None:
    api.switch(lone_surrogates=True, nul_characters=True)
    expected = api.account.objects("bookings")
    found = [get(f"/bookings/{item['id']}") for item in expected[:30]]
    assert [answer.json() for answer in found] == expected[:30]
    assert get("/bookings", limit=100).json()["data"] == expected[:100]
    assert any(b"\\ud83d" in answer.content for answer in found)
