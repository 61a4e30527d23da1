"""The columns of a stream: which type a new one gets, and which one holds more."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass
from decimal import Context, Decimal

from target_duckdb import TargetError
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
FLOATS = {"FLOAT": 6, "DOUBLE": 15}
"""Floating point numbers, with the digits that each holds in any case."""
_LEAST_FLOAT = 1e-37
_EXACT = Context(prec=10_000)
METADATA = {
    "_sdc_extracted_at": "TIMESTAMP",
    "_sdc_batched_at": "TIMESTAMP",
    "_sdc_deleted_at": "TIMESTAMP",
    "_sdc_table_version": "BIGINT",
}
_METADATA_MEANINGS = {
    "TIMESTAMP": Meaning(frozenset({"string", "null"}), frozenset({"date-time"})),
    "BIGINT": Meaning(frozenset({"integer", "null"})),
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


def columns_of(stream: str, schema: Schema, keys: Sequence[str], levels: int) -> list[Column]:
    """Return the columns of a stream and of METADATA, with so many levels of objects flattened."""
    found: dict[str, Column] = {}
    for name, meaning in _leaves(read(schema, schema), levels):
        if not name:
            msg = f"stream {stream}: a property has an empty name; rename or deselect it"
            raise TargetError(msg)
        if fold(name) in METADATA:
            continue  # it has the type that it always has
        kind = _type(meaning, is_key=name in keys)
        column = Column(name, meaning, name in keys, kind, kind)
        other = found.setdefault(fold(name), column)
        if other is not column:
            msg = (
                f"stream {stream}: DuckDB cannot tell the columns {other.name} and {name} apart; "
                "rename or deselect one of them"
            )
            raise TargetError(msg)
    if not found:
        msg = f"stream {stream}: its SCHEMA has no properties"
        raise TargetError(msg)
    if missing := set(keys) - {column.name for column in found.values()}:
        msg = f"stream {stream}: the schema has no property {', '.join(sorted(missing))}, a key"
        raise TargetError(msg)
    more = (Column(n, _METADATA_MEANINGS[k], False, k, k) for n, k in METADATA.items())  # noqa: FBT003
    return [*found.values(), *more]


def is_flattened(meaning: Meaning, levels: int) -> bool:
    """Whether the fields of an object become columns."""
    return levels > 0 and bool(meaning.properties)


def holds(kind: str, number: Decimal, *, exactly: bool = True) -> bool:
    """Whether a type of numbers gives this number back.

    Args:
        kind: The type.
        number: The number.
        exactly: Whether a DOUBLE must not round it either.
    """
    if kind in FLOATS:
        return not number.is_finite() or _is_in_float(kind, number, exactly=exactly)
    if not number.is_finite():
        return False
    whole, scale = digits_of(number)
    if kind in _RANGES:
        least, most = _RANGES[kind]
        return scale == 0 and whole <= _DIGITS + 1 and least <= int(number) <= most
    found = _DECIMAL.fullmatch(kind)
    return bool(found and scale <= int(found[2]) and whole <= int(found[1]) - int(found[2]))


def _is_in_float(kind: str, number: Decimal, *, exactly: bool) -> bool:
    value = float(number)
    if kind == "FLOAT":
        digits = len(number.normalize(_EXACT).as_tuple().digits)
        return digits <= FLOATS[kind] and (
            value == 0 or _LEAST_FLOAT < abs(value) < 1 / _LEAST_FLOAT
        )
    return abs(value) != float("inf") and (not exactly or Decimal(repr(value)) == number)


def wider(column: Column, number: Decimal | None) -> list[str]:
    """Return the types that could hold what a column's type does not, best ones first.

    Args:
        column: The column.
        number: The value, where it is a number.
    """
    old = column.stored
    if number is None or not _is_number(old):
        return _wider_text(column)
    if column.is_key and old in FLOATS:
        return []
    exact = _exact(old, number) if number.is_finite() else []
    is_double = not column.is_key and "number" in column.meaning.kinds and holds("DOUBLE", number)
    if not is_double or old == "DOUBLE":
        return exact
    # A number has a DOUBLE in a new table; money, which has a DECIMAL, stays exact.
    return [*exact, "DOUBLE"] if _DECIMAL.fullmatch(old) else ["DOUBLE", *exact]


def _wider_text(column: Column) -> list[str]:
    old = column.stored
    if column.is_key and not _is_text_of_its_own(old):
        return []
    if column.is_moment and old in MOMENTS:
        return ["TIMESTAMP", "VARCHAR"] if old[9:] in {"_S", "_MS", "_NS"} else []
    return ["JSON" if column.type == "JSON" else "VARCHAR"]


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
    decimal = _DECIMAL.fullmatch(old)
    least, most = _RANGES.get(old, (0, 0))
    found = []
    if decimal:
        scale = max(scale, int(decimal[2]))
        before = int(decimal[1]) - int(decimal[2])
    else:
        before = len(str(most)) if most else 0
        if scale == 0:
            fitting = (k for k, (low, high) in SIGNED.items() if low <= least and most <= high)
            found = [k for k in fitting if holds(k, number)][:1]
    if whole + scale <= _DIGITS:
        # With 38 digits the values that are there decide.
        found.append(f"DECIMAL({min(max(whole, before, 1 - scale) + scale, _DIGITS)},{scale})")
    return found


def digits_of(number: Decimal) -> tuple[int, int]:
    """Return how many digits a number has before its point and after it."""
    if not number:
        return 0, 0
    exponent = t.cast("int", number.normalize(_EXACT).as_tuple().exponent)
    return max(number.adjusted() + 1, 0), max(-exponent, 0)


def _is_number(kind: str) -> bool:
    return kind in _RANGES or kind in FLOATS or bool(_DECIMAL.fullmatch(kind))


def _is_text_of_its_own(kind: str) -> bool:
    """Whether a key of this type has one text, so that it may become one."""
    return kind in _RANGES or kind in {"BOOLEAN", "DATE", "UUID"} or kind.endswith(",0)")


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
    if precision is not None:
        scale = scale or 0
    if scale is None:
        return None
    if precision is None:
        bounds = [abs(bound) for bound in (meaning.least, meaning.most) if bound is not None]
        if len(bounds) == 2:  # noqa: PLR2004
            precision = max(digits_of(max(bounds).to_integral_value())[0], 1) + scale
        else:
            precision = _DIGITS if scale <= _LONGEST_SCALE else _DIGITS + 1
    return f"DECIMAL({precision},{scale})" if 0 < precision <= _DIGITS >= scale else None


def _integer(least: Decimal | None, most: Decimal | None) -> str:
    low, high = SIGNED["BIGINT"]
    if (most is not None and most > high) or (least is not None and least < low):
        return "HUGEINT"
    low, high = SIGNED["INTEGER"]
    is_small = least is not None and most is not None and least >= low and most <= high
    return "INTEGER" if is_small else "BIGINT"
