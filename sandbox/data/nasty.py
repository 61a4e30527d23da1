"""Spoil objects: what a real account contains in ten years, in every few objects."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from sandbox.data import nasty_values as values
from sandbox.data import times
from sandbox.data.makers import kinds
from sandbox.streams import UPDATED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.data import Object
    from sandbox.switches import Switches

_CYCLE = 6
_TEXT_ACTIONS = (1, 4)
_NULLS, _MISSING, _UNKNOWN = 2, 3, 5
_TEXTS_EACH = 3
_LONG_TURN = 7
_NESTED_UNKNOWN = ("form_submission", "external_calendar", "details")
# What a program decides by keeps its meaning.
_NO_FREE_TEXT = ("object", "status", "type", "recipient_type", "secret", "email")
_NESTED_TEXTS = {
    "bookings": (
        "form_submission.name", "form_submission.note", "form_submission.company",
        "external_calendar.name", "cancel_reschedule_information.reason", "utm_params.campaign",
    ),
    "sms_notifications": ("details.message_body",),
}  # fmt: skip


def spoil(stream: str, item: Object, turn: int, switches: Switches) -> None:
    """Change an object in place; what happens depends on its turn only.

    Of six objects one stays as it is, two get difficult texts, one nulls, one lacks
    fields, one has unknown fields.
    """
    round_, action = divmod(turn, _CYCLE)
    if action in _TEXT_ACTIONS:
        _difficult_texts(stream, item, 2 * round_ + _TEXT_ACTIONS.index(action), switches)
    elif action == _UNKNOWN:
        _unknown(item, round_)
    elif action in {_NULLS, _MISSING}:
        _without(stream, item, round_, absent=action == _MISSING)
    if "custom_fields" in item and action:
        item["custom_fields"] = _cycle(values.CUSTOM_FIELDS, turn - round_)
    if stream == "bookings":
        _booking(item, turn)
    if turn % 61 == times.LACKING and UPDATED in item:
        del item[UPDATED]
    if switches.wrong_types and turn % 2:
        _wrong_type(stream, item, turn // 2)


def _cycle(choices: Sequence[Any], number: int) -> Any:
    """Take the next one; lists and objects are shared, never changed in place."""
    return choices[number % len(choices)]


@cache
def _places(stream: str) -> tuple[str, ...]:
    """Return where free text is."""
    plain = (n for n, kind in kinds(stream).items() if kind == "string" and n not in _NO_FREE_TEXT)
    return *plain, *_NESTED_TEXTS.get(stream, ())


def _difficult_texts(stream: str, item: Object, number: int, switches: Switches) -> None:
    texts = values.SURROGATES if switches.lone_surrogates else ()
    texts += values.NUL_TEXTS if switches.nul_characters else ()
    texts += values.TEXTS
    places = _places(stream)
    for count in range(number * _TEXTS_EACH, (number + 1) * _TEXTS_EACH):
        # One step further in each round: every text comes to every field.
        *path, field = _cycle(places, count + count // len(places)).split(".")
        target = item[path[0]] or {} if path else item
        if field in target:
            target[field] = _cycle(texts, count)


def _without(stream: str, item: Object, round_: int, *, absent: bool) -> None:
    names = tuple(kinds(stream))
    gone = [(item, _cycle(names, round_ + step)) for step in (0, len(names) // 3)]
    nested = [value for value in item.values() if value and isinstance(value, dict)]
    for target, name in (*gone, *((value, _cycle(list(value), round_)) for value in nested)):
        if absent:
            target.pop(name, None)
        else:
            target[name] = None


def _unknown(item: Object, round_: int) -> None:
    item |= (_cycle(values.UNKNOWN, number) for number in (2 * round_, 2 * round_ + 1))
    for name in _NESTED_UNKNOWN:
        if isinstance(item.get(name), dict):
            item[name] |= (_cycle(values.UNKNOWN, round_),)


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
        who = ("reason", "actioned_by", "user_id")
        item["cancel_reschedule_information"] = dict.fromkeys(who, "")
    if _every(13, 4, turn) and isinstance(form, dict):
        form["custom_fields"] = _cycle(values.CUSTOM_FIELDS, turn // 13)
    if _every(17, 5, turn):
        item[_cycle(("form_submission", "virtual_conferencing", "utm_params"), turn // 17)] = {}


def _every(step: int, first: int, turn: int) -> bool:
    return turn % step == first


def _wrong_type(stream: str, item: Object, number: int) -> None:
    names = tuple(kinds(stream))
    # Two fields at once; one step further in each round: all values come to all fields.
    for step in (0, len(names) // 2):
        name = _cycle(names, number + step)
        # A calendar that is not known to be published has no slots.
        if name in item and name != "published":
            wrong = values.WRONG[kinds(stream)[name]]
            item[name] = _cycle(wrong, number // len(names) + step)
