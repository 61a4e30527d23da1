"""Spoil objects: what a real account contains in ten years, in every few objects."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sandbox.data import Object, times
from sandbox.data.makers import kinds
from sandbox.streams import UPDATED
from sandbox.switches import Switches

# What a program decides by keeps its meaning.
_NO_FREE_TEXT = ("object", "status", "type", "recipient_type", "secret", "email")
_NESTED_TEXTS = (
    "form_submission.name", "form_submission.note", "form_submission.company",
    "external_calendar.name", "cancel_reschedule_information.reason", "details.message_body",
    "utm_params.campaign",
)  # fmt: skip
TEXTS: tuple[str, ...] = (
    "two\nlines", "carriage return\r\nand line feed\r\n", "a lone carriage return\rhere",
    "tab\tseparated\tvalues", 'she said "hello", then left', "it's o'clock",
    "comma, semicolon; pipe|", "C:\\new\\table\\", "ends with a backslash\\", "\\N",
    "\\n is not a new line", "NULL", "null", "None", "NaN", "", " ", "  blanks around  ",
    "\u00a0no-break blanks\u00a0", "2024-02-30", "2024-01-01T00:00:00Z", "0042", "1e5", "-1",
    "true", "[]", '{"json": ["in", "a", "string"]}',
    "emoji \U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea",
    "beyond the BMP: \U00020bb7 \U0001d54f", "e\u0301 and \u00e9 look the same",
    "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
    "\u202eright to left override\u202c", "\u65e5\u672c\u8a9e\u306e\u30c6\u30ad\u30b9\u30c8",
    "zero\u200bwidth and \ufeffbyte order mark", "line\u2028separator and next\u0085line",
    "control \x01\x1b[31mred\x1b[0m\x7f", "<p>HTML &amp; <b>bold</b></p><!-- comment -->",
    "'; DROP TABLE bookings; --", '=HYPERLINK("https://example.com")',
    "100 % {sure} ${HOME} {{ jinja }} %s", "<script>alert(1)</script>", "/* comment */ -- comment",
    "\U000e0041\ufffd",
)  # fmt: skip
NUL_TEXTS: tuple[str, ...] = ("nul\x00inside", "\x00")
LONG_TEXT = "A long note \u2014 one of 100 KB.\n" * 3400

_VALUES: tuple[Any, ...] = (
    42, 2**63, 2**70, -(2**63), 0.1, 5.0, 1.5e300, 5e-324, True, False, None, "null", "007",
    ["a", None, 3], [], {"deep": {"er": [1, {"x": None}]}}, {}, "line\nbreak",
)  # fmt: skip
CUSTOM_FIELDS: tuple[Any, ...] = (
    [],
    *([{"name": f"of {type(value)}", "value": value}, {"name": "missing"}] for value in _VALUES),
    [{"name": None, "value": "no name"}, {"name": "", "value": ""}],
    [{"name": "twice", "value": "1"}, {"name": "twice", "value": "2"}],
    [{"name": 'quoted "name", with comma', "value": 1, "id": "CF-1", "type": "number"}],
    [{"name": "emoji \U0001f3af", "value": "\U0001f680"}],
    None,
)
PAYMENTS: tuple[Any, ...] = (
    {"amount_charged": 0, "currency": "JPY", "transaction_id": None},
    {"amount_charged": 2**53 + 1, "currency": "VND", "transaction_id": "0001"},
    {"amount_charged": -500, "currency": "KWD", "transaction_id": "TEST-refund"},
    {},
)
UNKNOWN: tuple[tuple[str, Any], ...] = (
    ("meeting_score", 7), ("newObject", {"nested": {"list": [1, "two", None]}}),
    ("tags", ["a", "b", None]), ('Weird key, "quoted"', "x"), ("_extra", {"already": "taken"}),
    ("_sdc_deleted_at", None), ("Status", "differs from status by case only"),
    ("unbekannt\u00fc \U0001f600", True), ("ratio", 0.25), ("null_field", None),
    ("", "a field without a name"), ("a.dot", 1), ("select", "a key word"),
)  # fmt: skip


def spoil(stream: str, item: Object, turn: int, switches: Switches) -> None:
    """Change an object in place; what happens depends on its turn only.

    Of six objects one stays as it is, two get difficult texts, one nulls, one lacks
    fields, one has unknown fields.
    """
    round_, action = divmod(turn, 6)
    if action in {1, 4}:
        _difficult_texts(stream, item, 2 * round_ + action // 4, switches)
    elif action == 5:
        _unknown(item, round_)
    elif action in {2, 3}:
        _without(stream, item, round_, absent=action == 3)
    if "custom_fields" in item and action:
        item["custom_fields"] = _cycle(CUSTOM_FIELDS, turn - round_)
    if stream == "bookings":
        _booking(item, turn)
    if turn % 61 == times.LACKING and UPDATED in item:
        del item[UPDATED]


def _cycle(choices: Sequence[Any], number: int) -> Any:
    """Take the next one; lists and objects are shared, never changed in place."""
    return choices[number % len(choices)]


@cache
def _places(stream: str) -> tuple[str, ...]:
    """Return where free text is."""
    plain = (n for n, kind in kinds(stream).items() if kind == "string" and n not in _NO_FREE_TEXT)
    return *plain, *(path for path in _NESTED_TEXTS if path.split(".")[0] in kinds(stream))


def _difficult_texts(stream: str, item: Object, number: int, switches: Switches) -> None:
    texts = (NUL_TEXTS if switches.nul_characters else ()) + TEXTS
    places = _places(stream)
    for count in range(number * 3, number * 3 + 3):
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
    item |= (_cycle(UNKNOWN, number) for number in (2 * round_, 2 * round_ + 1))
    for name in ("form_submission", "external_calendar", "details"):
        if isinstance(item.get(name), dict):
            item[name] |= (_cycle(UNKNOWN, round_),)


def _booking(item: Object, turn: int) -> None:
    form = item.get("form_submission")
    if turn == 7:
        item["form_submission"] = {**(form or {}), "note": LONG_TEXT}
    if turn % 8 == 3:
        item["attendees"] = _cycle(([], None, ["a@example.com", None], [""]), turn // 8)
    if turn % 9 == 2 and not item.get("rescheduled_booking_id"):
        item["payment_information"] = _cycle(PAYMENTS, turn // 9)
    # As webhooks have it, where nothing was canceled.
    if turn % 10 == 6 and not item.get("cancel_reschedule_information"):
        who = ("reason", "actioned_by", "user_id")
        item["cancel_reschedule_information"] = dict.fromkeys(who, "")
    if turn % 13 == 4 and isinstance(form, dict):
        form["custom_fields"] = _cycle(CUSTOM_FIELDS, turn // 13)
    if turn % 17 == 5:
        item[_cycle(("form_submission", "virtual_conferencing", "utm_params"), turn // 17)] = {}
