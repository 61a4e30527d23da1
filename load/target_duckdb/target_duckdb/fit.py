"""Whether a column's type gives each value back as it was sent, and which wider one does."""

# ruff: noqa: S608 - names cannot be parameters

import re
import typing as t
from decimal import Decimal, InvalidOperation

import msgspec

from target_duckdb import refuse
from target_duckdb.columns import DIGITS, MOMENTS, SIGNED, Column, digits_of, plain, quoted
from target_duckdb.rows import Rows

Ask: t.TypeAlias = t.Callable[[str], list[t.Any]]

_KINDS = {
    "string": """{c} LIKE '"%'""",
    "object": "{c} LIKE '{{%'",
    "array": "{c} LIKE '[%'",
    "boolean": "{c} IN ('true', 'false')",
    "integer": "TRY_CAST({c} AS DOUBLE) % 1 = 0",
    "number": "TRY_CAST({c} AS DOUBLE) NOT NULL",
}
_TEXT = """CASE WHEN {c} LIKE '"%' THEN {c}->>'$' ELSE {c} END"""
_FLOATS = {"FLOAT", "DOUBLE"}
_RANGES = SIGNED | {f"U{name}": (0, 2 * most + 1) for name, (_, most) in SIGNED.items()}
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
_ONE_TEXT = {"BOOLEAN", "DATE", "UUID"}  # besides whole numbers: each value has one text
_FRACTION = re.compile(r"\.(\d*?)0*(?:\D|$)")


def check(rows: Rows, incoming: str, ask: Ask, table: t.Callable[[], str]) -> None:
    """Check the texts of JSON in `incoming`, and make their columns in `table` wide enough."""
    for c, column in rows.unchecked.items():
        kinds = " OR ".join(
            f"({test.format(c=c)})" for k, test in _KINDS.items() if k in column.kinds
        )
        wrong = f"count(*) FILTER ({c} NOT NULL AND ({kinds or False}) IS NOT TRUE)"
        ((nulls, others),) = ask(f"SELECT count(*) - count({c}), {wrong} FROM {incoming}")
        if column.is_key and nulls:
            refuse(rows.stream, column.name, "a key is missing or null")
        if others:
            allowed = "|".join(sorted(column.kinds))
            refuse(rows.stream, column.name, f"a value is not what the schema has, {allowed}")
        old, name = column.stored, quoted(column.name)
        bad = _misfits(ask, incoming, column, c, old)
        for kind in _wider(column, bad) if bad else ():
            back = f"TRY_CAST(TRY_CAST({changed(name, old, kind)} AS {kind}) AS {old})"
            lossy = f"WHERE {back} IS DISTINCT FROM {name} LIMIT 1"
            if _misfits(ask, incoming, column, c, kind):
                continue
            if kind in {"VARCHAR", "JSON"} or not ask(f"FROM {table()} {lossy}"):
                rows.change(column, kind)
                break
        else:
            if bad:
                refuse(rows.stream, column.name, f"{old} does not hold a value, nor a wider type")


def value_of(c: str, kind: str) -> str:
    """Return SQL for a value of a type, which is NULL where it cannot be."""
    if kind == "JSON":
        return f"{c}::JSON"
    text = _TEXT.format(c=c)
    if kind == "TIMESTAMP_NS":  # its cast knows no offsets
        text = f"CASE WHEN regexp_matches({text}, '([Zz]|[+-]00:?00)$') THEN upper({text}) END"
    elif kind in MOMENTS:  # DuckDB knows no small t and z, and no leap seconds
        text = f"upper({text})"
        is_leap = f"({text})[17:19] = ':60'"
        before = f"CASE WHEN {is_leap} THEN ({text})[:17] || '59' || ({text})[20:] ELSE {text} END"
        text = f"(TRY_CAST({before} AS TIMESTAMPTZ)::TIMESTAMP + to_seconds(({is_leap})::INT))"
    return text if kind == "VARCHAR" else f"TRY_CAST({text} AS {kind})"


def changed(value: str, old: str, new: str) -> str:
    """Return SQL for a column's values on their way from one type to another."""
    if old in MOMENTS and new in {"VARCHAR", "JSON"}:  # as a tap would send them
        moment = f"{value}::TIMESTAMP" if old.endswith("ZONE") else value
        value = f"replace(({moment})::VARCHAR, ' ', 'T') || 'Z'"
    if new == "JSON":
        return f"to_json({value})"
    return f"({value})::VARCHAR" if new == "VARCHAR" or old == "FLOAT" else value  # 0.1 stays 0.1


def _misfits(ask: Ask, incoming: str, column: Column, c: str, kind: str) -> list[str]:
    """Return the values that a type does not give back."""
    text, back = _TEXT.format(c=c), changed(value_of(c, kind), kind, "VARCHAR")
    where = f"{back} IS DISTINCT FROM {text}"
    if kind in _FLOATS:  # a number has many texts
        where += f""" OR {c} LIKE '"%'"""
    elif kind == "VARCHAR" and column.type == "JSON" and not column.is_key:
        back, where = "NULL", f"""{c} NOT LIKE '"%'"""
    elif kind in {"VARCHAR", "JSON"}:
        return []
    found = ask(f"SELECT DISTINCT {c}, {back} FROM {incoming} WHERE {where}")
    return [value for value, back in found if not _is_same(column, kind, value, back)]


def _is_same(column: Column, kind: str, value: str, back: str | None) -> bool:
    """Whether what comes back from a type means the value, where their texts differ."""
    if back is None:
        return False
    text = msgspec.json.decode(value) if value.startswith('"') else value
    if kind in MOMENTS:
        found = _FRACTION.search(text)
        is_exact = not found or len(found[1]) <= MOMENTS[kind]
        # Below a microsecond, digits are dropped, but not in keys.
        is_exact |= not column.is_key and MOMENTS[kind] >= MOMENTS["TIMESTAMP"]
        return is_exact and (column.is_moment or column.is_key)
    if kind not in _FLOATS and not _limits(kind):  # a TIME leaves zeros out
        return kind == "TIME" and "." in text and text.rstrip("0").rstrip(".") == back
    number, other = _number_of(column, value), Decimal(back)
    if number is None:  # a text, which is a number's if that has no other
        return kind in _FLOATS and text == (plain(back) if column.is_key else back)
    is_rounded = not column.is_key and "number" in column.kinds and column.stored == kind
    if not number.is_finite() or (kind == "DOUBLE" and is_rounded):
        return other.is_finite() == number.is_finite()
    return other == number


def _number_of(column: Column, value: str) -> Decimal | None:
    """Return a value that is a number, or a decimal that is sent as a text."""
    is_text = value.startswith('"')
    if is_text and ("number" in column.kinds or not column.type.startswith("DECIMAL")):
        return None
    try:
        return Decimal(msgspec.json.decode(value) if is_text else value)
    except InvalidOperation:
        return None


def _limits(kind: str) -> tuple[int, int, int] | None:
    """Return the least and greatest whole part of an exact type, and its digits after the point."""
    if found := _DECIMAL.fullmatch(kind):
        most = 10 ** (int(found[1]) - int(found[2])) - 1
        return -most, most, int(found[2])
    return (*_RANGES[kind], 0) if kind in _RANGES else None


def _wider(column: Column, bad: list[str]) -> list[str]:
    """Return the types that could hold what a column's type does not, best ones first."""
    old, numbers = column.stored, [_number_of(column, value) for value in bad]
    least, most, places = _limits(old) or (0, 0, None)
    is_number = None not in numbers and (places is not None or old in _FLOATS)
    # A key becomes a text where each of its values has one text only.
    has_one_text = places == 0 or old in _ONE_TEXT
    if column.is_key and (old in _FLOATS or not (is_number or has_one_text)):
        return []
    if column.is_moment and old in MOMENTS:
        return ["TIMESTAMP", "VARCHAR"] if old.startswith("TIMESTAMP_") else []
    if not is_number:
        return ["JSON" if column.type == "JSON" else "VARCHAR"]
    exact: list[str] = []
    digits = [digits_of(number) for number in numbers if number is not None and number.is_finite()]
    if len(digits) == len(numbers):
        whole, scale = (max(found) for found in zip(*digits, (0, places or 0), strict=True))
        if scale == 0 and not old.startswith("DECIMAL"):
            exact = [kind for kind, (low, high) in SIGNED.items() if low <= least and most <= high]
        if whole + scale <= DIGITS:
            # With 38 digits the values that are there decide.
            before = max(whole, len(str(most or "")), 1 - scale)
            exact.append(f"DECIMAL({min(before + scale, DIGITS)},{scale})")
    if column.is_key or "number" not in column.kinds or old == "DOUBLE":
        return exact
    # A number has a DOUBLE in a new table; money, which has a DECIMAL, stays exact.
    return [*exact, "DOUBLE"] if old.startswith("DECIMAL") else ["DOUBLE", *exact]
