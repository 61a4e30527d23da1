"""Records as the schema declares them, with nothing lost on the way.

A value has exactly its declared type. One that differs is converted where the type can
hold it without loss; otherwise it moves, like an unknown field, to the column
``_extra`` under its name. Unknown nested fields stay where they are, unless flattening
makes columns of the known ones.
"""

import hashlib
import typing as t
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal

import msgspec

from tap_oncehub.engine.times import utc_text

Record: t.TypeAlias = dict[str, t.Any]
# Takes a value, where to put what does not fit, and the name for it there.
Convert: t.TypeAlias = Callable[[t.Any, Record, str], t.Any]

EXTRA = "_extra"
_NAMES_TOLD = 50
_TO_MICROSECONDS = len("2026-01-31T12:00:00.123456")


class RecordConformer:
    """Gives the records of one stream the form that its schema declares."""

    def __init__(
        self,
        schema: Mapping[str, t.Any],
        keys: Sequence[str],
        warn: Callable[[str], object],
        *,
        deselected: Collection[tuple[str, ...]] = (),  # columns or parts: not written, but for keys
        flatten_depth: int = 0,  # so many levels of objects become columns of their known fields
    ) -> None:
        properties = {name: part for name, part in schema["properties"].items() if name != EXTRA}
        self._hidden = {path[0] for path in deselected if len(path) == 1}
        self._columns = {
            name: converter_for(part, flatten_depth, top=True)
            for name, part in properties.items()
            if name not in self._hidden or name in keys
        }
        self._empty: Record = dict.fromkeys(self._columns)
        self._with_extra = EXTRA not in self._hidden
        self._inside = [path for path in deselected if len(path) > 1]
        self._keys = {key: properties[key] for key in keys if key in properties}
        self._warn = warn
        self._warned: set[str] = set()

    def conform(self, row: Mapping[str, t.Any]) -> Record:
        """Return an object of the API as a record with every column of the schema."""
        row = _without(row, self._inside) if self._inside else row
        record, extra, unknown = self._empty.copy(), Record(), Record()
        for name, value in row.items():
            if convert := self._columns.get(name):
                record[name] = None if value is None else convert(value, extra, name)
            elif name not in self._hidden:
                unknown[name] = value
        if extra:
            self._tell(extra, "does not fit its column")
        if unknown:
            self._tell(unknown, "is new")
            extra |= unknown
        for key, part in self._keys.items():
            if record[key] in {None, ""}:
                self._tell({key: None}, "is missing, wrote a placeholder")
                record[key] = _surrogate_key(row, part)
        if self._with_extra:
            record[EXTRA] = extra or None
        return record

    def _tell(self, names: Mapping[str, t.Any], what: str) -> None:
        new = [name for name in names if name not in self._warned]
        for name in new[: _NAMES_TOLD - len(self._warned)]:
            self._warned.add(name)
            self._warn(f"the field {name!r:.100} {what}; what was sent is kept in {EXTRA}")


def _without(value: t.Any, paths: Sequence[tuple[str, ...]]) -> t.Any:
    """Return a value without what stands at the paths, also where a list is in the way."""
    if isinstance(value, list):
        return [_without(item, paths) for item in value]
    if not isinstance(value, dict):
        return value
    gone = {path[0] for path in paths if len(path) == 1}
    return {
        name: _without(item, [path[1:] for path in paths if path[0] == name and path[1:]])
        for name, item in value.items()
        if name not in gone
    }


def _surrogate_key(row: Mapping[str, t.Any], part: Mapping[str, t.Any]) -> str:
    """Make a key for a record without one; the same record gets the same key."""
    digest = hashlib.sha256(ENCODER.encode(row)).hexdigest()
    if part.get("format") == "date-time":
        return f"1970-01-01T00:00:00.{int(digest, 16) % 10**6:06d}Z"
    return f"missing-{digest[:32]}"


ENCODER = msgspec.json.Encoder(decimal_format="number", order="deterministic")
DECODER = msgspec.json.Decoder(float_hook=Decimal)
NO_JSON = (msgspec.DecodeError, ValueError, RecursionError, ArithmeticError)
_EXACT_IN_DOUBLE = 2**53


def converter_for(part: Mapping[str, t.Any], depth: int = 0, *, top: bool = False) -> Convert:
    """Return what converts a value to its declared type without loss.

    At the top, a value has a column of its own; down to the depth, an object has columns for its
    known fields only.
    """
    types = part.get("type", "string")
    for name, make in _MAKERS.items():
        if name in ([types] if isinstance(types, str) else types):
            return make(part, depth)
    if part.get("format") == "date-time":
        return _time
    return _column_text if top else _text


def _column_text(value: t.Any, overflow: Record, name: str) -> t.Any:
    if not isinstance(value, (dict, list)):
        return value if isinstance(value, str) else ENCODER.encode(value).decode()
    overflow[name] = value
    expanded = value.get("id") if isinstance(value, dict) else None
    return expanded if isinstance(expanded, str) else None


def _text(value: t.Any, _overflow: Record, _name: str) -> str:
    return value if isinstance(value, str) else ENCODER.encode(value).decode()


def _time(value: t.Any, overflow: Record, name: str) -> str | None:
    text = utc_text(value) if isinstance(value, str) else None
    if text is None or text[_TO_MICROSECONDS:].strip("0Z"):
        overflow[name] = value  # loaders cut or refuse what is finer
    if text is None or len(text) <= _TO_MICROSECONDS:
        return text
    return f"{text[:_TO_MICROSECONDS]}Z"


def _scalar(fitting: Callable[[t.Any], t.Any]) -> Convert:
    """Return what converts to a type other than text; a text that is its JSON stands for it."""

    def convert(value: t.Any, overflow: Record, name: str) -> t.Any:
        found = value
        if isinstance(value, str):
            with suppress(*NO_JSON):
                found = DECODER.decode(value)
        found = fitting(found)
        if found is None:
            overflow[name] = value
        return found

    return convert


def _integer(part: Mapping[str, t.Any], _depth: int) -> Convert:
    highest = part.get("maximum", 2**63 - 1)
    lowest = part.get("minimum", -highest - 1)

    def fitting(value: t.Any) -> int | None:
        is_number = isinstance(value, (int, Decimal)) and not isinstance(value, bool)
        fits = is_number and lowest <= value <= highest and value == int(value)
        return int(value) if fits else None

    return _scalar(fitting)


def _number(value: t.Any) -> float | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value if abs(value) <= _EXACT_IN_DOUBLE else None
    exact = isinstance(value, Decimal) and Decimal(repr(float(value))) == value
    return float(value) if exact else None


def _array(part: Mapping[str, t.Any], _depth: int) -> Convert:
    convert_item = converter_for(part.get("items", {}))
    return _nested(
        list,
        lambda value, inner: [
            None if item is None else convert_item(item, inner, str(index))
            for index, item in enumerate(value)
        ],
    )


def _object(part: Mapping[str, t.Any], depth: int) -> Convert:
    parts = part.get("properties", {})
    converters = {name: converter_for(p, depth - 1) for name, p in parts.items()}
    is_flattened = parts and depth > 0

    def convert(value: Record, inner: Record) -> Record:
        result: Record = {}
        for key, item in value.items():
            if convert_item := converters.get(key):
                result[key] = None if item is None else convert_item(item, inner, key)
            else:
                (inner if is_flattened else result)[key] = item
        return result

    return _nested(dict, convert)


def _nested(kind: type, convert_parts: Callable[[t.Any, Record], t.Any]) -> Convert:
    """Return what converts a value part by part; what does not fit keeps its place in it."""

    def convert(value: t.Any, overflow: Record, name: str) -> t.Any:
        inner: Record = {}
        fits = isinstance(value, kind)
        result = convert_parts(value, inner) if fits else None
        if inner or not fits:
            overflow[name] = inner or value
        return result

    return convert


_MAKERS: dict[str, Callable[[Mapping[str, t.Any], int], Convert]] = {
    "object": _object,
    "array": _array,
    "integer": _integer,
    "number": lambda *_: _scalar(_number),
    "boolean": lambda *_: _scalar(lambda value: value if isinstance(value, bool) else None),
}
