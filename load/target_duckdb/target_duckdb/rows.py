"""Records of one stream, as lines of JSON for one INSERT."""

# ruff: noqa: S608 - names cannot be parameters

import json
import re
import typing as t

import msgspec

from target_duckdb import refuse
from target_duckdb.columns import METADATA, MOMENTS, SIGNED, Column, Path, plain, quoted

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
# What JSON does not have, and texts, in which it may be.
_NOT_JSON = re.compile(rb'("(?:[^"\\]|\\.)*")|(?<![\w-])(NaN|-?Infinity)\b')
_ODD = re.compile(r'[\\"\x00-\x1f]')  # what msgspec does not take in the name of a field
_NOT_FINITE = {'"NaN"', '"Infinity"', '"-Infinity"'}
_DECODE = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_ENCODE = msgspec.json.Encoder().encode


class Rows:
    """Messages of a stream that wait; what msgspec does not check becomes a text of JSON."""

    def __init__(self, stream: str, columns: list[Column]) -> None:
        """Begin with no rows."""
        self.stream = stream
        self.message: t.Any = None  # the SCHEMA that they follow
        self.columns = [column for column in columns if column.name != "_sdc_batched_at"]
        paths = [column.path for column in columns]
        self._objects = {path[:level] for path in paths for level in range(1, len(path))}
        self.always_raw = bool(self._objects) or any(_ODD.search(c.name) for c in columns)
        self.is_raw = self.always_raw
        self.lines: list[bytes] = []
        self.has_extras, self.are_versioned = False, True
        """Whether the table has columns that are not declared, and all records have a version."""
        self.changes: list[tuple[Column, str]] = []
        """Columns that change their type before these rows are written, and the type before."""
        self._prepare()

    def change(self, column: Column, kind: str) -> None:
        """Have a column's type changed before these rows are written."""
        self.changes.append((column, column.stored))
        column.stored = kind
        self._prepare()

    def values(self) -> str:
        """Return lines of values, for `query`."""
        found = bytearray()  # a list of lines leaves holes in the memory
        for line in self._raw() if self.is_raw else self._checked():
            found += line + b"\n"
        return found[:-1].decode()

    @property
    def unchecked(self) -> dict[str, Column]:
        """The columns that DuckDB must check, by their names there."""
        every = {f"c{number}": column for number, column in enumerate(self.columns)}
        return every if self.is_raw else self._unchecked

    def query(self) -> str:
        """Return SQL that reads the lines, its parameter, into columns c0, c1 and so on."""
        types, values = {}, []
        for number, column in enumerate(self.columns):
            name, kind, value = f"c{number}", column.stored, f"found.{quoted(column.name)}"
            if name in self._unchecked or self.is_raw:
                kind, value = "VARCHAR", f"nullif({value}, 'null')"
            elif kind in MOMENTS:
                kind, value = "TIMESTAMPTZ", f"{value}::{kind}"
            types[column.name] = kind
            values.append(f"{value} AS {name}")
        form, strict = json.dumps(types).replace("'", "''"), "" if self.is_raw else "_strict"
        # random(): DuckDB would make a list of values of what it can compute when it plans, slowly.
        lines = "unnest(string_split(CASE WHEN random() < 2 THEN $1 END, chr(10))) AS line"
        found = f"SELECT json_transform{strict}(line, '{form}') AS found FROM (SELECT {lines})"
        return f"SELECT {', '.join(values)} FROM ({found})"

    def _prepare(self) -> None:
        """Prepare the checks for the types that the columns have now."""
        self._unchecked: dict[str, Column] = {}
        fields: list[tuple[t.Any, ...]] = []
        renamed: dict[str, str] = {}
        for number, column in enumerate([] if self.always_raw else self.columns):
            field = column.name if column.name in METADATA else f"c{number}"
            renamed[field], python = column.name, _python_type(column)
            if python is None:
                self._unchecked[field], python = column, msgspec.Raw
            elif not column.is_key:
                python |= None
            fields.append((field, python) if column.is_key else (field, python, None))
        row: t.Any = msgspec.defstruct("Row", fields, rename=renamed, kw_only=True, gc=False)
        self._decode, self._decode_raw = self._decoder(row), self._decoder(dict[str, msgspec.Raw])

    def _decoder(self, record: t.Any) -> t.Callable[[bytes], t.Any]:
        fields: list[t.Any] = [("stream", t.Literal[self.stream]), ("record", record)]
        fields += [("version", int | None, None), ("time_extracted", str | None, None)]
        message = msgspec.defstruct("Message", fields, tag_field="type", tag="RECORD", gc=False)
        return msgspec.json.Decoder(message).decode

    def _checked(self) -> t.Iterator[bytes]:
        for message in map(self._decode, self.lines):
            row = message.record
            for field, column in self._unchecked.items():
                value = getattr(row, field)
                if value is not None:
                    text = _text(column, value) if column.is_key else str(value, "utf-8")
                    setattr(row, field, text)
            if message.time_extracted is not None:
                row._sdc_extracted_at = message.time_extracted  # noqa: SLF001
            self.are_versioned &= message.version is not None
            if message.version is not None:
                row._sdc_table_version = message.version  # noqa: SLF001
            yield _ENCODE(row)

    def _raw(self) -> t.Iterator[bytes]:
        for line in self.lines:
            try:
                message = decoded(self._decode_raw, line)
                values = self._fields(message.record)
            except UNREADABLE as error:
                refuse(self.stream, None, f"a RECORD is not valid: {error}")
            self.are_versioned &= message.version is not None
            found, column = {}, self.columns[0]
            try:
                for column in self.columns:
                    if (value := values.get(column.path)) is not None:
                        found[column.name] = _text(column, value)
            except UnicodeDecodeError:
                refuse(self.stream, column.name, "a text is not UTF-8")
            if message.time_extracted is not None:
                found["_sdc_extracted_at"] = _ENCODE(message.time_extracted).decode()
            if message.version is not None:
                found["_sdc_table_version"] = str(message.version)
            yield _ENCODE(found)

    def _fields(self, record: dict[str, msgspec.Raw], path: Path = ()) -> dict[Path, msgspec.Raw]:
        found = {}
        for name, value in record.items():
            if (inner := (*path, name)) not in self._objects:
                found[inner] = value
            elif bytes(value) != b"null":
                found |= self._fields(_DECODE(value), inner)
        return found


def decoded(decode: t.Callable[[bytes], t.Any], line: bytes) -> t.Any:
    """Decode a line; NaN and Infinity, which JSON does not have, are texts then."""
    try:
        return decode(line)
    except msgspec.DecodeError:
        return decode(_NOT_JSON.sub(lambda found: found[1] or b'"%s"' % found[2], line))


def _text(column: Column, value: msgspec.Raw) -> str:
    """Return a value's JSON; keys that are the same have the same."""
    text = str(value, "utf-8")
    if column.is_key:
        is_number = text[0] in "-0123456789"
        return plain(text) if is_number else str(msgspec.json.format(value, indent=-1), "utf-8")
    # JSON has no such number: `decoded` has made a text of it.
    is_number = text in _NOT_FINITE and "string" not in column.kinds
    return text[1:-1] if is_number else text


def _python_type(column: Column) -> t.Any:
    """Return what msgspec is to check, if it can."""
    kinds, stored = column.kinds, column.stored
    is_read = column.is_moment and not column.is_key and MOMENTS.get(stored) == MOMENTS["TIMESTAMP"]
    if kinds == {"string"} and (stored == "VARCHAR" or is_read):
        return str
    if kinds == {"boolean"} and stored == "BOOLEAN":
        return bool
    if kinds and kinds <= {"integer", "number"}:
        if stored in SIGNED and stored != "HUGEINT":
            least, most = SIGNED[stored]
            return t.Annotated[int, msgspec.Meta(ge=least, le=most)]
        if stored == "DOUBLE" and not column.is_key:
            bounds = msgspec.Meta(ge=-(2**53), le=2**53)  # a double has each of these
            return float if "number" in kinds else t.Annotated[int, bounds]
    return None
