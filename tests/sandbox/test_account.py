"""The made-up accounts: reproducible, as the facts have them, and difficult."""

from __future__ import annotations

import json
import random
import typing as t
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from sandbox import Account
from sandbox.answers import encode
from sandbox.data import nasty, times
from sandbox.data.makers import kinds
from sandbox.streams import STREAMS
from sandbox.switches import Switches
from tests.support.asking import NOW, dump

if t.TYPE_CHECKING:
    from tests.support.asking import Objects

FIELDS = json.loads((Path(__file__).parents[1] / "contract/api_fields.json").read_text())
NOT_IN_LISTS = {"cancel_reschedule_url", "terms_of_service"}
"""Of webhooks only, and the other spelling."""


def test_same_seed_gives_the_same_objects_and_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(times.time, "time_ns", lambda: 1_900_000_000 * 10**9)

    def made(seed: int, changes: int = 0) -> dict[str, Objects]:
        account = Account(seed=seed, bookings=100, now=NOW)
        account.random_changes(random.Random(5), edits=changes, adds=changes, deletes=changes)
        return dump(account)

    assert made(1) == made(1) != made(2)
    assert made(1) != made(1, 5) == made(1, 5)
    some = Account(bookings=10, contacts=3, users=0)
    assert [len(some.objects(name)) for name in ("bookings", "contacts", "users")] == [10, 3, 0]
    assert all(not isinstance(item.get("owner"), str) for item in some.objects("bookings"))
    with pytest.raises(ValueError, match="no such list: user"):
        Account(user=1)


def test_add_edit_delete() -> None:
    account = Account(seed=1, bookings=20, now=NOW)
    before = account.objects("bookings")
    keys = account.add("bookings", n=2, subject="new")
    assert [(b["id"], b["subject"]) for b in account.objects("bookings")[:2]] == [
        (key, "new") for key in keys[::-1]
    ]
    key = account.edit("bookings", before[4]["id"], subject="edited")
    edited = account.object("bookings", key)
    assert edited == {**before[4], "subject": "edited"} | {
        "last_updated_time": edited["last_updated_time"]
    }
    assert edited["last_updated_time"] > NOW
    account.delete("bookings", key)
    with pytest.raises(KeyError):
        account.edit("bookings", key)
    assert len(account.objects("bookings")) == 21


def test_plain_accounts_have_all_documented_fields_and_no_others() -> None:
    for stream, items in dump(Account(seed=1, bookings=50, nasty=False)).items():
        documented = {name.partition(".")[0].removesuffix("[]") for name in FIELDS[stream]}
        assert all(item.keys() == documented - NOT_IN_LISTS for item in items), stream


# --- the life of a booking


@pytest.fixture(scope="module")
def bookings() -> Objects:
    return Account(seed=1, bookings=2000, nasty=False, now=NOW).objects("bookings")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def test_statuses_fit_their_times(bookings: Objects) -> None:
    for b in bookings:
        end = at(b["starting_time"]) + timedelta(minutes=b["duration_minutes"])
        if b["status"] == "rescheduled":
            assert at(b["starting_time"]) > at(NOW)
        if b["status"] in {"completed", "no_show"}:
            assert end <= at(NOW)
        if b["status"] in {"canceled", "rescheduled"}:
            assert b["cancel_reschedule_information"]
        assert b["creation_time"][:19] <= b["last_updated_time"][:19] <= NOW[:19]
    final = {"completed", "no_show", "canceled"}
    assert {b["status"] for b in bookings} == {*final, "requested", "scheduled", "rescheduled"}
    moved = [b for b in bookings if b["cancel_reschedule_information"]]
    assert any(b["status"] == "rescheduled" and not b["rescheduled_booking_id"] for b in moved)
    assert any(b["form_submission"] is None for b in bookings)


def test_links_lead_to_earlier_canceled_bookings(bookings: Objects) -> None:
    by_id = {b["id"]: b for b in bookings}
    linked = [(b, by_id[b["rescheduled_booking_id"]]) for b in bookings
              if b["rescheduled_booking_id"]]  # fmt: skip
    for b, earlier in linked:
        assert (earlier["status"], earlier["contact"]) == ("canceled", b["contact"])
        assert at(earlier["creation_time"]) < at(b["creation_time"])
        assert earlier["last_updated_time"][:19] == b["creation_time"][:19]
        assert b["payment_information"] is None
    assert len({earlier["id"] for _, earlier in linked}) == len(linked)
    assert any(earlier["payment_information"] for _, earlier in linked)
    assert any(earlier["rescheduled_booking_id"] for _, earlier in linked)
    calendars = [b for b in bookings if b["booking_calendar"]]
    seats = Counter((b["booking_calendar"], b["starting_time"], b["owner"]) for b in calendars)
    assert Counter(seats.values())[4] > 10  # a booking for each guest of a session


# --- difficult data


def walk(value: object) -> t.Iterator[object]:
    yield value
    for item in value.values() if isinstance(value, dict) else ():
        yield from walk(item)


def test_difficult_values_are_somewhere() -> None:
    account, wrong = (Account(seed=1, bookings=1200, now=NOW) for _ in range(2))
    wrong.set_switches(Switches(wrong_types=True))
    bookings, contacts = account.objects("bookings"), account.objects("contacts")
    texts = {value for item in contacts[:600] for value in walk(item) if isinstance(value, str)}
    assert texts.issuperset(nasty.TEXTS)
    assert max(len(encode(item)) for item in bookings) > 100_000
    assert {n for b in bookings for n in b}.issuperset(name for name, _ in nasty.UNKNOWN)
    for name in kinds("bookings"):
        assert any(name not in item for item in bookings), name
        assert any(item.get(name, "") is None for item in bookings), name
    spoilt = wrong.objects("bookings")
    for name, kind in kinds("bookings").items():
        seen = {encode(item.get(name)) for item in spoilt}
        assert seen.issuperset(encode(value) for value in nasty.WRONG[kind]), name
    for name in ("id", *STREAMS["bookings"].times):
        assert [b.get(name) for b in spoilt] == [b.get(name) for b in bookings]
