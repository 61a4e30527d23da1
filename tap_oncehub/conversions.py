"""How a value takes its declared type without loss, or else moves away."""

from __future__ import annotations

import re
import typing as t
from decimal import Decimal

import msgspec

from tap_oncehub.times import utc_text

if t.TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Record: t.TypeAlias = dict[str, t.Any]
    Convert: t.TypeAlias = Callable[[t.Any, Record, str], t.Any]
    Place: t.TypeAlias = tuple[type, Convert]

ENCODER = msgspec.json.Encoder(decimal_format="number", order="deterministic")
_EXACT_IN_DOUBLE = 2**53
_INTEGER = re.compile(r"-?(?:0|[1-9]\d{0,18})", re.ASCII)
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d{1,3})?", re.ASCII)


def place(part: Mapping[str, t.Any], *, top: bool = False) -> Place:
    """Choose how a declared type takes a value, and which values fit as they are.

    Most values are texts that fit: a call for each of them would cost as much as all
    other conversions together.

    Args:
        part: The schema of a value.
        top: Whether the value has a column of its own.

    Returns:
        The type of the values that fit as they are, and what converts any other. Its
        arguments are the value, where to put what does not fit, and its name.
    """
    declared = part.get("type", "string")
    types = {declared} if isinstance(declared, str) else set(declared)
    for name, make in _MAKERS.items():
        if name in types:
            return type(None), make(part)
    if "boolean" in types:
        return bool, _boolean
    if part.get("format") == "date-time":
        return type(None), _time
    return str, _column_text if top else _text


def _column_text(value: t.Any, lost: Record, name: str) -> t.Any:
    if isinstance(value, (dict, list)):
        lost[name] = value
        return None
    return _text(value, lost, name)


def _text(value: t.Any, _lost: Record, _name: str) -> str:
    return ENCODER.encode(value).decode()


def _anything(value: t.Any, _lost: Record, _name: str) -> t.Any:
    return value


def _time(value: t.Any, lost: Record, name: str) -> str | None:
    if isinstance(value, str) and (text := utc_text(value)):
        return text
    lost[name] = value
    return None


def _boolean(value: t.Any, lost: Record, name: str) -> bool | None:
    if value in ("true", "false"):
        return bool(value == "true")
    lost[name] = value
    return None


def _integer(part: Mapping[str, t.Any]) -> Convert:
    highest = part.get("maximum", 2**63 - 1)
    lowest = part.get("minimum", -highest - 1)

    def convert(value: t.Any, lost: Record, name: str) -> int | None:
        number = value
        if isinstance(value, str) and _INTEGER.fullmatch(value):
            number = int(value)
        fits = isinstance(number, (int, Decimal)) and not isinstance(number, bool)
        if fits and lowest <= number <= highest and number == int(number):
            return int(number)
        lost[name] = value
        return None

    return convert


def _number(value: t.Any, lost: Record, name: str) -> float | None:
    number = value
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        number = Decimal(value)
    if isinstance(number, int) and not isinstance(number, bool):
        if abs(number) <= _EXACT_IN_DOUBLE:
            return number
    elif isinstance(number, Decimal) and Decimal(repr(float(number))) == number:
        return float(number)
    lost[name] = value
    return None


def _array(part: Mapping[str, t.Any]) -> Convert:
    plain, convert_item = place(part.get("items", {}))

    def convert(value: t.Any, lost: Record, name: str) -> list[t.Any] | None:
        if not isinstance(value, list):
            lost[name] = value
            return None
        inner: Record = {}
        items = [
            item if item is None or type(item) is plain else convert_item(item, inner, str(index))
            for index, item in enumerate(value)
        ]
        if inner:
            lost[name] = inner
        return items

    return convert


def _object(part: Mapping[str, t.Any]) -> Convert:
    places = {name: place(inner) for name, inner in part.get("properties", {}).items()}
    unknown = (type(None), _anything)

    def convert(value: t.Any, lost: Record, name: str) -> Record | None:
        if not isinstance(value, dict):
            lost[name] = value
            return None
        inner: Record = {}
        result: Record = {}
        for key, item in value.items():
            plain, convert_item = places.get(key, unknown)
            fits = item is None or type(item) is plain
            result[key] = item if fits else convert_item(item, inner, key)
        if inner:
            lost[name] = inner
        return result

    return convert


_MAKERS: dict[str, Callable[[Mapping[str, t.Any]], Convert]] = {
    "object": _object,
    "array": _array,
    "integer": _integer,
    "number": lambda _: _number,
}
