"""The columns of a stream, and their types in a new table."""

import re
import typing as t
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal

from target_duckdb import refuse
from target_duckdb.schema import Meaning, Schema, read

_BITS = {"TINYINT": 7, "SMALLINT": 15, "INTEGER": 31, "BIGINT": 63, "HUGEINT": 127}
SIGNED = {name: (-(2**bits), 2**bits - 1) for name, bits in _BITS.items()}
_RANGES = SIGNED | {f"U{name}": (0, 2 ** (bits + 1) - 1) for name, bits in _BITS.items()}
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
DIGITS = 38
"""Of a DECIMAL."""
_LONGEST_SCALE = 18
"""Of a DECIMAL whose bounds are not known."""
FLOATS = {"FLOAT", "DOUBLE"}
MOMENTS = {"TIMESTAMP_S": 0, "TIMESTAMP_MS": 3, "TIMESTAMP": 6, "TIMESTAMP_NS": 9}
MOMENTS["TIMESTAMP WITH TIME ZONE"] = 6
"""Types of moments, with their digits below a second."""
_FORMATS = {"date-time": "TIMESTAMP", "date": "DATE", "time": "TIME", "uuid": "UUID"}
_DECIMAL_TEXTS = {"singer.decimal", "x-singer.decimal"}
_EXACT = Context(prec=10_000)
_TIME = {"type": ["string", "null"], "format": "date-time"}
METADATA: dict[str, Schema] = {f"_sdc_{n}_at": _TIME for n in ("extracted", "batched", "deleted")}
METADATA["_sdc_table_version"] = {"type": ["integer", "null"]}


@dataclass
class Column:
    """A column: its type in a new table, and the one that it has in this table."""

    name: str
    meaning: Meaning
    is_key: bool = False

    def __post_init__(self) -> None:
        self.type = self.stored = _type(self.meaning, is_key=self.is_key)

    @property
    def is_moment(self) -> bool:
        """Whether every value is a date-time by its schema."""
        return self.meaning.types == {"string"} and self.meaning.formats == {"date-time"}


def fold(name: str) -> str:
    """Return a name the way DuckDB compares names: ASCII letters are small."""
    return name.encode().lower().decode()


def quoted(name: str) -> str:
    """Return a name for SQL."""
    return '"' + name.replace('"', '""') + '"'


def columns_of(stream: str, meaning: Meaning, keys: Sequence[str], levels: int) -> list[Column]:
    """Return the columns of a stream and of METADATA, with so many levels of objects flattened."""
    found: dict[str, Column] = {}
    for name, inner in _leaves(meaning, levels):
        if not name:
            refuse(stream, None, "a property has an empty name; rename or deselect it")
        if fold(name) in METADATA:
            continue  # it has the type that it always has
        column = Column(name, inner, is_key=name in keys)
        other = found.setdefault(fold(name), column)
        if other is not column:
            names = f"{other.name} and {name}"
            refuse(stream, None, f"DuckDB cannot tell the columns {names} apart; rename one")
    if not found:
        refuse(stream, None, "its SCHEMA has no properties")
    if missing := set(keys) - {column.name for column in found.values()}:
        refuse(stream, None, f"the schema has no property {', '.join(sorted(missing))}, a key")
    return [*found.values(), *(Column(n, read(node)) for n, node in METADATA.items())]


def _leaves(meaning: Meaning, levels: int, prefix: str = "") -> Iterator[tuple[str, Meaning]]:
    for name, inner in meaning.properties.items():
        if inner.is_flattened(levels):
            yield from _leaves(inner, levels - 1, f"{prefix}{name}__")
        else:
            yield prefix + name, inner


def limits(kind: str) -> tuple[int, int, int] | None:
    """Return the least and greatest whole part of an exact type, and its digits after the point."""
    if found := _DECIMAL.fullmatch(kind):
        most = 10 ** (int(found[1]) - int(found[2])) - 1
        return -most, most, int(found[2])
    return (*_RANGES[kind], 0) if kind in _RANGES else None


def plain(number: str) -> str:
    """Return the one text of a number, without an exponent and zeros at its end."""
    short = Decimal(number).normalize(_EXACT)
    return f"{short:f}" if abs(short.adjusted()) < _EXACT.prec else str(short)


def digits_of(number: Decimal) -> tuple[int, int]:
    """Return how many digits a number has before its point and after it."""
    exponent = t.cast("int", number.normalize(_EXACT).as_tuple().exponent)
    return max(number.adjusted() + 1, 0) if number else 0, max(-exponent, 0)


def _type(meaning: Meaning, *, is_key: bool) -> str:
    """Return the type of a new column."""
    kinds = meaning.types
    if kinds == {"boolean"}:
        return "BOOLEAN"
    if kinds == {"integer"}:
        (low, high), least, most = SIGNED["INTEGER"], meaning.least, meaning.most
        is_short = least is not None and most is not None and low <= least and most <= high
        return "INTEGER" if is_short else "BIGINT"
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
        precision = DIGITS if scale <= _LONGEST_SCALE else 0
        if meaning.least is not None and meaning.most is not None:
            bound = max(abs(meaning.least), abs(meaning.most))
            precision = max(digits_of(bound.to_integral_value())[0], 1) + scale
    is_enough = precision and 0 < precision <= DIGITS >= (scale or 0)
    return f"DECIMAL({precision},{scale or 0})" if is_enough else None
