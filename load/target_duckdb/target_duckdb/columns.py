"""The columns of a stream: which type a new one gets, and which one holds more."""

from __future__ import annotations

import math
import re
import typing as t
from dataclasses import dataclass
from decimal import Context, Decimal

from target_duckdb import refuse
from target_duckdb.schema import Meaning, read

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from target_duckdb.schema import Schema

_BITS = {"TINYINT": 7, "SMALLINT": 15, "INTEGER": 31, "BIGINT": 63, "HUGEINT": 127}
SIGNED = {name: (-(2**bits), 2**bits - 1) for name, bits in _BITS.items()}
_RANGES = SIGNED | {f"U{name}": (0, 2 ** (bits + 1) - 1) for name, bits in _BITS.items()}
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
_DIGITS = 38
"""Of a DECIMAL."""
_LONGEST_SCALE = 18
"""Of a DECIMAL whose bounds are not known."""
MOMENTS = {
    "TIMESTAMP_S": 0,
    "TIMESTAMP_MS": 3,
    "TIMESTAMP": 6,
    "TIMESTAMP WITH TIME ZONE": 6,
    "TIMESTAMP_NS": 9,
}
"""Types of moments, with their digits below a second."""
_FORMATS = {"date-time": "TIMESTAMP", "date": "DATE", "time": "TIME", "uuid": "UUID"}
_DECIMAL_TEXTS = {"singer.decimal", "x-singer.decimal"}
FLOATS = {"FLOAT", "DOUBLE"}
_FLOAT_DIGITS, _LEAST_FLOAT = 6, 1e-37
"""What a FLOAT holds in any case."""
_ONE_TEXT = {"BOOLEAN", "DATE", "UUID"}
_EXACT = Context(prec=10_000)
_TIME = {"type": ["string", "null"], "format": "date-time"}
METADATA: dict[str, Schema] = {
    "_sdc_extracted_at": _TIME,
    "_sdc_batched_at": _TIME,
    "_sdc_deleted_at": _TIME,
    "_sdc_table_version": {"type": ["integer", "null"]},
}


@dataclass
class Column:
    """A column, as the schema has it."""

    name: str
    meaning: Meaning
    is_key: bool
    type: str
    """The type in a new table."""
    stored: str
    """The type in this table."""

    @property
    def is_moment(self) -> bool:
        """Whether every value is a date-time by its schema."""
        return self.meaning.types == {"string"} and self.meaning.formats == {"date-time"}


def fold(name: str) -> str:
    """Return a name the way DuckDB compares names: ASCII letters are small."""
    return name.encode().lower().decode()


def columns_of(stream: str, meaning: Meaning, keys: Sequence[str], levels: int) -> list[Column]:
    """Return the columns of a stream and of METADATA, with so many levels of objects flattened."""
    found: dict[str, Column] = {}
    for name, inner in _leaves(meaning, levels):
        if not name:
            refuse(stream, None, "a property has an empty name; rename or deselect it")
        if fold(name) in METADATA:
            continue  # it has the type that it always has
        column = _column(name, inner, is_key=name in keys)
        other = found.setdefault(fold(name), column)
        if other is not column:
            names = f"{other.name} and {name}"
            refuse(stream, None, f"DuckDB cannot tell the columns {names} apart; rename one")
    if not found:
        refuse(stream, None, "its SCHEMA has no properties")
    if missing := set(keys) - {column.name for column in found.values()}:
        refuse(stream, None, f"the schema has no property {', '.join(sorted(missing))}, a key")
    return [*found.values(), *(_column(n, read(node)) for n, node in METADATA.items())]


def _column(name: str, meaning: Meaning, *, is_key: bool = False) -> Column:
    kind = _type(meaning, is_key=is_key)
    return Column(name, meaning, is_key, kind, kind)


def is_flattened(meaning: Meaning, levels: int) -> bool:
    """Whether the fields of an object become columns."""
    return levels > 0 and bool(meaning.properties)


def _limits(kind: str) -> tuple[int, int, int] | None:
    """Return the least and greatest whole part of an exact type, and its digits after the point."""
    if found := _DECIMAL.fullmatch(kind):
        most = 10 ** (int(found[1]) - int(found[2])) - 1
        return -most, most, int(found[2])
    return (*_RANGES[kind], 0) if kind in _RANGES else None


def holds(kind: str, number: Decimal, *, exactly: bool = True) -> bool:
    """Whether a type of numbers gives a number back; `exactly` if a DOUBLE must not round it."""
    if not number.is_finite():
        return kind in FLOATS
    value = abs(float(number))
    if kind == "DOUBLE":
        return value < math.inf and (not exactly or Decimal(repr(value)) == abs(number))
    if kind == "FLOAT":
        digits = number.normalize(_EXACT).as_tuple().digits
        is_normal = value == 0 or _LEAST_FLOAT < value < 1 / _LEAST_FLOAT
        return is_normal and len(digits) <= _FLOAT_DIGITS
    limits = _limits(kind)
    if not limits:
        return False
    least, most, places = limits
    whole, scale = digits_of(number)
    return scale <= places and whole <= _DIGITS + 1 and least <= int(number) <= most


def wider(column: Column, number: Decimal | None) -> list[str]:
    """Return the types that could hold what a column's type does not, best ones first.

    Args:
        column: The column.
        number: The value, where it is a number.
    """
    old = column.stored
    *_, places = _limits(old) or (None,)
    if number is None or (places is None and old not in FLOATS):
        # A key becomes a text where each of its values has one text only.
        if column.is_key and places != 0 and old not in _ONE_TEXT:
            return []
        if column.is_moment and old in MOMENTS:
            return ["TIMESTAMP", "VARCHAR"] if old.startswith("TIMESTAMP_") else []
        return ["JSON" if column.type == "JSON" else "VARCHAR"]
    if column.is_key and old in FLOATS:
        return []
    exact = _exact(old, number) if number.is_finite() else []
    is_double = not column.is_key and "number" in column.meaning.kinds and holds("DOUBLE", number)
    if not is_double or old == "DOUBLE":
        return exact
    # A number has a DOUBLE in a new table; money, which has a DECIMAL, stays exact.
    return [*exact, "DOUBLE"] if old.startswith("DECIMAL") else ["DOUBLE", *exact]


def text_of(name: str, kind: str) -> str:
    """Return SQL for a column's values as texts, as a tap would send them."""
    if kind not in MOMENTS:
        return f"{name}::VARCHAR"
    value = f"{name}::TIMESTAMP" if kind.endswith("ZONE") else name
    return f"replace({value}::VARCHAR, ' ', 'T') || 'Z'"


def plain(number: Decimal) -> str:
    """Return the one text of a number, without an exponent and zeros at its end."""
    short = number.normalize(_EXACT)
    return f"{short:f}" if abs(short.adjusted()) < _EXACT.prec else str(short)


def _exact(old: str, number: Decimal) -> list[str]:
    whole, scale = digits_of(number)
    least, most, places = _limits(old) or (0, 0, 0)
    scale = max(scale, places)
    found = []
    if scale == 0 and not old.startswith("DECIMAL"):
        fitting = (k for k, (low, high) in SIGNED.items() if low <= least and most <= high)
        found = [k for k in fitting if holds(k, number)][:1]
    if whole + scale <= _DIGITS:
        # With 38 digits the values that are there decide.
        before = max(whole, len(str(most or "")), 1 - scale)
        found.append(f"DECIMAL({min(before + scale, _DIGITS)},{scale})")
    return found


def digits_of(number: Decimal) -> tuple[int, int]:
    """Return how many digits a number has before its point and after it."""
    if not number:
        return 0, 0
    exponent = t.cast("int", number.normalize(_EXACT).as_tuple().exponent)
    return max(number.adjusted() + 1, 0), max(-exponent, 0)


def _leaves(meaning: Meaning, levels: int, prefix: str = "") -> Iterator[tuple[str, Meaning]]:
    for name, inner in meaning.properties.items():
        if is_flattened(inner, levels):
            yield from _leaves(inner, levels - 1, f"{prefix}{name}__")
        else:
            yield prefix + name, inner


def _type(meaning: Meaning, *, is_key: bool) -> str:
    """Return the type of a new column."""
    kinds = meaning.types
    if kinds == {"boolean"}:
        return "BOOLEAN"
    if kinds == {"integer"}:
        return _integer(meaning.least, meaning.most)
    if kinds == {"integer", "number"}:
        return _decimal(meaning) or ("DECIMAL(38,0)" if is_key else "DOUBLE")
    if not kinds or kinds & {"object", "array"} or "string" not in kinds:
        return "JSON"
    form = next(iter(meaning.formats)) if len(meaning.formats) == 1 else None
    if form in _DECIMAL_TEXTS and meaning.precision:
        return _decimal(meaning) or "VARCHAR"
    return "VARCHAR" if is_key or kinds != {"string"} else _FORMATS.get(form or "", "VARCHAR")


def _decimal(meaning: Meaning) -> str | None:
    """Return the DECIMAL for a known step or precision, if its digits suffice."""
    scale, precision = meaning.scale, meaning.precision
    if precision is None and scale is not None:
        precision = _DIGITS if scale <= _LONGEST_SCALE else 0
        if meaning.least is not None and meaning.most is not None:
            bound = max(abs(meaning.least), abs(meaning.most))
            precision = max(digits_of(bound.to_integral_value())[0], 1) + scale
    is_enough = precision and 0 < precision <= _DIGITS >= (scale or 0)
    return f"DECIMAL({precision},{scale or 0})" if is_enough else None


def _integer(*bounds: Decimal | None) -> str:
    known = [bound for bound in bounds if bound is not None]
    for kind in ("INTEGER", "BIGINT")[len(known) < len(bounds) :]:
        least, most = SIGNED[kind]
        if all(least <= bound <= most for bound in known):
            return kind
    return "HUGEINT"
