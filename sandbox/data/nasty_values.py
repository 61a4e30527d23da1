"""Values that have broken somebody's pipeline before."""

from __future__ import annotations

from typing import Any

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
SURROGATES: tuple[str, ...] = ("half \ud83d", "\ude00 the other half", "\ude00\ud83d wrong order")
LONG_TEXT = "A long note \u2014 one of 100 KB.\n" * 3400

CUSTOM_FIELDS: tuple[Any, ...] = (
    [],
    [{"name": "integer", "value": 42}, {"name": "big", "value": 2**63}],
    [{"name": "huge", "value": 2**70}, {"name": "negative", "value": -(2**63)}],
    [{"name": "float", "value": 0.1}, {"name": "whole float", "value": 5.0}],
    [{"name": "exponent", "value": 1.5e300}, {"name": "tiny", "value": 5e-324}],
    [{"name": "yes", "value": True}, {"name": "no", "value": False}],
    [{"name": "null", "value": None}, {"name": "missing"}],
    [{"name": "list", "value": ["a", None, 3]}, {"name": "empty list", "value": []}],
    [{"name": "object", "value": {"deep": {"er": [1, {"x": None}]}}}, {"name": "{}", "value": {}}],
    [{"name": "text", "value": "null"}, {"name": "number in text", "value": "007"}],
    [{"name": None, "value": "no name"}, {"name": "", "value": ""}],
    [{"name": "twice", "value": "1"}, {"name": "twice", "value": "2"}],
    [{"name": 'quoted "name", with comma', "value": "line\nbreak"}],
    [{"name": "extra key", "value": 1, "id": "CF-1", "type": "number"}],
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
    ("meeting_score", 7),
    ("newObject", {"nested": {"list": [1, "two", None]}}),
    ("tags", ["a", "b", None]),
    ('Weird key, "quoted"', "x"),
    ("_extra", {"already": "taken"}),
    ("_sdc_deleted_at", None),
    ("Status", "differs from status by case only"),
    ("unbekannt\u00fc \U0001f600", True),
    ("ratio", 0.25),
    ("null_field", None),
    ("", "a field without a name"),
    ("a.dot", 1),
    ("select", "a key word"),
)

# Declared kind -> values of other types.
WRONG: dict[str, tuple[Any, ...]] = {
    "string": (42, 0.5, True, {"text": "in an object"}, ["in", "a", "list"], 2**65, -0.0),
    "id": ({"id": "USR-0123456789AB", "object": "user", "name": "Expanded"}, 12345, ["TM-1"]),
    "integer": (5.0, "7", "seven", 2.5, True, 1e3, {"value": 3}, 2**64, " 8 ", ""),
    "number": ("7", "22.5", "many", True, {"value": 3}, "", [30]),
    "boolean": ("true", 1, 0, "no", "False", 2, {"is": True}, ""),
    "time": (1700000000, "yesterday", {"time": "now"}, "2024-02-30T00:00:00Z", "", 1.5),
    "array": ("one@example.com", {"a": 1}, 7, "", "a,b"),
    "object": ("text", [1, 2], 3, True, ""),
}
