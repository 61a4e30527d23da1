"""Difficult data in the made-up accounts."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from sandbox import Account
from sandbox.collection import encode
from sandbox.data import nasty_values, shapes
from sandbox.streams import STREAMS
from sandbox.switches import Switches
from tests.support.asking import NOW, dump

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
    assert texts.issuperset(nasty_values.TEXTS)
    longest = max(len(encode(item)) for item in account.objects("bookings"))
    assert longest > 100_000


@pytest.mark.parametrize("stream", ["bookings", "contacts"])
def test_every_field_is_null_and_missing_somewhere(account: Account, stream: str) -> None:
    items = account.objects(stream)
    for name in shapes.NAMES[stream]:
        assert any(name not in item for item in items), name
        assert any(item.get(name, "") is None for item in items), name


def test_unknown_and_missing_fields_are_switches(account: Account) -> None:
    known = {*shapes.NAMES["bookings"], "id", *STREAMS["bookings"].times}

    def unknown(account: Account) -> set[str]:
        return {name for item in account.objects("bookings") for name in item} - known

    assert unknown(account).issuperset(name for name, _ in nasty_values.UNKNOWN)
    off = {"unknown_fields": False, "missing_fields": False}
    calm = Account(seed=1, bookings=2000, now=NOW)
    calm.set_switches(Switches(**off))
    assert unknown(calm) == set()
    assert all(
        known - item.keys() <= {"cancel_reschedule_url"} for item in calm.objects("bookings")
    )


def test_wrong_types(account: Account) -> None:
    wrong = Account(seed=1, bookings=2000, now=NOW)
    wrong.set_switches(Switches(wrong_types=True))
    for stream, facts in STREAMS.items():
        usual, spoilt = account.objects(stream), wrong.objects(stream)
        for first, second in zip(usual, spoilt, strict=True):
            for name in ("id", *facts.times):
                assert first.get(name) == second.get(name)
    bookings = wrong.objects("bookings")
    for name, kind in shapes.FIELDS["bookings"].items():
        if name == "cancel_reschedule_url":
            continue
        seen = {encode(item.get(name)) for item in bookings}
        assert seen.issuperset(encode(value) for value in nasty_values.WRONG[kind]), name


def test_people_are_made_up(account: Account) -> None:
    text = json.dumps(dump(account))
    assert set(re.findall(r"@[\w.-]+\w", text)) <= {"@example.com", "@example.org"}
    phones = {item.get("phone") for item in account.objects("contacts")}
    assert any(re.fullmatch(r"\+1 \d{3} 555 01\d\d", phone or "") for phone in phones)
