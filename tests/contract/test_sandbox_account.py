"""The made-up accounts: reproducible, plausible, nasty, and alive."""

from __future__ import annotations

import hashlib
import json
import random
import re
import time
from collections import Counter
from itertools import pairwise

import pytest

from sandbox import Account
from sandbox.collection import encode
from sandbox.data import nasty_values, shapes, times
from sandbox.data.dice import Ids
from sandbox.streams import STREAMS

NOW = "2026-04-01T12:00:00Z"


@pytest.fixture(scope="module")
def account():
    return Account(seed=1, bookings=2000, now=NOW)


def dump(account):
    return {stream: account.objects(stream) for stream in STREAMS}


def walk(value, path=""):
    yield path, value
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, item in items:
        yield from walk(item, f"{path}/{key}")


def test_the_same_seed_gives_the_same_objects():
    first, second = (Account(seed=5, bookings=60, now=NOW) for _ in range(2))
    assert dump(first) == dump(second)
    assert dump(first) != dump(Account(seed=6, bookings=60, now=NOW))


def test_objects_are_the_same_on_every_machine():
    data = encode(dump(Account(seed=1, bookings=50, now=NOW)))
    digest = hashlib.sha256(data).hexdigest()
    assert digest[:16] == "DIGEST"


def test_order_of_access_does_not_matter(account):
    other = Account(seed=1, bookings=2000, now=NOW)
    key = account.objects("bookings")[1234]["id"]
    assert other.object("bookings", key) == account.object("bookings", key)


def test_sizes():
    assert len(Account(bookings=0).objects("bookings")) == 0
    nothing = Account(**dict.fromkeys(STREAMS, 0))
    assert not any(dump(nothing).values())
    some = Account(bookings=10, contacts=3, users=0)
    assert [len(some.objects(name)) for name in ("bookings", "contacts", "users")] == [10, 3, 0]
    assert all(not isinstance(item.get("owner"), str) for item in some.objects("bookings"))
    with pytest.raises(ValueError, match="negative"):
        Account(users=-1)
    with pytest.raises(ValueError, match="no such list: user"):
        Account(user=1)
    with pytest.raises(ValueError, match="not a time"):
        Account(now="today")


def test_half_a_million_bookings_start_at_once():
    started = time.perf_counter()
    account = Account(bookings=500_000, now=NOW)
    assert len(account.collection("bookings")) == 500_000
    assert account.collection("bookings").get(499_999)["object"] == "booking"
    assert time.perf_counter() - started < 2


def test_ids_can_be_turned_back():
    ids = Ids(1, "BKNG")
    keys = [ids.encode(number) for number in range(5000)]
    assert len(set(keys)) == 5000
    assert [ids.decode(key) for key in keys] == list(range(5000))
    assert ids.decode(keys[0].lower()) is None
    assert ids.decode("BKNG-") is None
    assert all(re.fullmatch(r"BKNG-[0-9A-F]{12}", key) for key in keys)


@pytest.mark.parametrize("stream", ["bookings", "contacts", "sms_notifications"])
def test_lists_are_newest_first_and_nothing_is_from_the_future(account, stream):
    items = account.objects(stream)
    created = [times.parse(item["creation_time"]) for item in items if item.get("creation_time")]
    # A notification has milliseconds that its place in the list does not know.
    assert all(first >= second - times.SECOND for first, second in pairwise(created))
    now = times.parse(NOW)
    assert max(created) <= now
    assert now - min(created) < 3 * 366 * times.DAY
    updated = [
        times.parse(item["last_updated_time"]) for item in items if item.get("last_updated_time")
    ]
    assert all(moment <= now for moment in updated)


def test_times_shown_are_the_times_filtered_by(account):
    for stream, facts in STREAMS.items():
        collection = account.collections[stream]
        for rank in collection.alive() if facts.times else ():
            item = collection.get(rank)
            for field in facts.times:
                assert times.parse(item.get(field)) == collection._moment(rank, field)


def test_many_objects_share_a_time(account):
    for field in ("creation_time", "last_updated_time"):
        moments = Counter(times.parse(item.get(field)) for item in account.objects("bookings"))
        del moments[None]
        assert moments.most_common(1)[0][1] > 100


def test_references_lead_somewhere(account):
    ids = {stream: {item["id"] for item in account.objects(stream)} for stream in STREAMS}
    targets = {"owner": "users", "contact": "contacts", "booking_calendar": "booking_calendars"}
    for booking in account.objects("bookings"):
        for field, stream in targets.items():
            assert booking.get(field) in {None, *ids[stream]}


def test_contacts_are_older_than_their_bookings_and_share_their_address():
    account = Account(seed=1, bookings=300, nasty=False, now=NOW)
    contacts = {item["id"]: item for item in account.objects("contacts")}
    for booking in account.objects("bookings"):
        contact = contacts.get(booking["contact"])
        if contact:
            assert booking["form_submission"]["email"] == contact["email"]
            gap = times.parse(contact["creation_time"]) - times.parse(booking["creation_time"])
            assert gap < 14 * times.DAY


def test_statuses_fit_the_time_of_the_meeting():
    account = Account(seed=1, bookings=1000, nasty=False, now=NOW)
    for booking in account.objects("bookings"):
        if booking["status"] in ("completed", "no_show"):
            assert booking["starting_time"] < NOW
    counts = Counter(booking["status"] for booking in account.objects("bookings"))
    assert counts.keys() == {
        "requested", "scheduled", "rescheduled", "completed", "canceled", "no_show",
    }  # fmt: skip
    assert counts.most_common(1)[0][0] == "completed"


def test_plain_accounts_have_all_documented_fields_and_no_others():
    for stream, items in dump(Account(seed=1, bookings=50, nasty=False)).items():
        names = {*shapes.NAMES[stream], "id", *STREAMS[stream].times} - {"cancel_reschedule_url"}
        assert all(item.keys() == names for item in items)


def test_small_accounts_show_all_difficult_texts(account):
    texts = {
        value for item in account.objects("contacts")[:600] for _, value in walk(item)
        if isinstance(value, str)
    }  # fmt: skip
    assert texts.issuperset(nasty_values.TEXTS)
    longest = max(len(encode(item)) for item in account.objects("bookings"))
    assert longest > 100_000


@pytest.mark.parametrize("stream", ["bookings", "contacts"])
def test_every_field_is_null_and_missing_somewhere(account, stream):
    items = account.objects(stream)
    for name in shapes.NAMES[stream]:
        assert any(name not in item for item in items), name
        assert any(item.get(name, "") is None for item in items), name


def test_unknown_and_missing_fields_are_switches(account):
    known = {*shapes.NAMES["bookings"], "id", *STREAMS["bookings"].times}

    def unknown(account):
        return {name for item in account.objects("bookings") for name in item} - known

    assert unknown(account).issuperset(name for name, _ in nasty_values.UNKNOWN)
    off = {"unknown_fields": False, "missing_fields": False}
    calm = Account(seed=1, bookings=2000, now=NOW, switches=off)
    assert unknown(calm) == set()
    assert all(
        known - item.keys() <= {"cancel_reschedule_url"} for item in calm.objects("bookings")
    )


def test_wrong_types(account):
    wrong = Account(seed=1, bookings=2000, now=NOW, switches={"wrong_types": True})
    for stream, facts in STREAMS.items():
        usual, spoilt = account.objects(stream), wrong.objects(stream)
        for first, second in zip(usual, spoilt, strict=True):
            for name in ("id", *facts.times):
                assert first.get(name) == second.get(name)
    for name, kind in shapes.FIELDS["bookings"].items():
        if name == "cancel_reschedule_url":
            continue
        seen = {encode(item.get(name)) for item in wrong.objects("bookings")}
        assert seen.issuperset(encode(value) for value in nasty_values.WRONG[kind]), name


def test_odd_characters_come_on_demand_only():
    def all_text(**switches):
        return json.dumps(dump(Account(seed=1, bookings=100, now=NOW, switches=switches)))

    assert "\\u0000" not in all_text()
    assert "\\u0000" in all_text(nul_characters=True)
    assert 'half a pair \\ud83d"' not in all_text()
    assert 'half a pair \\ud83d"' in all_text(lone_surrogates=True)


def test_people_are_made_up(account):
    text = json.dumps(dump(account))
    assert set(re.findall(r"@[\w.-]+\w", text)) <= {"@example.com", "@example.org"}
    phones = {item.get("phone") for item in account.objects("contacts")}
    assert any(re.fullmatch(r"\+1 \d{3} 555 01\d\d", phone or "") for phone in phones)


def test_add_edit_delete():
    account = Account(seed=1, bookings=20, now=NOW)
    before = account.objects("bookings")
    keys = account.add("bookings", n=2, subject="new")
    assert [item["id"] for item in account.objects("bookings")[:2]] == keys[::-1]
    added = account.object("bookings", keys[0])
    assert (added["subject"], added["creation_time"][:3]) == ("new", "202")
    assert times.parse(added["last_updated_time"]) >= times.parse(NOW)
    key = before[4]["id"]
    account.edit("bookings", key, subject="edited")
    edited = account.object("bookings", key)
    assert edited == {
        **before[4],
        "subject": "edited",
        "last_updated_time": edited["last_updated_time"],
    }
    assert times.parse(edited["last_updated_time"]) > times.parse(NOW)
    account.delete("bookings", key)
    with pytest.raises(KeyError):
        account.edit("bookings", key)
    with pytest.raises(KeyError):
        account.delete("bookings", "BKNG-0")
    assert account.object("bookings", "BKNG-0") is None
    assert len(account.objects("bookings")) == 21
    with pytest.raises(ValueError, match="ids are given"):
        account.add("users", id="x")
    with pytest.raises(ValueError, match="no such list"):
        account.add("user")


@pytest.mark.parametrize("stream", STREAMS)
def test_every_list_can_be_added_to(stream):
    account = Account(seed=1, bookings=0, now=NOW)
    size = len(account.objects(stream))
    keys = account.add(stream, n=9)
    assert len(account.objects(stream)) == size + 9
    assert [account.object(stream, key)["id"] for key in keys] == keys
    assert len(set(keys)) == 9


def test_random_changes_are_reproducible():
    def changed():
        account = Account(seed=1, bookings=200, now=NOW)
        done = account.random_changes(random.Random(5), edits=10, adds=5, deletes=3)
        return account, done

    (account, first), (_, second) = changed(), changed()
    assert first == second
    assert Counter(action for action, _, _ in first) == {"edit": 10, "add": 5, "delete": 3}
    assert len({stream for _, stream, _ in first}) > 3
    only = account.random_changes(random.Random(1), edits=5, streams=["users"])
    assert {stream for _, stream, _ in only} == {"users"}


def test_random_changes_end_when_nothing_is_left():
    account = Account(bookings=0, users=2)
    done = account.random_changes(random.Random(1), deletes=5, streams=["users"])
    assert len(done) == 2
