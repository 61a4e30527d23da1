"""Time slots and working hours in the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox import Account, Sandbox
from tests.support.asking import KEY, NOW, asking, ids

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.asking import Get

WEEK = {"start_time": "2026-04-06T00:00:00Z", "end_time": "2026-04-13T00:00:00Z"}


@pytest.fixture(scope="module")
def api() -> Iterator[Sandbox]:
    with Sandbox(Account(seed=3, bookings=2000, now=NOW), key=KEY) as sandbox:
        yield sandbox


@pytest.fixture
def get(api: Sandbox) -> Iterator[Get]:
    api.switch(time_slots_envelope="array")
    with asking(api) as get:
        yield get


@pytest.fixture
def calendar(api: Sandbox) -> str:
    return next(
        item["id"]
        for item in api.account.objects("booking_calendars")
        if api.account.time_slots(item["id"], *WEEK.values())
    )


def slots_path(calendar: str) -> str:
    return f"/booking-calendars/{calendar}/time-slots"


def test_slots_are_a_bare_array_or_in_an_envelope(api: Sandbox, get: Get, calendar: str) -> None:
    expected = api.account.time_slots(calendar, *WEEK.values())
    assert get(slots_path(calendar), **WEEK).json() == expected
    assert expected[0]["start_time"].endswith(":00.000Z")
    api.switch(time_slots_envelope="data")
    assert get(slots_path(calendar), **WEEK).json() == {"data": expected}


def test_all_kinds_of_refusals_occur(api: Sandbox, get: Get) -> None:
    keys = ids(api.account.objects("booking_calendars"))
    assert {get(slots_path(key), **WEEK).status_code for key in keys} == {200, 402, 422}
    assert get(slots_path("BKC-1"), **WEEK).status_code == 404


@pytest.mark.parametrize(
    ("end", "status"),
    [
        ("2026-05-01T00:00:00Z", 200),
        ("2026-05-01T00:00:01Z", 400),
        ("2026-03-31T00:00:00Z", 400),
        ("soon", 400),
    ],
)
def test_the_range_is_at_most_thirty_days(get: Get, calendar: str, end: str, status: int) -> None:
    query = {"start_time": "2026-04-01T00:00:00Z", "end_time": end}
    assert get(slots_path(calendar), **query).status_code == status


def test_working_hours(api: Sandbox, get: Get) -> None:
    kinds = set()
    for user in api.account.objects("users"):
        answer = get(f"/users/{user['id']}/scheduling-availability")
        expected = api.account.scheduling_availability(user["id"])
        kinds.add(answer.status_code if expected is None else bool(expected))
        if expected is not None:
            assert answer.json() == expected
    assert kinds == {404, False, True}
    assert get("/users/USR-1/scheduling-availability").status_code == 404
