"""The switches for what the facts leave open: each changes what a client sees."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from sandbox.data import times
from tests.support.asking import ids, read_all

if TYPE_CHECKING:
    from sandbox import Sandbox
    from tests.support.asking import Get


def updated(item: dict[str, object]) -> int:
    found = times.parse(item.get("last_updated_time"))
    return -(1 << 62) if found is None else found


def test_lists_by_last_update(api: Sandbox, get: Get) -> None:
    newest = ids(api.account.objects("bookings"))
    users = ids(api.account.objects("users"))
    api.switch(order="updated")
    edited = api.account.edit("bookings", newest[150], subject="edited")
    found = read_all(get, "/bookings", limit=30)
    assert found == api.account.objects("bookings")
    assert found[0]["id"] == edited
    assert sorted(ids(found)) == sorted(newest)
    moments = [updated(item) for item in found]
    assert moments == sorted(moments, reverse=True)
    # Where no object tells when it was edited, the server knows.
    api.account.edit("users", users[-1], last_name="Edited")
    assert ids(read_all(get, "/users", limit=2)) == [users[-1], *users[:-1]]


@pytest.mark.parametrize("order", ["created", "updated", "oldest"])
def test_a_cursor_that_left_the_list_is_refused(api: Sandbox, get: Get, order: str) -> None:
    api.switch(order=order)
    gone, left, stays = ids(read_all(get, "/bookings", status="completed"))[:3]
    api.account.delete("bookings", gone)
    api.account.edit("bookings", left, status="canceled")
    for key, status in ((gone, 400), (left, 400), (stays, 200)):
        assert get("/bookings", status="completed", after=key).status_code == status
    assert get("/bookings", after=left).status_code == 200


@pytest.mark.parametrize(("reading", "shift"), [("dates", 0), ("days", 1)])
def test_time_filters_can_take_dates_only(api: Sandbox, get: Get, reading: str, shift: int) -> None:
    items = [item for item in api.account.objects("contacts") if item.get("last_updated_time")]
    day = datetime.fromisoformat(items[20]["last_updated_time"][:10]).replace(tzinfo=timezone.utc)
    api.switch(time_filters=reading)
    for end in ("gt", "lt"):
        name = f"last_updated_time.{end}"
        answer = get("/contacts", **{name: f"{day:%Y-%m-%d}T00:00:00Z"})
        assert (answer.status_code, answer.json()["param"]) == (400, name)
    found = read_all(get, "/contacts", **{"last_updated_time.gt": f"{day:%Y-%m-%d}"})
    first = times.parse(f"{day + timedelta(days=shift):%Y-%m-%d}")
    assert ids(found) == [item["id"] for item in items if updated(item) > first - shift]


@pytest.mark.parametrize("status", [402, 404])
def test_parents_that_refuse_their_children(api: Sandbox, get: Get, status: int) -> None:
    api.switch(refusal=status)
    for child, stream, path in (
        ("booking_calendar_time_slots", "booking_calendars", "/booking-calendars/{}/time-slots"),
        ("user_scheduling_availability", "users", "/users/{}/scheduling-availability"),
        ("booking", "bookings", "/bookings/{}"),
        ("booking_calendar", "booking_calendars", "/booking-calendars/{}"),
    ):
        keys = ids(api.account.objects(stream))[:40]
        seen = {key: get(path.format(key)).status_code for key in keys}
        assert seen == {key: api.account.refusal(child, key) or 200 for key in keys}
        assert {status, 200} <= set(seen.values()) <= {status, 200, 404}


@pytest.mark.parametrize("prefix", ["", "data."])
def test_bookings_hold_whole_objects_on_demand(api: Sandbox, get: Get, prefix: str) -> None:
    account = api.account
    gone = next(item["owner"] for item in account.objects("bookings") if item.get("owner"))
    account.delete("users", gone)
    conversations = {item["id"]: item for item in account.conversations()}
    conversations |= {None: None}
    expand = f"{prefix}owner,contact,{prefix}conversation"
    for plain, whole in zip(
        account.objects("bookings"), read_all(get, "/bookings", expand=expand), strict=True
    ):
        expected = {
            "owner": account.object("users", plain.get("owner") or ""),
            "contact": account.object("contacts", plain.get("contact") or ""),
            "conversation": conversations[plain.get("conversation")],
        }
        assert whole == {**plain, **{name: expected[name] for name in expected if name in plain}}
    owners = [item.get("owner") for item in read_all(get, "/bookings", expand="owner")]
    assert {"id": gone, "object": "user", "deleted": True} in owners


def test_the_filter_by_host(api: Sandbox, get: Get) -> None:
    account = api.account
    bookings = account.objects("bookings")
    users = ids(account.objects("users"))
    for user in users:
        expected = [item["id"] for item in bookings if user in account.hosts_of(item["id"])]
        assert ids(read_all(get, "/bookings", host=user)) == expected
    hosts = [
        (item["owner"], account.hosts_of(item["id"])) for item in bookings if item.get("owner")
    ]
    assert any(owner not in found for owner, found in hosts)
    assert any(len(found) > 1 for _, found in hosts)
    key = bookings[30]["id"]
    account.assign(key, users[0], users[1])
    assert account.hosts_of(key) == (users[0], users[1])
    assert key in ids(read_all(get, "/bookings", host=users[1]))
    assert account.object("bookings", key)["owner"] == bookings[30]["owner"]
    account.delete("users", users[1])
    assert account.hosts_of(key) == (users[0],)
    assert read_all(get, "/bookings", host=users[1]) == []
