"""One value and its column: whether the column's type gives it back as it was sent."""

from __future__ import annotations

import re
import typing as t
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

import msgspec

from target_duckdb.columns import FLOATS, MOMENTS, digits_of, holds, plain

if t.TYPE_CHECKING:
    from target_duckdb.columns import Column

_KINDS = {'"': "string", "t": "boolean", "f": "boolean", "{": "object", "[": "array"}
_MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):?(\d\d)?)?"
)
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_FRACTION = re.compile(r"\.[0-9]{1,6}\Z")
_READ: dict[str, t.Callable[[str], t.Any]] = {
    "DATE": date.fromisoformat,
    "TIME": time.fromisoformat,
    "UUID": UUID,
}
"""Types of texts, each with what reads one; what it writes is what the column gives back."""
_LEAP = 60
_NANOSECOND_YEARS = range(1678, 2262)
NOT_FINITE = {"NaN", "Infinity", "-Infinity"}


class Misfit(Exception):  # noqa: N818 - not an error until no type holds the value
    """A column's type does not hold a value that the schema allows."""

    def __init__(self, column: Column, number: Decimal | None = None) -> None:
        """Name the column, and the value where it is a number."""
        super().__init__(column.name)
        self.column = column
        self.number = number


def convert(column: Column, raw: msgspec.Raw) -> str | bool | None:
    """Return what stands for a JSON value in a line; see `Rows`.

    Raises:
        Misfit: The column must change its type first.
        ValueError: The schema, or JSON, does not allow the value; the text says why.
    """
    text = str(raw, "utf-8")
    if text == "null":
        return None
    kinds, kind = column.meaning.kinds, _KINDS.get(text[0], "number")
    if kind == "string":
        text = msgspec.json.decode(raw, type=str)
        if "number" in kinds and "string" not in kinds and text in NOT_FINITE:
            kind = "number"  # JSON has no such number: `Loader` has made a text of it
    elif kind == "number" and "number" not in kinds and digits_of(_number(text))[1] == 0:
        kind = "integer"
    if kind not in kinds:
        allowed = "|".join(sorted(column.meaning.types))
        msg = f"a value of the type {kind}, where the schema has {allowed}"
        raise ValueError(msg)
    if column.stored == "JSON":
        return _minified(raw) if column.is_key else str(raw, "utf-8")
    if kind == "string":
        return _as_text(column, text)
    if column.stored == "VARCHAR":
        return _as_varchar(column, kind, text, raw)
    return _as_scalar(column, kind, text)


def _as_text(column: Column, text: str) -> str:
    if column.stored == "VARCHAR":
        return text
    if column.stored in MOMENTS:
        return _as_moment(column, text)
    if column.stored not in _READ:
        return _as_number(column, text)
    # A TIME leaves zeros at the end of its fraction out.
    whole = _FRACTION.sub("", text) if column.stored == "TIME" else text
    with suppress(ValueError):
        if str(_READ[column.stored](whole)) == whole:
            return text
    raise Misfit(column)


def _as_scalar(column: Column, kind: str, text: str) -> str | bool:
    if kind == "boolean" and column.stored == "BOOLEAN":
        return text == "true"
    if kind not in {"number", "integer"}:
        raise Misfit(column)
    number = _number(text)
    if not holds(column.stored, number, exactly=column.is_key or kind == "integer"):
        raise Misfit(column, number)
    return text if column.stored in FLOATS else plain(number)


def _minified(raw: msgspec.Raw) -> str:
    return str(msgspec.json.format(bytes(raw), indent=-1), "utf-8")


def _number(text: str) -> Decimal:
    if not _NUMBER.fullmatch(text) and text not in NOT_FINITE:
        msg = "not valid JSON"
        raise ValueError(msg)
    return Decimal(text)


def _as_varchar(column: Column, kind: str, text: str, raw: msgspec.Raw) -> str:
    if column.is_key:
        if kind in {"number", "integer"}:
            return plain(_number(text))
        return _minified(raw)
    if column.type == "JSON":
        raise Misfit(column)
    return text


def _as_number(column: Column, text: str) -> str:
    """Take a number that is sent as a text: a decimal, or a key in a column of numbers."""
    if not _NUMBER.fullmatch(text):
        raise Misfit(column)
    number = Decimal(text)
    is_decimal = column.type.startswith("DECIMAL") and "number" not in column.meaning.kinds
    is_same = column.is_key and column.stored in FLOATS and plain(number) == text
    if not is_decimal and not is_same:
        raise Misfit(column)
    if not holds(column.stored, number):
        raise Misfit(column, number if is_decimal else None)
    return plain(number)


def _as_moment(column: Column, text: str) -> str:
    """Return a moment in UTC, without a zone, with all its digits."""
    found = _MOMENT.fullmatch(text)
    try:
        day, minute, second, fraction, sign, hours, minutes = found.groups() if found else ()
        moment = datetime.fromisoformat(f"{day} {minute}:{min(int(second), _LEAP - 1):02}")
        moment += timedelta(seconds=second == str(_LEAP))
        offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
        moment += offset if sign == "-" else -offset
    except (ValueError, OverflowError):
        if not column.is_moment:
            raise Misfit(column) from None
        msg = "a value does not fit"
        raise ValueError(msg) from None
    digits = (fraction or "").rstrip("0")
    utc = moment.isoformat(sep=" ") + (f".{digits}" if digits else "")
    precision = MOMENTS[column.stored]
    is_exact = len(digits) <= precision
    if not column.is_moment and not column.is_key:
        is_exact = is_exact and text == utc.replace(" ", "T") + "Z"
    elif not column.is_key and precision >= MOMENTS["TIMESTAMP"]:
        is_exact = True  # below a microsecond, digits are dropped
    is_old = column.stored == "TIMESTAMP_NS" and moment.year not in _NANOSECOND_YEARS
    if is_old or not is_exact:
        raise Misfit(column)
    return utc
