"""What happens to the made-up accounts while somebody reads them."""

from __future__ import annotations

import random

import pytest

from sandbox import Account, clock
from sandbox.data import times
from sandbox.streams import STREAMS
from tests.support.asking import NOW, dump


def test_add_edit_delete() -> None:
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
    with pytest.raises(ValueError, match="no such list"):
        account.add("user")


@pytest.mark.parametrize("stream", STREAMS)
def test_every_list_can_be_added_to(stream: str) -> None:
    account = Account(seed=1, bookings=0, now=NOW)
    size = len(account.objects(stream))
    keys = account.add(stream, n=9)
    assert len(account.objects(stream)) == size + 9
    assert [account.object(stream, key)["id"] for key in keys] == keys
    assert len(set(keys)) == 9


def test_random_changes_are_reproducible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock.time, "time_ns", lambda: 1_900_000_000 * 10**9)

    def changed() -> Account:
        account = Account(seed=1, bookings=200, now=NOW)
        account.random_changes(random.Random(5), edits=10, adds=5, deletes=3)
        return account

    account, before = changed(), dump(Account(seed=1, bookings=200, now=NOW))
    after = dump(account)
    assert after == dump(changed())
    assert sum(map(len, after.values())) == sum(map(len, before.values())) + 5 - 3
    assert sum(after[stream] != before[stream] for stream in STREAMS) > 3


def test_random_changes_end_when_nothing_is_left() -> None:
    account = Account(bookings=0, users=2)
    account.random_changes(random.Random(1), deletes=5, streams=["users"])
    assert account.objects("users") == []
