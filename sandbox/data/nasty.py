"""Spoil objects: what a real account contains in ten years, in every few objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.data import moments
from sandbox.data import nasty_values as values
from sandbox.data.shapes import FIELDS, NAMES, TEXTS
from sandbox.streams import UPDATED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.data import Object
    from sandbox.switches import Switches

_CYCLE = 6
_TEXT_ACTIONS = (1, 4)
_NULLS = 2
_MISSING = 3
_UNKNOWN = 5
_TEXTS_EACH = 3
_LONG_TURN = 7
_WHO = ("reason", "actioned_by", "user_id")
_NESTED_UNKNOWN = ("form_submission", "external_calendar", "details")


def spoil(stream: str, item: Object, turn: int, switches: Switches) -> None:
    """Change an object in place; what happens depends on its turn only.

    Of six objects one stays as it is, two get difficult texts, one nulls, one lacks
    fields, one has unknown fields.
    """
    round_, action = divmod(turn, _CYCLE)
    if action in _TEXT_ACTIONS:
        number = 2 * round_ + _TEXT_ACTIONS.index(action)
        _difficult_texts(stream, item, number, switches)
    elif action == _NULLS:
        _nulls(stream, item, round_)
    elif action == _MISSING and switches.missing_fields:
        _missing(stream, item, round_)
    elif action == _UNKNOWN and switches.unknown_fields:
        _unknown(item, round_)
    if "custom_fields" in item and action:
        item["custom_fields"] = _cycle(values.CUSTOM_FIELDS, turn - round_)
    if stream == "bookings":
        _booking(item, turn)
    if switches.missing_fields and moments.is_missing(turn) and item.get(UPDATED, "") is None:
        del item[UPDATED]
    if switches.wrong_types and turn % 2:
        _wrong_type(stream, item, turn // 2)


def _cycle(choices: Sequence[Any], number: int) -> Any:
    """Take the next one; lists and objects are shared, never changed in place."""
    return choices[number % len(choices)]


def _difficult_texts(stream: str, item: Object, number: int, switches: Switches) -> None:
    texts = values.TEXTS
    if switches.nul_characters:
        texts = values.NUL_TEXTS + texts
    if switches.lone_surrogates:
        texts = values.SURROGATE_TEXTS + texts
    for count in range(number * _TEXTS_EACH, (number + 1) * _TEXTS_EACH):
        # One step further in each round: every text comes to every field.
        places = TEXTS[stream]
        *path, field = places[(count + count // len(places)) % len(places)]
        target = item
        for step in path:
            target = target.get(step) or {}
        if field in target:
            target[field] = _cycle(texts, count)


def _nulls(stream: str, item: Object, round_: int) -> None:
    names = NAMES[stream]
    for step in (0, len(names) // 2):
        item[names[(round_ + step) % len(names)]] = None
    nested = [value for value in item.values() if isinstance(value, dict)]
    for value in nested:
        value[_cycle(list(value), round_)] = None


def _missing(stream: str, item: Object, round_: int) -> None:
    names = NAMES[stream]
    for step in (0, len(names) // 3):
        item.pop(names[(round_ + step) % len(names)], None)
    for value in item.values():
        if isinstance(value, dict):
            del value[_cycle(list(value), round_)]


def _unknown(item: Object, round_: int) -> None:
    for number in (2 * round_, 2 * round_ + 1):
        name, value = _cycle(values.UNKNOWN, number)
        item[name] = value
    for name in _NESTED_UNKNOWN:
        if isinstance(item.get(name), dict):
            nested, value = _cycle(values.UNKNOWN, round_)
            item[name][nested] = value


def _booking(item: Object, turn: int) -> None:
    form = item.get("form_submission")
    if turn == _LONG_TURN:
        item["form_submission"] = {**(form or {}), "note": values.LONG_TEXT}
    if _every(8, 3, turn):
        item["attendees"] = _cycle(([], None, ["a@example.com", None], [""]), turn // 8)
    if _every(9, 2, turn) and not item.get("rescheduled_booking_id"):
        item["payment_information"] = _cycle(values.PAYMENTS, turn // 9)
    # As webhooks have it, where nothing was canceled.
    if _every(10, 6, turn) and not item.get("cancel_reschedule_information"):
        item["cancel_reschedule_information"] = dict.fromkeys(_WHO, "")
    if _every(13, 4, turn) and isinstance(form, dict):
        form["custom_fields"] = _cycle(values.CUSTOM_FIELDS, turn // 13)
    if _every(17, 5, turn):
        item[_cycle(("form_submission", "virtual_conferencing", "utm_params"), turn // 17)] = {}


def _every(step: int, first: int, turn: int) -> bool:
    return turn % step == first


def _wrong_type(stream: str, item: Object, number: int) -> None:
    names = NAMES[stream]
    # Two fields at once; one step further in each round: all values come to all fields.
    for step in (0, len(names) // 2):
        name = names[(number + step) % len(names)]
        kind = FIELDS[stream][name]
        if name in item and not (stream == "booking_calendars" and name == "published"):
            item[name] = _cycle(values.WRONG[kind], number // len(names) + number + step)
