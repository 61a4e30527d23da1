"""The life of a booking, as the facts have it: what the objects of an account say together."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from sandbox import Account, Sandbox
from tests.support.asking import KEY, NOW, asking, ids, read_all

if TYPE_CHECKING:
    from tests.support.asking import Get, Objects

MOMENT = datetime.fromisoformat(NOW.replace("Z", "+00:00"))
FINAL = {"completed", "no_show", "canceled"}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


@pytest.fixture(scope="module")
def bookings() -> Objects:
    return Account(seed=1, bookings=2000, nasty=False, now=NOW).objects("bookings")


def test_rescheduled_is_ahead_and_final_statuses_are_not(bookings: Objects) -> None:
    for booking in bookings:
        end = at(booking["starting_time"]) + timedelta(minutes=booking["duration_minutes"])
        if booking["status"] == "rescheduled":
            assert at(booking["starting_time"]) > MOMENT
        if booking["status"] in {"completed", "no_show"}:
            assert end <= MOMENT
        assert at(booking["creation_time"]) <= at(booking["last_updated_time"]) <= MOMENT
    assert {b["status"] for b in bookings} == {*FINAL, "requested", "scheduled", "rescheduled"}


def test_links_lead_from_newer_bookings_to_earlier_canceled_ones(bookings: Objects) -> None:
    by_id = {booking["id"]: booking for booking in bookings}
    linked = [booking for booking in bookings if booking["rescheduled_booking_id"]]
    for booking in linked:
        earlier = by_id[booking["rescheduled_booking_id"]]
        assert earlier["status"] == "canceled"
        assert earlier["contact"] == booking["contact"]
        assert at(earlier["creation_time"]) < at(booking["creation_time"])
        assert earlier["last_updated_time"][:19] == booking["creation_time"][:19]
        assert booking["payment_information"] is None
        assert booking["status"] != "scheduled" or at(booking["starting_time"]) <= MOMENT
    earlier = [by_id[booking["rescheduled_booking_id"]] for booking in linked]
    assert len(set(ids(earlier))) == len(earlier)
    assert any(booking["payment_information"] for booking in earlier)
    assert any(booking["rescheduled_booking_id"] for booking in earlier)


def trashed(get: Get) -> set[str]:
    return {item["id"] for item in read_all(get, "/bookings") if item["in_trash"]}


def test_the_trash_is_emptied_after_thirty_days() -> None:
    account = Account(seed=1, bookings=600, nasty=False)
    with Sandbox(account, key=KEY) as api, asking(api) as get:
        before = trashed(get)
        assert 1 < len(before) < 60
        put, restored = ids(account.objects("bookings"))[-2:]
        account.edit("bookings", put, in_trash=True)
        account.edit("bookings", restored, in_trash=True)
        api.clock.offset_seconds = 29.9 * 86_400
        account.edit("bookings", restored, in_trash=False)
        assert trashed(get) == {put}
        api.clock.offset_seconds = 31 * 86_400
        assert trashed(get) == set()
        every = set(ids(read_all(get, "/bookings")))
        assert restored in every
        assert not every & {*before, put}
        key = before.pop()
        redacted = {"id": key, "object": "booking", "deleted": True}
        assert get(f"/bookings/{key}").json() == redacted
        api.switch(deleted_is_404=True)
        assert get(f"/bookings/{key}").status_code == 404
