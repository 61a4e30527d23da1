"""Records of one stream, checked and made ready for one INSERT."""

from __future__ import annotations

import re
import typing as t

import msgspec

from target_duckdb import refuse
from target_duckdb.columns import METADATA, MOMENTS, SIGNED, is_flattened
from target_duckdb.values import convert

if t.TYPE_CHECKING:
    from target_duckdb.columns import Column
    from target_duckdb.schema import Meaning

_ODD = re.compile(r'[\\"\x00-\x1f]')
_EXACT_IN_DOUBLE = 2**53


class Rows:
    """The rows of a stream that wait to be written.

    A record is decoded in one go where msgspec can check all of it, and value by value
    (`convert`) where a column needs it, or where msgspec refuses the record.
    """

    def __init__(
        self, stream: str, columns: list[Column], meaning: Meaning, levels: int, extras: list[str]
    ) -> None:
        """Begin with no rows.

        Args:
            stream: Its name.
            columns: Its columns.
            meaning: Its schema.
            levels: How many levels of objects are flattened.
            extras: Columns of the table that the schema does not declare.
        """
        self.stream, self.extras = stream, extras
        self.columns = [column for column in columns if column.name != "_sdc_batched_at"]
        self._meaning, self._levels = meaning, levels
        # msgspec cannot have every name as a field's.
        odd = (c.name for c in self.columns if _ODD.search(c.name))
        self._aliases = {name: f"_c{n}_" for n, name in enumerate(odd)}
        self.names = [self._aliases.get(column.name, column.name) for column in self.columns]
        """The name of each column in the lines."""
        self.takes_messages = not levels and not self._aliases
        """Whether `decode` takes a whole message."""
        self._encode = msgspec.json.Encoder().encode
        self.clear()
        self.prepare()

    def clear(self) -> None:
        """Forget the rows, which are written."""
        self.lines: list[bytes] = []
        self.size = 0
        self.changes: list[tuple[Column, str]] = []
        """Columns that change their type before these rows are written, and the type before."""

    def prepare(self) -> None:
        """Prepare the checks for the types that the columns have now."""
        fields: list[tuple[t.Any, ...]] = []
        names = [
            column.name if column.name in METADATA else f"c{number}"
            for number, column in enumerate(self.columns)
        ]
        self._converted: list[tuple[str, Column]] = []
        for name, column in zip(names, self.columns, strict=True):
            python = _python_type(column)
            if python is None:
                self._converted.append((name, column))
                python = msgspec.Raw
            elif not column.is_key:
                python |= None
            if column.is_key:  # what has no default stands first
                fields.insert(0, (name, python))
            else:
                fields.append((name, python, None))
        renamed = dict(zip(names, self.names, strict=True))
        row: t.Any = msgspec.defstruct("Row", fields, rename=renamed, gc=False)
        message: t.Any = msgspec.defstruct(
            "Message",
            [
                ("stream", t.Literal[self.stream]),
                ("record", row),
                ("version", int | None, None),
                ("time_extracted", str | None, None),
            ],
            tag_field="type",
            tag="RECORD",
            gc=False,
        )
        self.decode = msgspec.json.Decoder(message).decode
        self._decode_row = msgspec.json.Decoder(row).decode

    def add(self, record: msgspec.Raw, extracted: str | None, version: int | None) -> None:
        """Add a record, with the time at which the tap read it and its version of the table.

        Raises:
            Misfit: A column must change its type first.
        """
        if not self.takes_messages:
            flat = self._flat(record, self._meaning, self._levels)
            record = msgspec.Raw(msgspec.json.encode(flat))
        try:
            row = self._decode_row(record)
        except (msgspec.DecodeError, UnicodeDecodeError):
            values = self._each(record)
            if extracted is not None:
                values["_sdc_extracted_at"] = extracted
            if version is not None:
                values["_sdc_table_version"] = version
            self._append(values)
        else:
            self.put(row, extracted, version)

    def put(self, row: t.Any, extracted: str | None, version: int | None) -> None:
        """Add a record that `decode` has taken."""
        for field, column in self._converted:
            value = getattr(row, field)
            if value is not None:
                setattr(row, field, self._convert(column, value))
        if extracted is not None:
            row._sdc_extracted_at = extracted  # noqa: SLF001
        if version is not None:
            row._sdc_table_version = version  # noqa: SLF001
        self._append(row)

    def respell_moments(self) -> None:
        """Write the moments of all rows as DuckDB reads them: it knows no small t or z."""
        lines, self.lines, self.size = self.lines, [], 0
        moments = [
            (name, column)
            for name, column in zip(self.names, self.columns, strict=True)
            if column.stored in MOMENTS and is_zoned(column)
        ]
        for line in lines:
            values = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
            for name, column in moments:
                values[name] = msgspec.Raw(self._encode(self._convert(column, values[name])))
            self._append(values)

    def _append(self, row: t.Any) -> None:
        line = self._encode(row)
        self.size += len(line)
        self.lines.append(line)

    def _convert(self, column: Column, value: msgspec.Raw) -> t.Any:
        try:
            found = convert(column, value)
        except UnicodeDecodeError:
            refuse(self.stream, column.name, "a text is not UTF-8")
        except (ValueError, msgspec.DecodeError) as error:
            refuse(self.stream, column.name, str(error))
        if found is None and column.is_key:
            refuse(self.stream, column.name, "a key is null")
        return found

    def _each(self, record: msgspec.Raw) -> dict[str, t.Any]:
        """Convert a record value by value."""
        values, found = self._values(record), {}
        for name, column in zip(self.names, self.columns, strict=True):
            if column.is_key and name not in values:
                refuse(self.stream, column.name, "a key is missing")
            value = values.get(name)
            found[name] = None if value is None else self._convert(column, value)
        return found

    def _values(self, record: msgspec.Raw, column: str | None = None) -> dict[str, msgspec.Raw]:
        try:
            return msgspec.json.decode(record, type=dict[str, msgspec.Raw])
        except (msgspec.DecodeError, UnicodeDecodeError):
            refuse(self.stream, column, "not a valid object")

    def _flat(self, record: msgspec.Raw, meaning: Meaning, levels: int, prefix: str = "") -> t.Any:
        values = self._values(record, prefix[:-2] or None)
        found = {}
        for name, value in values.items():
            inner = meaning.properties.get(name)
            if inner is None or not is_flattened(inner, levels):
                found[self._aliases.get(prefix + name, prefix + name)] = value
            elif bytes(value) != b"null":
                found |= self._flat(value, inner, levels - 1, f"{prefix}{name}__")
        return found


def _python_type(column: Column) -> t.Any:
    """Return what msgspec is to check; if it cannot, `convert` does."""
    kinds, stored = column.meaning.types, column.stored
    if kinds == {"string"} and (
        stored == "VARCHAR"
        or (stored in {"TIMESTAMP", "TIMESTAMP WITH TIME ZONE"} and is_zoned(column))
    ):
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


def is_zoned(column: Column) -> bool:
    """Whether DuckDB itself reads the moments of a column, with their zones."""
    return column.is_moment and not column.is_key
