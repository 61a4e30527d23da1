"""Difficult data in the made-up accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox import Account
from sandbox.answers import encode
from sandbox.data import nasty
from sandbox.data.makers import kinds
from sandbox.streams import STREAMS
from sandbox.switches import Switches
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


def test_all_unknown_fields_are_somewhere(account: Account) -> None:
    found = {name for item in account.objects("bookings") for name in item}
    assert found.issuperset(name for name, _ in nasty.UNKNOWN)


def test_wrong_types(account: Account) -> None:
    wrong = Account(seed=1, bookings=2000, now=NOW)
    wrong.set_switches(Switches(wrong_types=True))
    for stream, facts in STREAMS.items():
        usual, spoilt = account.objects(stream), wrong.objects(stream)
        for first, second in zip(usual, spoilt, strict=True):
            for name in ("id", *facts.times):
                assert first.get(name) == second.get(name)
    bookings = wrong.objects("bookings")
    for name, kind in kinds("bookings").items():
        seen = {encode(item.get(name)) for item in bookings}
        assert seen.issuperset(encode(value) for value in nasty.WRONG[kind]), name
