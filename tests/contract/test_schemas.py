"""The schemas of all streams, held against the facts about the API.

``api_fields.json`` lists the fields of every object that the API answers with. It was
copied from those facts, not from the schemas: a forgotten or misnamed field shows as a
difference. ``a.b`` is a field of an object, ``a[]`` an item of a list.
"""

import json
import re
import typing as t
from collections import Counter
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from tap_oncehub.schemas import SCHEMAS
from tap_oncehub.streams import STREAMS
from tests.support.streams import ADDED, KEYS, SAME_OBJECT

FACTS: dict[str, dict[str, str]] = json.loads(
    Path(__file__).with_name("api_fields.json").read_text(encoding="utf-8")
)
RULES = {"anyOf", "oneOf", "allOf", "enum", "const", "pattern", "required"}


def fields(schema: dict[str, t.Any], path: str = "") -> t.Iterator[tuple[str, dict[str, t.Any]]]:
    """Yield path and schema of every field, however deep, each before those inside it."""
    for name, inner in schema.get("properties", {}).items():
        below = f"{path}.{name}" if path else name
        yield below, inner
        yield from fields(inner, below)
    if "items" in schema:
        yield f"{path}[]", schema["items"]
        yield from fields(schema["items"], f"{path}[]")


def type_of(schema: dict[str, t.Any]) -> str:
    """Give the one type of a field, ``date-time`` for a time."""
    declared = schema["type"]
    name = declared if isinstance(declared, str) else declared[0]
    return str(schema.get("format", name))


def test_every_stream_has_facts() -> None:
    assert {stream.name for stream in STREAMS} == {*KEYS}


@pytest.mark.parametrize("stream", KEYS)
def test_schema_has_the_fields_of_the_api(stream: str) -> None:
    schema = SCHEMAS.get_schema(stream)
    Draft7Validator.check_schema(schema)
    found = {
        path: type_of(inner)
        for path, inner in fields(schema)
        if type_of(inner) not in {"object", "array"} and path != "_extra"
    }
    assert found == FACTS[SAME_OBJECT.get(stream, stream)] | ADDED.get(stream, {})
    assert "$ref" not in json.dumps(schema)
    # Column names are not case-sensitive in most warehouses.
    assert max(Counter(path.casefold() for path, _ in fields(schema)).values()) == 1
    columns = list(schema["properties"])
    assert columns[: len(KEYS[stream])] == KEYS[stream]
    assert columns[-1] == "_extra"
    if stream in SAME_OBJECT:
        listed = SCHEMAS.get_schema(SAME_OBJECT[stream])["properties"]
        assert {**schema["properties"], "deleted": None} == {**listed, "deleted": None}


@pytest.mark.parametrize("stream", KEYS)
def test_field_has_one_type_is_nullable_and_described(stream: str) -> None:
    top = SCHEMAS.get_schema(stream)
    for path, schema in [("", top), *fields(top)]:
        assert re.fullmatch(r"[A-Z]\S*( \S+){2,}\.", schema.get("description", "")), path
        for target in re.findall(r"\b([a-z_]+)\.id\b", schema["description"]):
            assert KEYS.get(target) == ["id"], path
        kind = type_of(schema)
        assert path in {"", *KEYS[stream]} or schema["type"][1:] == ["null"], path
        assert not RULES & {*schema}, path
        # Or else loaders drop what OnceHub adds inside an object.
        if path:
            assert schema.get("additionalProperties", False) == ("properties" in schema), path
        # A list without a type for its items is a union of everything.
        assert (kind == "array") == ("items" in schema), path
        assert (kind == "object") == ("properties" in schema) or path == "_extra", path
        is_moment = path.endswith("_time") and "working_hours" not in path
        assert schema.get("format") == ("date-time" if is_moment else None), path
        # With a maximum, loaders choose INTEGER or BIGINT; without, HUGEINT.
        assert schema.get("maximum") in ({2**31 - 1, 2**63 - 1} if kind == "integer" else {None})
        assert ("minimum" in schema) == (kind == "integer"), path
