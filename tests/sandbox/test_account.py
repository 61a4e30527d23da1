"""The made-up accounts: as the facts have them, and difficult."""

import json
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

from sandbox import Account
from sandbox.answers import encode
from sandbox.data import nasty
from sandbox.data.makers import kinds
from sandbox.streams import STREAMS

FIELDS = json.loads((Path(__file__).parents[1] / "contract/api_fields.json").read_text())
NOW = "2026-04-01T12:00:00Z"
UPDATED = "last_updated_time"
NOT_IN_LISTS = {"cancel_reschedule_url", "terms_of_service"}
"""Of webhooks only, and the other spelling."""


def test_plain_accounts_have_all_documented_fields_and_no_others() -> None:
    account = Account(seed=1, bookings=50, nasty=False)
    for stream in STREAMS:
        documented = {name.partition(".")[0].removesuffix("[]") for name in FIELDS[stream]}
        for item in account.objects(stream):
            assert item.keys() == documented - NOT_IN_LISTS, stream


def at(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def test_bookings_live_as_the_facts_have_it() -> None:
    bookings = Account(seed=1, bookings=2000, nasty=False, now=NOW).objects("bookings")
    by_id = {b["id"]: b for b in bookings}
    now, linked = at(NOW), []
    for b in bookings:
        status, start = b["status"], at(b["starting_time"])
        assert status != "rescheduled" or start > now
        is_over = start + timedelta(minutes=b["duration_minutes"]) <= now
        assert is_over or status not in {"completed", "no_show"}
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
    account = Account(seed=1, bookings=1200, now=NOW)
    bookings, contacts = account.objects("bookings"), account.objects("contacts")
    texts = json.dumps(contacts[:600], ensure_ascii=False)
    assert all(json.dumps(text, ensure_ascii=False)[1:-1] in texts for text in nasty.TEXTS)
    assert max(len(encode(item)) for item in bookings) > 100_000
    assert {n for b in bookings for n in b}.issuperset(name for name, _ in nasty.UNKNOWN)
    for name in kinds("bookings"):
        assert any(name not in item for item in bookings), name
        assert any(item.get(name, "") is None for item in bookings), name
