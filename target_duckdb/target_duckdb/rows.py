"""Records of one stream, checked and made ready for one INSERT."""

from __future__ import annotations

import json
import re
import typing as t
from datetime import datetime, timezone

import msgspec

from target_duckdb.columns import INTEGERS, METADATA, is_flattened
from target_duckdb.errors import UnfitError

if t.TYPE_CHECKING:
    from target_duckdb.columns import Column, Schema

_PLACE = re.compile(r"^(?P<reason>.*?) - at `\$\.(?P<column>.*)`$", re.DOTALL)
_MISSING = re.compile(r"^Object missing required field `(?P<column>.*)`$", re.DOTALL)
_FRACTION = re.compile(r"(\.\d{6})\d+")
_NULL = b"null"
_ODD = re.compile(r'[\\"\x00-\x1f]')
_EXACT_IN_DOUBLE = 53


class Rows:
    """The rows of a stream that wait to be written, the last one of each key."""

    def __init__(
        self,
        stream: str,
        columns: dict[str, tuple[Column, str]],
        keys: list[str],
        schema: Schema,
        levels: int,
    ) -> None:
        """Prepare the conversion of every column.

        Args:
            stream: Name of the stream.
            columns: The columns of the schema by name, each with the type it has in the table.
            keys: Names of the key columns.
            schema: The JSON schema.
            levels: How many levels of objects are flattened.
        """
        self.stream = stream
        self.keys = keys
        self.lines: dict[t.Any, str] = {}
        self.size = 0
        self._schema, self._levels = schema, levels
        fields = {name: f"c{number}" for number, name in enumerate(columns)}
        # msgspec cannot have every name as a field's.
        self._aliases = {name: f"_{field}_" for name, field in fields.items() if _ODD.search(name)}
        self._raw: list[tuple[str, bool]] = []
        self._keys = [(fields[name], columns[name][1] == "TIMESTAMP") for name in keys]
        self._names = {field: name for name, field in fields.items()}
        definitions: list[tuple[t.Any, ...]] = []
        self.columns: dict[str, tuple[str, str]] = {}
        """Name and type of each column, by the name that it has in the lines."""
        for name, (column, kind) in columns.items():
            python = _python_type(column, kind)
            if python is msgspec.Raw:
                self._raw.append((fields[name], kind == "VARCHAR"))
            if name in keys:
                definitions.insert(0, (fields[name], python))
            else:
                optional = python if python is msgspec.Raw else python | None
                definitions.append((fields[name], optional, None))
            self.columns[self._aliases.get(name, name)] = name, kind
        renamed = {field: self._aliases.get(name, name) for name, field in fields.items()}
        for number, (name, kind) in enumerate(METADATA.items()):
            if name != "_sdc_batched_at":
                renamed[f"m{number}"] = name
                self.columns[name] = name, kind
                definitions.append((f"m{number}", (int if kind == "BIGINT" else str) | None, None))
        row: t.Any = msgspec.defstruct("Row", definitions, rename=renamed, gc=False)
        self._decode = msgspec.json.Decoder(row).decode
        self._encode = msgspec.json.Encoder().encode

    def add(self, record: msgspec.Raw, extracted: str | None, version: int | None) -> None:
        """Add a record.

        Args:
            record: The record.
            extracted: When the tap read it.
            version: The version of the table that it belongs to.

        Raises:
            UnfitError: If a value does not fit.
        """
        if self._levels or self._aliases:
            record = msgspec.Raw(
                msgspec.json.encode(self._flat(record, self._schema, self._levels))
            )
        try:
            row = self._decode(record)
        except msgspec.DecodeError as error:
            raise self._unfit(str(error)) from None
        for field, as_text in self._raw:
            value = getattr(row, field)
            if value is not None:
                setattr(row, field, self._text(field, value, as_text=as_text))
        if extracted is not None:
            row.m0 = extracted
        if version is not None:
            row.m3 = version
        line = self._encode(row).decode()
        self.size += len(line)
        self.lines[self._key(row) if self._keys else len(self.lines)] = line

    def clear(self) -> None:
        """Forget the rows, which are written."""
        self.lines, self.size = {}, 0

    def _key(self, row: t.Any) -> t.Any:
        key = []
        for field, is_time in self._keys:
            value = getattr(row, field)
            if value is None:
                raise UnfitError(self.stream, self._names[field], "a key is null")
            key.append(self._moment(field, value) if is_time else value)
        return tuple(key)

    def _moment(self, field: str, value: str) -> datetime:
        try:
            found = msgspec.convert(_FRACTION.sub(r"\1", value), datetime)
        except msgspec.ValidationError:
            raise UnfitError(self.stream, self._names[field], "not a date-time") from None
        return found if found.tzinfo else found.replace(tzinfo=timezone.utc)

    def _text(self, field: str, value: msgspec.Raw, *, as_text: bool) -> str | None:
        try:
            text = str(value, "utf-8")
            if text == "null":
                return None
            return t.cast("str", json.loads(text)) if as_text and text.startswith('"') else text
        except ValueError:
            raise UnfitError(self.stream, self._names[field], "not valid JSON") from None

    def _flat(self, record: msgspec.Raw, schema: Schema, levels: int, prefix: str = "") -> t.Any:
        try:
            values = msgspec.json.decode(record, type=dict[str, msgspec.Raw])
        except msgspec.DecodeError:
            raise UnfitError(self.stream, prefix[:-2] or None, "not an object") from None
        found = {}
        for name, value in values.items():
            node = schema.get("properties", {}).get(name)
            if not is_flattened(node, levels):
                found[self._aliases.get(prefix + name, prefix + name)] = value
            elif bytes(value) != _NULL:
                found |= self._flat(value, node, levels - 1, f"{prefix}{name}__")
        return found

    def _unfit(self, reason: str) -> UnfitError:
        if match := _PLACE.match(reason):
            names = {alias: name for name, alias in self._aliases.items()}
            column = names.get(match["column"], match["column"])
            return UnfitError(self.stream, column, match["reason"])
        if match := _MISSING.match(reason):
            return UnfitError(self.stream, match["column"], "a key is missing")
        return UnfitError(self.stream, None, reason)


def _python_type(column: Column, kind: str) -> t.Any:
    """Choose what msgspec checks; it leaves Raw as it is."""
    if kind == "VARCHAR" and (column.mixed or column.type not in {"VARCHAR", "TIMESTAMP"}):
        return msgspec.Raw
    if kind == "DOUBLE" and column.type in INTEGERS:
        # A whole number that a float cannot hold exactly would change.
        return _whole(_EXACT_IN_DOUBLE)
    if kind in INTEGERS:
        return _whole(min(INTEGERS[kind], 63)) if column.type != "HUGEINT" else int
    return {"DOUBLE": float, "BOOLEAN": bool, "JSON": msgspec.Raw}.get(kind, str)


def _whole(bits: int) -> t.Any:
    return t.Annotated[int, msgspec.Meta(ge=-(2**bits), le=2**bits - 1)]
