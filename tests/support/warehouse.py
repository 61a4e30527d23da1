"""What stands in a warehouse, compared with what the API offers, field by field.

The expected rows are made here from the API's objects and the contract of its fields,
without any code of the tap.
"""

import json
import re
import typing as t
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path

import duckdb

from tests.support.streams import ADDED, KEYS, SAME_OBJECT

CONTRACT: dict[str, dict[str, str]] = json.loads(
    Path(__file__).parents[1].joinpath("contract/api_fields.json").read_text()
)
_META = {"_sdc_extracted_at", "_sdc_batched_at", "_sdc_deleted_at", "_sdc_table_version"}
_FINER = re.compile(r"\.\d{6}\d*[1-9]")
"""A time that is finer than a microsecond, as databases keep it, is in `_extra` as it was sent."""
Row: t.TypeAlias = dict[str, t.Any]
Key: t.TypeAlias = tuple[t.Any, ...]


def rows(file: Path, stream: str) -> dict[Key, Row]:
    """Read a table by its key; JSON columns are decoded."""
    with duckdb.connect(str(file), read_only=True) as connection:
        return read(connection, stream, f'SELECT * FROM oncehub."{stream}"')


def read(connection: duckdb.DuckDBPyConnection, stream: str, query: str) -> dict[Key, Row]:
    """Give the rows of a query by their keys; JSON columns are decoded."""
    cursor = connection.execute(query)
    columns = [(c[0], str(c[1])) for c in cursor.description or []]
    found = [
        {
            name: json.loads(value, parse_float=Decimal) if value and kind == "JSON" else value
            for (name, kind), value in zip(columns, row, strict=True)
            if name not in _META
        }
        for row in cursor.fetchall()
    ]
    # target-duckdb keeps a key as it was sent.
    for name in times(stream) & set(KEYS[stream]):
        for row in found:
            row[name] = moment(row[name]) if isinstance(row[name], str) else row[name]
    return by_key(stream, found)


def by_key(stream: str, found: list[Row]) -> dict[Key, Row]:
    """Arrange the rows of a stream by their keys, each of which must be there once."""
    arranged = {tuple(row[name] for name in KEYS[stream]): row for row in found}
    assert len(arranged) == len(found), f"{stream} holds a key twice"
    return arranged


def loaded(stream: str, rows: list[Row]) -> dict[Key, Row]:
    """Arrange rows as a loader keeps them, with texts for times, without what it adds."""
    is_time = times(stream)
    found = [
        {
            name: moment(value) if value and name in is_time else value
            for name, value in row.items()
            if not name.startswith("_sdc_")
        }
        for row in rows
    ]
    return by_key(stream, found)


def times(stream: str) -> set[str]:
    fields = CONTRACT[SAME_OBJECT.get(stream, stream)]
    return {name for name, kind in fields.items() if kind == "date-time"}


def expected(stream: str, objects: t.Iterable[Row]) -> dict[Key, Row]:
    """Make the rows that should stand in a table from the API's objects."""
    made = [_expected_row(stream, item) for item in objects]
    return {tuple(row[name] for name in KEYS[stream]): row for row in made}


def _expected_row(stream: str, item: Row) -> Row:
    fields = CONTRACT[SAME_OBJECT.get(stream, stream)]
    added = ADDED.get(stream, {}).keys()
    columns = {path.split(".")[0].removesuffix("[]") for path in fields} | added
    if stream == "webhooks":
        columns -= {"secret"}
        item = {name: value for name, value in item.items() if "secret" not in name}
    row = {
        # An empty text is no time.
        name: (moment(value) if value else None)
        if fields.get(name) == "date-time"
        else _nested(value, name, fields)
        for name, value in ((name, item.get(name)) for name in columns)
    }
    extra = {
        name: value
        for name, value in item.items()
        if name not in columns or (fields.get(name) == "date-time" and _FINER.search(str(value)))
    }
    row["_extra"] = json.loads(json.dumps(extra), parse_float=Decimal) or None
    return row


def _nested(value: t.Any, path: str, fields: dict[str, str]) -> t.Any:
    """Give a value as a loader keeps it."""
    if value is None:
        return None
    if fields.get(path) == "string" and not isinstance(value, str):
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        return re.sub(r"(?<=\d)e(?=[+-]\d)", "E", text)  # 1e+3 as a decimal's text
    if isinstance(value, list):
        return [_nested(item, f"{path}[]", fields) for item in value]
    if isinstance(value, dict):
        return {k: _nested(v, f"{path}.{k}", fields) for k, v in value.items()}
    if isinstance(value, float):
        return Decimal(repr(value))
    return value


def moment(text: str) -> datetime:
    """Read a time to the microsecond, as DuckDB keeps it: UTC without a zone."""
    match = re.fullmatch(r"(.{19})(?:[.](\d+))?(Z|[+-]..:..)?", text)
    assert match, text
    seconds, fraction, offset = match.groups(default="")
    found = datetime.fromisoformat(seconds + (offset.strip("Z") or "+00:00"))
    found = found.replace(microsecond=int(fraction[:6].ljust(6, "0")))
    return found.astimezone(timezone.utc).replace(tzinfo=None)


def assert_equal(file: Path, stream: str, objects: t.Iterable[Row]) -> None:
    """Compare a table with the API's objects, row for row and field by field."""
    compare(stream, rows(file, stream), expected(stream, objects))


def compare(stream: str, found: dict[Key, Row], wanted: dict[Key, Row]) -> None:
    assert found.keys() - wanted.keys() == set(), f"{stream}: rows too many"
    assert wanted.keys() - found.keys() == set(), f"{stream}: rows missing"
    for key, row in wanted.items():
        differences = {
            name: (found[key].get(name), value)
            for name, value in row.items()
            if found[key].get(name) != value
        }
        assert not differences, f"{stream} {key}: {differences}"
        assert found[key].keys() == row.keys(), f"{stream}: other columns"
