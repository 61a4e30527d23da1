"""From a stream's JSON schema to the columns of its table."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from target_duckdb import TargetError

Schema: t.TypeAlias = dict[str, t.Any]

INTEGERS = {"TINYINT": 7, "SMALLINT": 15, "INTEGER": 31, "BIGINT": 63, "HUGEINT": 127}
"""Types of whole numbers, narrow ones first, with their bits."""
_NUMBERS = [*INTEGERS, "DOUBLE"]
_TIMES = {"TIMESTAMP", "TIMESTAMP WITH TIME ZONE"}
METADATA = {
    "_sdc_extracted_at": "TIMESTAMP",
    "_sdc_batched_at": "TIMESTAMP",
    "_sdc_deleted_at": "TIMESTAMP",
    "_sdc_table_version": "BIGINT",
}


@dataclass
class Column:
    """A column, as the schema has it."""

    name: str
    type: str
    stored: str
    """The type in the table, which may be wider."""
    mixed: bool = False
    """Whether values other than texts go into a column of texts."""
    description: t.Any = None


def fold(name: str) -> str:
    """Return a name the way DuckDB compares names: ASCII letters are small."""
    return name.encode().lower().decode()


def columns_of(stream: str, schema: Schema, levels: int) -> list[Column]:
    """Return the columns of a stream and of METADATA, with so many levels of objects flattened."""
    found: dict[str, Column] = {}
    for name, node in _properties(schema, levels):
        if fold(name) in METADATA:
            continue  # it has the type that it always has
        column = _column(name, node if isinstance(node, dict) else {})
        other = found.setdefault(fold(name), column)
        if other is not column:
            msg = (
                f"stream {stream}: DuckDB cannot tell the columns {other.name} and {name} apart; "
                "rename or deselect one of them"
            )
            raise TargetError(msg)
    return [*found.values(), *(Column(n, kind, kind) for n, kind in METADATA.items())]


def is_flattened(node: t.Any, levels: int) -> bool:
    """Whether the fields of an object become columns."""
    return levels > 0 and isinstance(node, dict) and bool(node.get("properties"))


def widened(existing: str, wanted: str) -> str:
    """Return the type that holds the values of a table's column and those of the schema's."""
    if existing == wanted or {existing, wanted} <= _TIMES:
        return existing
    if existing in _NUMBERS and wanted in _NUMBERS:
        return max(existing, wanted, key=_NUMBERS.index)
    return "JSON" if "JSON" in {existing, wanted} else "VARCHAR"


def _properties(schema: Schema, levels: int, prefix: str = "") -> t.Iterator[tuple[str, t.Any]]:
    for name, node in (schema.get("properties") or {}).items():
        if is_flattened(node, levels):
            yield from _properties(node, levels - 1, f"{prefix}{name}__")
        else:
            yield prefix + name, node


def _column(name: str, node: Schema) -> Column:
    description = node.get("description")
    if "type" not in node:
        # An `anyOf` that only allows null as well is the one type that it allows.
        options = [item for item in node.get("anyOf") or () if item != {"type": "null"}]
        node = options[0] if len(options) == 1 and isinstance(options[0], dict) else {}
    kinds = {node["type"]} if isinstance(node.get("type"), str) else set(node.get("type") or ())
    kinds.discard("null")
    kind = _type(kinds, node)
    return Column(name, kind, kind, "string" in kinds and len(kinds) > 1, description)


def _type(kinds: set[str], node: Schema) -> str:
    if not kinds or kinds & {"object", "array"}:
        return "JSON"
    if "string" in kinds:
        is_time = kinds == {"string"} and node.get("format") == "date-time"
        return "TIMESTAMP" if is_time else "VARCHAR"
    if kinds == {"integer"}:
        return _integer(node.get("minimum"), node.get("maximum"))
    if kinds <= {"integer", "number"}:
        return "DOUBLE"
    return "BOOLEAN" if kinds == {"boolean"} else "JSON"


def _integer(least: float | None, most: float | None) -> str:
    if most is not None and most >= 2**63:
        return "HUGEINT"
    if least is not None and most is not None and least >= -(2**31) and most < 2**31:
        return "INTEGER"
    return "BIGINT"
