"""Whether a column's type gives each value back as it was sent, and which wider one does.

Values are texts of JSON, in a column of a temporary table; `c` is its name.
"""

from __future__ import annotations

import re
import typing as t
from decimal import Decimal, InvalidOperation

import msgspec

from target_duckdb.columns import DIGITS, FLOATS, MOMENTS, SIGNED, digits_of, limits, plain

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    from target_duckdb.columns import Column

_ONE_TEXT = {"BOOLEAN", "DATE", "UUID"}
"""Types besides whole numbers whose values have one text each."""
_FRACTION = re.compile(r"\.(\d*?)0*(?:\D|$)")


def kind_of(c: str) -> str:
    """Return SQL for the kind of a value, as JSON Schema calls it."""
    return (
        f"""CASE {c}[1] WHEN '"' THEN 'string' WHEN '{{' THEN 'object' WHEN '[' THEN 'array' """
        "WHEN 't' THEN 'boolean' WHEN 'f' THEN 'boolean' "
        f"ELSE if(TRY_CAST({c} AS DOUBLE) % 1 = 0, 'integer', 'number') END"
    )


def text_of(c: str) -> str:
    """Return SQL for a value as a text."""
    return f"""CASE WHEN {c} LIKE '"%' THEN {c}->>'$' ELSE {c} END"""


def value_of(c: str, kind: str) -> str:
    """Return SQL for a value of a type, which is NULL where it cannot be."""
    if kind == "JSON":
        return f"{c}::JSON"
    text = text_of(c)
    if kind == "TIMESTAMP_NS":  # its cast knows no offsets
        text = f"CASE WHEN regexp_matches({text}, '([Zz]|[+-]00:?00)$') THEN upper({text}) END"
    elif kind in MOMENTS:  # DuckDB knows no small t and z, and no leap seconds
        text = f"upper({text})"
        is_leap = f"({text})[17:19] = ':60'"
        before = f"CASE WHEN {is_leap} THEN ({text})[:17] || '59' || ({text})[20:] ELSE {text} END"
        text = f"(TRY_CAST({before} AS TIMESTAMPTZ)::TIMESTAMP + to_seconds(({is_leap})::INT))"
    return text if kind == "VARCHAR" else f"TRY_CAST({text} AS {kind})"


def back_of(value: str, kind: str) -> str:
    """Return SQL for what a type makes of a value, as a text that a tap would send."""
    if kind not in MOMENTS:
        return f"({value})::VARCHAR"
    moment = f"({value})::TIMESTAMP" if kind.endswith("ZONE") else f"({value})"
    return f"replace({moment}::VARCHAR, ' ', 'T') || 'Z'"


def changed(value: str, old: str, new: str) -> str:
    """Return SQL for a column's values on their way from one type to another."""
    if new == "VARCHAR":
        return back_of(value, old)
    if new == "JSON":
        return f"to_json({back_of(value, old) if old in MOMENTS else value})"
    return f"{value}::VARCHAR" if old == "FLOAT" else value  # 0.1 stays 0.1


def misfits(column: Column, c: str, kind: str, table: str) -> str | None:
    """Return SQL for the values that a type may not give back, and what it makes of them."""
    if kind == "VARCHAR" and column.type == "JSON" and not column.is_key:
        return f"""SELECT DISTINCT {c}, NULL FROM {table} WHERE {c} NOT LIKE '"%'"""
    if kind in {"VARCHAR", "JSON"}:
        return None
    back, text = back_of(value_of(c, kind), kind), text_of(c)
    # A number has many texts, of which one is not another.
    also = f"""OR {c} LIKE '"%'""" if kind in FLOATS else ""
    return f"SELECT DISTINCT {c}, {back} FROM {table} WHERE {back} IS DISTINCT FROM {text} {also}"


def is_same(column: Column, kind: str, sent: str, back: str | None, *, exactly: bool) -> bool:
    """Whether a type gives a value back, where the texts differ.

    Args:
        column: The column.
        kind: The type.
        sent: The value.
        back: What comes back.
        exactly: Whether a DOUBLE must not round it.
    """
    is_text = sent.startswith('"')
    text = msgspec.json.decode(sent, type=str) if is_text else sent
    if back is None:
        return False
    if kind in MOMENTS:
        found = _FRACTION.search(text)
        digits, most = len(found[1]) if found else 0, MOMENTS[kind]
        # Below a microsecond, digits are dropped, but not in keys.
        dropped = column.is_moment and not column.is_key and most >= MOMENTS["TIMESTAMP"]
        return dropped or (digits <= most and (column.is_moment or column.is_key))
    if kind == "TIME":
        return "." in text and text.rstrip("0").rstrip(".") == back
    if kind not in FLOATS and not limits(kind):
        return False
    number, other = number_of(column, sent), Decimal(back)
    if number is None:  # a text, or a boolean
        is_one = kind in FLOATS and _number(text) == other
        return is_one and plain(text) == text
    if not number.is_finite() or (kind == "DOUBLE" and not exactly):
        return kind in FLOATS and other.is_finite() == number.is_finite()
    return other == number


def number_of(column: Column, sent: str) -> Decimal | None:
    """Return a value that is a number, or a decimal that is sent as a text."""
    if not sent.startswith('"'):
        return _number(sent)
    is_decimal = column.type.startswith("DECIMAL") and "number" not in column.meaning.kinds
    return _number(msgspec.json.decode(sent, type=str)) if is_decimal else None


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def wider(column: Column, bad: Iterable[str]) -> list[str]:
    """Return the types that could hold what a column's type does not, best ones first."""
    old, numbers = column.stored, [number_of(column, sent) for sent in bad]
    least, most, places = limits(old) or (0, 0, None)
    if None in numbers or (places is None and old not in FLOATS):
        # A key becomes a text where each of its values has one text only.
        if column.is_key and places != 0 and old not in _ONE_TEXT:
            return []
        if column.is_moment and old in MOMENTS:
            return ["TIMESTAMP", "VARCHAR"] if old.startswith("TIMESTAMP_") else []
        return ["JSON" if column.type == "JSON" else "VARCHAR"]
    if column.is_key and old in FLOATS:
        return []
    exact: list[str] = []
    known = [number for number in numbers if number is not None and number.is_finite()]
    if len(known) == len(numbers):
        digits = [digits_of(number) for number in known]
        whole, scale = (max(found) for found in zip(*digits, (0, places or 0), strict=True))
        if scale == 0 and not old.startswith("DECIMAL"):
            exact = [k for k, (low, high) in SIGNED.items() if low <= least and most <= high]
        # With 38 digits the values that are there decide.
        if whole + scale <= DIGITS:
            before = max(whole, len(str(most or "")), 1 - scale)
            exact.append(f"DECIMAL({min(before + scale, DIGITS)},{scale})")
    if column.is_key or "number" not in column.meaning.kinds or old == "DOUBLE":
        return exact
    # A number has a DOUBLE in a new table; money, which has a DECIMAL, stays exact.
    return [*exact, "DOUBLE"] if old.startswith("DECIMAL") else ["DOUBLE", *exact]
