"""The made-up accounts: reproducible, as the facts have them, and difficult."""

import json
import random
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

FIELDS = json.loads((Path(__file__).parents[1] / "contract/api_fields.json").read_text())
UPDATED = "last_updated_time"
NOT_IN_LISTS = {"cancel_reschedule_url", "terms_of_service"}
"""Of webhooks only, and the other spelling."""


def test_same_seed_gives_the_same_objects_and_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(times.time, "time_ns", lambda: 1_900_000_000 * 10**9)
    accounts = [Account(seed=seed, bookings=100, now=NOW) for seed in (1, 1, 2)]
    for _ in range(2):
        one, same, other = map(dump, accounts)
        assert one == same != other
        for account in accounts:
            account.random_changes(random.Random(5), edits=5, adds=5, deletes=5)
    assert dump(accounts[0]) == dump(accounts[1]) != one


def test_add_edit_delete() -> None:
    account = Account(seed=1, bookings=20, contacts=3, users=0, now=NOW)
    assert [len(account.objects(name)) for name in ("contacts", "users")] == [3, 0]
    (new,) = account.add("bookings", subject="new")
    found = account.objects("bookings")
    assert (found[0]["id"], found[0]["subject"], len(found)) == (new, "new", 21)
    key = account.edit("bookings", found[4]["id"], subject="edited")
    edited = account.object("bookings", key)
    assert edited == {**found[4], "subject": "edited", "last_updated_time": edited[UPDATED]}
    assert edited[UPDATED] > NOW
    account.delete("bookings", key)
    with pytest.raises(KeyError):
        account.edit("bookings", key)
    assert len(account.objects("bookings")) == 20


def test_plain_accounts_have_all_documented_fields_and_no_others() -> None:
    for stream, items in dump(Account(seed=1, bookings=50, nasty=False)).items():
        documented = {name.partition(".")[0].removesuffix("[]") for name in FIELDS[stream]}
        assert all(item.keys() == documented - NOT_IN_LISTS for item in items), stream


def at(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def test_bookings_live_as_the_facts_have_it() -> None:
    bookings = Account(seed=1, bookings=2000, nasty=False, now=NOW).objects("bookings")
    by_id = {b["id"]: b for b in bookings}
    now, linked = at(NOW), []
    for b in bookings:
        status, start = b["status"], at(b["starting_time"])
        assert status != "rescheduled" or start > now
        if status in {"completed", "no_show"}:
            assert start + timedelta(minutes=b["duration_minutes"]) <= now
        assert b["cancel_reschedule_information"] or status not in {"canceled", "rescheduled"}
        assert b["creation_time"][:19] <= b[UPDATED][:19] <= NOW[:19]
        if earlier := by_id.get(b["rescheduled_booking_id"]):
            linked.append(earlier)
            assert (earlier["status"], earlier["contact"]) == ("canceled", b["contact"])
            assert at(earlier["creation_time"]) < at(b["creation_time"])
            assert b["payment_information"] is None
    assert len({earlier["id"] for earlier in linked}) == len(linked)
    assert any(earlier["payment_information"] for earlier in linked)
    assert any(earlier["rescheduled_booking_id"] for earlier in linked)
    calendars = [b for b in bookings if b["booking_calendar"]]
    seats = Counter((b["booking_calendar"], b["starting_time"], b["owner"]) for b in calendars)
    assert Counter(seats.values())[4] > 10  # a booking for each guest of a session


def test_difficult_values_are_somewhere() -> None:
    account, wrong = (Account(seed=1, bookings=1200, now=NOW) for _ in range(2))
    wrong.set_switches(Switches(wrong_types=True))
    bookings, contacts = account.objects("bookings"), account.objects("contacts")
    texts = json.dumps(contacts[:600], ensure_ascii=False)
    assert all(json.dumps(text, ensure_ascii=False)[1:-1] in texts for text in nasty.TEXTS)
    assert max(len(encode(item)) for item in bookings) > 100_000
    assert {n for b in bookings for n in b}.issuperset(name for name, _ in nasty.UNKNOWN)
    spoilt = wrong.objects("bookings")
    for name, kind in kinds("bookings").items():
        assert any(name not in item for item in bookings), name
        assert any(item.get(name, "") is None for item in bookings), name
        seen = {encode(item.get(name)) for item in spoilt}
        assert seen.issuperset(encode(value) for value in nasty.WRONG[kind]), name
    for name in ("id", *STREAMS["bookings"].times):
        assert [b.get(name) for b in spoilt] == [b.get(name) for b in bookings]
