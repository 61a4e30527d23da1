"""The made-up accounts: reproducible, complete, and what happens to them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sandbox import Account
from sandbox.data import times
from tests.support.asking import NOW, dump

FIELDS = json.loads((Path(__file__).parents[1] / "contract/api_fields.json").read_text())
NOT_IN_LISTS = {"cancel_reschedule_url", "terms_of_service"}
"""Of webhooks only, and the other spelling."""


def test_the_same_seed_gives_the_same_objects() -> None:
    def made(seed: int) -> Account:
        return Account(seed=seed, bookings=50, now=NOW)

    assert dump(made(1)) == dump(made(1)) != dump(made(2))


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
