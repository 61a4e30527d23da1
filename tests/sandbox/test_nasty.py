"""Difficult data in the made-up accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox import Account
from sandbox.answers import encode
from sandbox.data import nasty
from sandbox.data.makers import kinds
from tests.support.asking import NOW

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def account() -> Account:
    return Account(seed=1, bookings=2000, now=NOW)


def walk(value: object) -> Iterator[object]:
    yield value
    for item in value.values() if isinstance(value, dict) else ():
        yield from walk(item)


def test_small_accounts_show_all_difficult_texts(account: Account) -> None:
    texts = {
        value for item in account.objects("contacts")[:600] for value in walk(item)
        if isinstance(value, str)
    }  # fmt: skip
    assert texts.issuperset(nasty.TEXTS)
    longest = max(len(encode(item)) for item in account.objects("bookings"))
    assert longest > 100_000


@pytest.mark.parametrize("stream", ["bookings", "contacts"])
def test_every_field_is_null_and_missing_somewhere(account: Account, stream: str) -> None:
    items = account.objects(stream)
    for name in kinds(stream):
        assert any(name not in item for item in items), name
        assert any(item.get(name, "") is None for item in items), name
