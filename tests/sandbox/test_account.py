"""The made-up accounts: reproducible, plausible, alive."""

from __future__ import annotations

import hashlib

import pytest

from sandbox import Account
from sandbox.collection import encode
from sandbox.data import shapes
from sandbox.streams import STREAMS
from tests.support.asking import NOW, dump


def test_the_same_seed_gives_the_same_objects_on_every_machine() -> None:
    assert dump(Account(seed=1, bookings=50)) != dump(Account(seed=2, bookings=50))
    data = encode(dump(Account(seed=1, bookings=50, now=NOW)))
    digest = hashlib.sha256(data).hexdigest()
    assert digest[:16] == "9ae54f5a76040bde"


def test_sizes() -> None:
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


def test_plain_accounts_have_all_documented_fields_and_no_others() -> None:
    for stream, items in dump(Account(seed=1, bookings=50, nasty=False)).items():
        names = {*shapes.NAMES[stream], "id", *STREAMS[stream].times} - {"cancel_reschedule_url"}
        assert all(item.keys() == names for item in items)
