"""Pages, cursors and links of the sandbox's lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox import Account, Sandbox
from sandbox.streams import STREAMS
from tests.support.asking import NOW, read_all

if TYPE_CHECKING:
    from tests.support.asking import Get


@pytest.mark.parametrize("stream", STREAMS)
def test_lists_give_the_accounts_objects(api: Sandbox, get: Get, stream: str) -> None:
    expected = api.account.objects(stream)
    assert read_all(get, STREAMS[stream].path, limit=7) == expected
    assert all(item["id"].startswith(STREAMS[stream].prefix + "-") for item in expected)


def test_default_limit_is_ten(get: Get) -> None:
    answer = get("/bookings").json()
    assert (len(answer["data"]), answer["object"], answer["has_more"]) == (10, "list", True)


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "", "1.0", "10 "])
def test_limit_out_of_range_is_refused(get: Get, limit: str) -> None:
    answer = get("/bookings", limit=limit)
    assert answer.status_code == 400
    assert answer.json()["type"] == "invalid_request_error"
    assert answer.json()["param"] == "limit"


def test_one_hundred_is_the_largest_page(get: Get) -> None:
    assert len(get("/bookings", limit=100).json()["data"]) == 100


def test_pages_cost_as_many_requests_as_needed(api: Sandbox, get: Get) -> None:
    read_all(get, "/bookings")
    assert api.count("/bookings") == api.count("/v2/bookings", status=200) == 3
    assert api.log[1].query["limit"] == "100"


def test_before_gives_the_page_in_front_of_an_object(api: Sandbox, get: Get) -> None:
    ids = [item["id"] for item in api.account.objects("bookings")]
    answer = get("/bookings", limit=10, before=ids[25]).json()
    assert [item["id"] for item in answer["data"]] == ids[15:25]
    assert answer["has_more"] is True
    answer = get("/bookings", limit=10, before=ids[5]).json()
    assert [item["id"] for item in answer["data"]] == ids[:5]
    assert answer["has_more"] is False


def test_both_cursors_at_once_are_refused(api: Sandbox, get: Get) -> None:
    key = api.account.objects("bookings")[0]["id"]
    assert get("/bookings", after=key, before=key).status_code == 400


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
    ids = [item["id"] for item in api.account.objects("contacts")]
    api.account.delete("contacts", ids[5])
    api.switch(deleted_cursor=policy)
    answer = get("/contacts", after=ids[5], limit=2)
    assert answer.status_code == status
    if status == 200:
        assert [item["id"] for item in answer.json()["data"]] == (
            [] if first is None else ids[first : first + 2]
        )
    else:
        assert answer.json()["param"] == "after"


def test_the_cursor_of_another_account_is_refused(get: Get) -> None:
    other = Account(seed=2, bookings=250, now=NOW).objects("bookings")[0]["id"]
    assert get("/bookings", after=other).status_code == 400


def test_link_header(api: Sandbox, get: Get) -> None:
    ids = [item["id"] for item in api.account.objects("bookings")]
    answer = get("/bookings", limit=10, after=ids[9], **{"creation_time.gt": "2001-01-01"})
    root = api.url.removesuffix("/v2")
    assert answer.links["next"]["url"].startswith(f"{root}/bookings?")
    assert f"after={ids[19]}" in answer.links["next"]["url"]
    assert "creation_time.gt=2001-01-01" in answer.links["next"]["url"]
    assert f"before={ids[10]}" in answer.links["previous"]["url"]
    assert "Link" not in get("/teams", limit=100).headers


def test_link_header_with_version(api: Sandbox, get: Get) -> None:
    api.switch(link_with_v2=True)
    answer = get("/bookings")
    assert get(answer.links["next"]["url"].removeprefix(api.url)).status_code == 200


def test_has_more_and_link_can_be_absent(api: Sandbox, get: Get) -> None:
    assert "has_more" not in get("/notifications/sms").json()
    api.switch(sms_has_more=True)
    assert get("/notifications/sms").json()["has_more"] is True
    api.switch(has_more=False, link=False)
    answer = get("/bookings")
    assert answer.json().keys() == {"object", "data"}
    assert "Link" not in answer.headers
