"""The made-up accounts: reproducible, complete, and what happens to them."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from sandbox import Account
from sandbox.data import times
from sandbox.streams import STREAMS
from tests.support.asking import NOW, dump

FIELDS = json.loads((Path(__file__).parents[1] / "contract/api_fields.json").read_text())
NOT_IN_LISTS = {"cancel_reschedule_url", "terms_of_service"}
"""Of webhooks only, and the other spelling."""


def test_the_same_seed_gives_the_same_objects() -> None:
    def made(seed: int) -> Account:
        return Account(seed=seed, bookings=50, now=NOW)

    assert dump(made(1)) == dump(made(1)) != dump(made(2))


def test_sizes() -> None:
    assert not any(dump(Account(**dict.fromkeys(STREAMS, 0))).values())
    some = Account(bookings=10, contacts=3, users=0)
    assert [len(some.objects(name)) for name in ("bookings", "contacts", "users")] == [10, 3, 0]
    assert all(not isinstance(item.get("owner"), str) for item in some.objects("bookings"))
    with pytest.raises(ValueError, match="no such list: user"):
        Account(user=1)


def test_plain_accounts_have_all_documented_fields_and_no_others() -> None:
    for stream, items in dump(Account(seed=1, bookings=50, nasty=False)).items():
        documented = {name.partition(".")[0].removesuffix("[]") for name in FIELDS[stream]}
        assert all(item.keys() == documented - NOT_IN_LISTS for item in items), stream


def test_add_edit_delete() -> None:
    account = Account(seed=1, bookings=20, now=NOW)
    before = account.objects("bookings")
    keys = account.add("bookings", n=2, subject="new")
    assert [item["id"] for item in account.objects("bookings")[:2]] == keys[::-1]
    added = account.object("bookings", keys[0])
    assert added["subject"] == "new"
    assert times.parse(added["last_updated_time"]) >= times.parse(NOW)
    key = before[4]["id"]
    account.edit("bookings", key, subject="edited")
    edited = account.object("bookings", key)
    updated = edited["last_updated_time"]
    assert edited == {**before[4], "subject": "edited", "last_updated_time": updated}
    assert times.parse(updated) > times.parse(NOW)
    account.delete("bookings", key)
    with pytest.raises(KeyError):
        account.edit("bookings", key)
    assert len(account.objects("bookings")) == 21


def test_random_changes_are_reproducible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(times.time, "time_ns", lambda: 1_900_000_000 * 10**9)

    def changed() -> Account:
        account = Account(seed=1, bookings=200, now=NOW)
        account.random_changes(random.Random(5), edits=10, adds=5, deletes=3)
        return account

    before, after = dump(Account(seed=1, bookings=200, now=NOW)), dump(changed())
    assert after == dump(changed())
    assert sum(map(len, after.values())) == sum(map(len, before.values())) + 5 - 3
    assert sum(after[stream] != before[stream] for stream in STREAMS) > 3
