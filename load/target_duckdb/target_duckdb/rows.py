"""Records of one stream, checked and made ready for one INSERT."""

from __future__ import annotations

import json
import re
import typing as t
from decimal import Decimal

import msgspec

from target_duckdb import refuse
from target_duckdb.columns import INTEGERS, METADATA, is_flattened

if t.TYPE_CHECKING:
    from target_duckdb.columns import Column, Schema

_PLACE = re.compile(r"^(?P<reason>.*?) - at `\$\.(?P<column>.*)`$", re.DOTALL)
_MISSING = re.compile(r"^Object missing required field `(?P<column>.*)`$", re.DOTALL)
_FLOAT = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
_MOST_DIGITS = 39  # of a HUGEINT
_ODD = re.compile(r'[\\"\x00-\x1f]')
_EXACT_IN_DOUBLE = 53


class Rows:
    """The rows of a stream that wait to be written."""

    def __init__(
        self, stream: str, columns: list[Column], keys: list[str], schema: Schema, levels: int
    ) -> None:
        """Prepare the checks of every column; see `columns_of` for `levels`."""
        self.stream = stream
        self.keys = keys
        self.lines: list[str] = []
        self.size = 0
        self.columns: dict[str, tuple[str, str]] = {}
        """Name and type of each column, by the name that it has in the lines."""
        self._schema, self._levels = schema, levels
        # msgspec cannot have every name as a field's.
        self._aliases = {c.name: f"_c{n}_" for n, c in enumerate(columns) if _ODD.search(c.name)}
        self._raw: list[tuple[str, str, bool]] = []
        self._integers: list[str] = []
        definitions: list[tuple[t.Any, ...]] = []
        renamed: dict[str, str] = {}
        for number, column in enumerate(columns):
            name, python = column.name, _python_type(column)
            if name == "_sdc_batched_at":
                continue
            field = name if name in METADATA else f"c{number}"
            renamed[field] = self._aliases.get(name, name)
            self.columns[renamed[field]] = name, column.stored
            if python is msgspec.Raw:
                self._raw.append((field, name, column.stored == "VARCHAR"))
            elif python not in {str, float, bool}:
                self._integers.append(renamed[field])
            if name in keys:
                definitions.insert(0, (field, python))
            else:
                optional = python if python is msgspec.Raw else python | None
                definitions.append((field, optional, None))
        row: t.Any = msgspec.defstruct("Row", definitions, rename=renamed, gc=False)
        self._decode = msgspec.json.Decoder(row).decode
        self._encode = msgspec.json.Encoder().encode

    def add(self, record: msgspec.Raw, extracted: str | None, version: int | None) -> None:
        """Add a record, with the time at which the tap read it and its version of the table."""
        if self._levels or self._aliases:
            flat = self._flat(record, self._schema, self._levels)
            record = msgspec.Raw(msgspec.json.encode(flat))
        row = self._row(record)
        for field, name, as_text in self._raw:
            value = getattr(row, field)
            text = None if value is None else self._text(name, value, as_text=as_text)
            if text is None and name in self.keys:
                refuse(self.stream, name, "a key is null")
            setattr(row, field, text)
        if extracted is not None:
            row._sdc_extracted_at = extracted  # noqa: SLF001
        if version is not None:
            row._sdc_table_version = version  # noqa: SLF001
        line = self._encode(row).decode()
        self.size += len(line)
        self.lines.append(line)

    def clear(self) -> None:
        """Forget the rows, which are written."""
        self.lines, self.size = [], 0

    def _row(self, record: msgspec.Raw) -> t.Any:
        try:
            try:
                return self._decode(record)
            except msgspec.ValidationError:
                if not self._integers:
                    raise
                return self._decode(self._with_integers(record))
        except UnicodeDecodeError:
            refuse(self.stream, None, "a text is not UTF-8")
        except msgspec.DecodeError as error:
            reason, column = str(error), None
            if match := _PLACE.match(reason):
                names = {alias: name for name, alias in self._aliases.items()}
                reason, column = match["reason"], names.get(match["column"], match["column"])
            elif match := _MISSING.match(reason):
                reason, column = "a key is missing", match["column"]
            refuse(self.stream, column, reason)

    def _with_integers(self, record: msgspec.Raw) -> bytes:
        """Write 5.0 and 5e0 as 5, for columns of integers: JSON Schema calls them integers."""
        values = msgspec.json.decode(record, type=dict[str, msgspec.Raw])
        for name in self._integers:
            text = str(values.get(name, b""), "utf-8")
            if _FLOAT.fullmatch(text):
                number = Decimal(text)
                if number.adjusted() < _MOST_DIGITS and number == number.to_integral_value():
                    values[name] = msgspec.Raw(str(int(number)).encode())
        return msgspec.json.encode(values)

    def _text(self, name: str, value: msgspec.Raw, *, as_text: bool) -> str | None:
        try:
            text = str(value, "utf-8")
            if text == "null":
                return None
            return t.cast("str", json.loads(text)) if as_text and text.startswith('"') else text
        except ValueError:
            refuse(self.stream, name, "not valid JSON")

    def _flat(self, record: msgspec.Raw, schema: Schema, levels: int, prefix: str = "") -> t.Any:
        try:
            values = msgspec.json.decode(record, type=dict[str, msgspec.Raw])
        except (msgspec.DecodeError, UnicodeDecodeError):
            refuse(self.stream, prefix[:-2] or None, "not a valid object")
        found = {}
        for name, value in values.items():
            node = schema.get("properties", {}).get(name)
            if not is_flattened(node, levels):
                found[self._aliases.get(prefix + name, prefix + name)] = value
            elif bytes(value) != b"null":
                found |= self._flat(value, node, levels - 1, f"{prefix}{name}__")
        return found


def _python_type(column: Column) -> t.Any:
    """Return what msgspec is to check; it leaves Raw as it is."""
    if column.stored == "VARCHAR" and (column.mixed or column.type not in {"VARCHAR", "TIMESTAMP"}):
        return msgspec.Raw
    if column.stored == "DOUBLE" and column.type in INTEGERS:
        # A whole number that a float cannot hold exactly would change.
        return _whole(_EXACT_IN_DOUBLE)
    if column.stored in INTEGERS:
        return int if column.type == "HUGEINT" else _whole(min(INTEGERS[column.stored], 63))
    return {"DOUBLE": float, "BOOLEAN": bool, "JSON": msgspec.Raw}.get(column.stored, str)


def _whole(bits: int) -> t.Any:
    return t.Annotated[int, msgspec.Meta(ge=-(2**bits), le=2**bits - 1)]
