"""Records of one stream, as lines of JSON for one INSERT."""

# ruff: noqa: S608 - names cannot be parameters

import json
import re
import typing as t

import msgspec

from target_duckdb import refuse
from target_duckdb.columns import METADATA, MOMENTS, SIGNED, Column, plain, quoted
from target_duckdb.schema import Meaning

_ODD = re.compile(r'[\\"\x00-\x1f]')
"""What msgspec does not take in the name of a field."""
_EXACT_IN_DOUBLE = 2**53
_NOT_FINITE = {'"NaN"', '"Infinity"', '"-Infinity"'}
_DECODE = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Rows:
    """The rows of a stream that wait to be written.

    msgspec checks what it can. All other values go to DuckDB, which checks them, as texts of JSON;
    in a batch with a record that msgspec refuses (`is_raw`), these are the values of all columns.
    """

    def __init__(self, stream: str, columns: list[Column], meaning: Meaning, levels: int) -> None:
        """Begin with no rows."""
        self.stream, self._meaning, self._levels = stream, meaning, levels
        self.columns = [column for column in columns if column.name != "_sdc_batched_at"]
        self._always_raw = levels > 0 or any(_ODD.search(column.name) for column in columns)
        self._encode = msgspec.json.Encoder().encode
        self.has_extras, self.are_versioned = False, True
        """Whether the table has columns that are not declared, and all records have a version."""
        self.clear()
        self._prepare()

    def clear(self) -> None:
        """Forget the rows, which are written."""
        self.lines: list[bytes] = []
        self.is_raw = self._always_raw
        self.changes: list[tuple[Column, str]] = []
        """Columns that change their type before these rows are written, and the type before."""

    def change(self, column: Column, kind: str) -> None:
        """Have a column's type changed before these rows are written."""
        self.changes.append((column, column.stored))
        column.stored = kind
        self._prepare()

    def put(self, line: bytes) -> bool:
        """Add the record of a message, if msgspec takes it."""
        if self.is_raw:
            return False
        try:
            message = self._decode(line)
            row = message.record
            for field, column in self._unchecked.items():
                value = getattr(row, field)
                if value is not None:
                    text = _text(column, value) if column.is_key else str(value, "utf-8")
                    setattr(row, field, text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return False
        if message.time_extracted is not None:
            row._sdc_extracted_at = message.time_extracted  # noqa: SLF001
        if message.version is None:
            self.are_versioned = False
        else:
            row._sdc_table_version = message.version  # noqa: SLF001
        self.lines.append(self._encode(row))
        return True

    def add(self, record: msgspec.Raw, extracted: str | None, version: int | None) -> None:
        """Add a record whose values DuckDB checks."""
        if not self.is_raw:
            self.loosen()
        values = self._flat(record, self._meaning, self._levels)
        more = {"_sdc_extracted_at": extracted, "_sdc_table_version": version}
        values |= {n: msgspec.Raw(self._encode(v)) for n, v in more.items() if v is not None}
        self.are_versioned &= version is not None
        self._add(values)

    def loosen(self) -> None:
        """Leave all checks of this batch to DuckDB."""
        lines, self.lines, self.is_raw = self.lines, [], True
        for values in map(_DECODE, lines):
            for column in self._unchecked.values():
                text = msgspec.json.decode(values[column.name]) or "null"
                values[column.name] = msgspec.Raw(text.encode())
            self._add(values)

    @property
    def unchecked(self) -> dict[str, Column]:
        """The columns that DuckDB must check, by their names there."""
        every = {f"c{number}": column for number, column in enumerate(self.columns)}
        return every if self.is_raw else self._unchecked

    def query(self) -> str:
        """Return SQL that reads the lines, its parameter, into columns c0, c1 and so on."""
        types, values = {}, []
        for number, column in enumerate(self.columns):
            name, kind = f"c{number}", column.stored
            key = name if self.is_raw else column.name
            value = f"found.{quoted(key)}"
            if name in self._unchecked or self.is_raw:
                kind, value = "VARCHAR", f"nullif({value}, 'null')"
            elif kind in MOMENTS:
                kind, value = "TIMESTAMPTZ", f"{value}::{kind}"
            types[key] = kind
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
        for number, column in enumerate([] if self._always_raw else self.columns):
            field = column.name if column.name in METADATA else f"c{number}"
            renamed[field], python = column.name, _python_type(column)
            if python is None:
                self._unchecked[field], python = column, msgspec.Raw
            elif not column.is_key:
                python |= None
            fields.append((field, python) if column.is_key else (field, python, None))
        row: t.Any = msgspec.defstruct("Row", fields, rename=renamed, kw_only=True, gc=False)
        fields = [
            ("stream", t.Literal[self.stream]),
            ("record", row),
            ("version", int | None, None),
        ]
        fields.append(("time_extracted", str | None, None))
        message: t.Any = msgspec.defstruct(
            "Message", fields, tag_field="type", tag="RECORD", gc=False
        )
        self._decode = msgspec.json.Decoder(message).decode

    def _add(self, values: dict[str, msgspec.Raw]) -> None:
        found, column = {}, self.columns[0]
        try:
            for number, column in enumerate(self.columns):
                if (value := values.get(column.name)) is not None:
                    found[f"c{number}"] = _text(column, value)
        except UnicodeDecodeError:
            refuse(self.stream, column.name, "a text is not UTF-8")
        self.lines.append(self._encode(found))

    def _flat(
        self, record: msgspec.Raw, meaning: Meaning, levels: int, prefix: str = ""
    ) -> dict[str, msgspec.Raw]:
        try:
            values = _DECODE(record)
        except (msgspec.DecodeError, UnicodeDecodeError):
            refuse(self.stream, prefix[:-2] or None, "not a valid object")
        found = {}
        for name, value in values.items():
            inner = meaning.properties.get(name)
            if inner is None or not inner.is_flattened(levels):
                found[prefix + name] = value
            elif bytes(value) != b"null":
                found |= self._flat(value, inner, levels - 1, f"{prefix}{name}__")
        return found


def _text(column: Column, value: msgspec.Raw) -> str:
    """Return a value's JSON; keys that are the same have the same."""
    text = str(value, "utf-8")
    if column.is_key:
        is_number = text[0] in "-0123456789"
        return plain(text) if is_number else str(msgspec.json.format(value, indent=-1), "utf-8")
    # JSON has no such number: `Loader` has made a text of it.
    is_number = text in _NOT_FINITE and "string" not in column.meaning.kinds
    return text[1:-1] if is_number else text


def _python_type(column: Column) -> t.Any:
    """Return what msgspec is to check, if it can."""
    kinds, stored = column.meaning.types, column.stored
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
            bounds = msgspec.Meta(ge=-_EXACT_IN_DOUBLE, le=_EXACT_IN_DOUBLE)
            return float if "number" in kinds else t.Annotated[int, bounds]
    return None
