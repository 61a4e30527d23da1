"""The schemas of all streams, held against the facts about the API.

``api_fields.json`` lists the fields of every object that the API answers with. It was
copied from those facts, not from the schemas: a forgotten or misnamed field shows as a
difference. ``a.b`` is a field of an object, ``a[]`` an item of a list.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from jsonschema import Draft7Validator

import tap_oncehub
from tap_oncehub.schemas import load_schema
from tests.support.streams import ADDED, KEYS, SAME_OBJECT

FOLDER = Path(tap_oncehub.__file__).parent / "schemas"
FACTS: dict[str, dict[str, str]] = json.loads(
    Path(__file__).with_name("api_fields.json").read_text(encoding="utf-8")
)

STREAMS = sorted(KEYS)

TYPES = {"string", "integer", "number", "boolean", "object", "array"}
BIGINT = 2**63 - 1


class Field(NamedTuple):
    """One place in a schema at which a value can stand."""

    path: str
    schema: dict[str, Any]


def fields(schema: dict[str, Any], path: str = "") -> Iterator[Field]:
    """Yield every field below a schema, however deep, each before those inside it."""
    for name, inner in schema.get("properties", {}).items():
        below = f"{path}.{name}" if path else name
        yield Field(below, inner)
        yield from fields(inner, below)
    if "items" in schema:
        yield Field(f"{path}[]", schema["items"])
        yield from fields(schema["items"], f"{path}[]")


def type_of(schema: dict[str, Any]) -> str:
    """Give the one type of a field, ``date-time`` for a time."""
    declared = schema["type"]
    name = declared if isinstance(declared, str) else declared[0]
    return str(schema.get("format", name))


def files() -> dict[str, dict[str, Any]]:
    """Read the schema files as they are written, references unresolved."""
    return {path.stem: json.loads(path.read_text("utf-8")) for path in FOLDER.glob("*.json")}


def written() -> Iterator[Field]:
    """Yield every field that the files write out, each where it is written."""
    for name, content in files().items():
        yield Field(name, content)
        yield from fields(content, name)
        for part, schema in content.get("$defs", {}).items():
            yield Field(f"{name}#{part}", schema)
            yield from fields(schema, f"{name}#{part}")


def repeated(things: Iterable[Any]) -> list[Any]:
    """Pick what occurs more than once."""
    return [thing for thing, times in Counter(things).items() if times > 1]


def test_each_stream_has_a_file_and_facts() -> None:
    assert sorted(files()) == sorted([*STREAMS, "shared"])
    assert sorted({*FACTS, *SAME_OBJECT}) == STREAMS


@pytest.mark.parametrize("stream", STREAMS)
def test_fields_are_those_of_the_api(stream: str) -> None:
    found = {
        path: type_of(schema)
        for path, schema in fields(load_schema(stream))
        if type_of(schema) not in {"object", "array"} and path != "_extra"
    }
    assert found == FACTS[SAME_OBJECT.get(stream, stream)] | ADDED.get(stream, {})


@pytest.mark.parametrize("stream", STREAMS)
def test_a_schema_is_plain_and_valid(stream: str) -> None:
    schema = load_schema(stream)

    Draft7Validator.check_schema(schema)
    assert schema["type"] == "object"
    assert "$ref" not in json.dumps(schema)
    assert "$defs" not in schema
    # Column names are not case-sensitive in most warehouses.
    assert not repeated(path.casefold() for path, _ in fields(schema))
    columns = list(schema["properties"])
    assert columns[: len(KEYS[stream])] == KEYS[stream]
    assert columns[-1] == "_extra"
    assert schema["properties"]["_extra"] == files()["shared"]["$defs"]["_extra"]


@pytest.mark.parametrize("stream", STREAMS)
def test_each_field_has_exactly_one_type_and_can_be_null(stream: str) -> None:
    for path, schema in fields(load_schema(stream)):
        if path in KEYS[stream]:
            assert schema["type"] == "string", path
        else:
            kind, null = schema["type"]
            assert kind in TYPES, path
            assert null == "null", path
        rules = {"anyOf", "oneOf", "allOf", "enum", "const", "pattern", "required"}
        assert not rules & {*schema}, path
        # Or else loaders drop what OnceHub adds inside an object.
        assert schema.get("additionalProperties", False) == ("properties" in schema), path
        # A list without a type for its items is a union of everything.
        assert (type_of(schema) == "array") == ("items" in schema), path
        assert (type_of(schema) == "object") == ("properties" in schema) or path == "_extra", path
        is_moment = path.endswith("_time") and "working_hours" not in path
        assert schema.get("format") == ("date-time" if is_moment else None), path
        # With a maximum, loaders choose INTEGER or BIGINT; without, HUGEINT.
        if type_of(schema) == "integer":
            assert schema["maximum"] in {2**31 - 1, BIGINT}, path
            assert -BIGINT - 1 <= schema["minimum"] <= 0, path
        else:
            assert not {"minimum", "maximum"} & {*schema}, path


@pytest.mark.parametrize("stream", STREAMS)
def test_the_stream_and_every_field_are_described_in_a_sentence(stream: str) -> None:
    schema = load_schema(stream)

    for path, inner in [Field("", schema), *fields(schema)]:
        assert re.fullmatch(r"[A-Z]\S*( \S+){2,}\.", inner.get("description", "")), path
        for target in re.findall(r"\b([a-z_]+)\.id\b", inner["description"]):
            assert KEYS.get(target) == ["id"], path


@pytest.mark.parametrize("stream", sorted(SAME_OBJECT))
def test_single_objects_have_the_columns_of_the_list_and_deleted(stream: str) -> None:
    columns = load_schema(stream)["properties"]
    listed = load_schema(SAME_OBJECT[stream])["properties"]

    assert [name for name in columns if name != "deleted"] == list(listed)
    assert {name: columns[name] for name in listed} == listed
    assert list(files()[stream]["properties"]) == ["deleted"]


def test_what_streams_share_is_written_once() -> None:
    assert not repeated(x.schema["description"] for x in written() if "description" in x.schema)
    objects = [frozenset(field.schema.get("properties", ())) for field in written()]
    assert not repeated(names for names in objects if len(names) > 1)
    used = [field.schema.get("$ref", "").partition("shared.json#/$defs/")[2] for field in written()]
    assert {*repeated(filter(None, used))} == {*files()["shared"]["$defs"]} - {"_extra"}


def test_a_schema_belongs_to_its_reader() -> None:
    del load_schema("bookings")["properties"]["custom_fields"]["items"]["properties"]

    assert "properties" in load_schema("bookings")["properties"]["custom_fields"]["items"]
