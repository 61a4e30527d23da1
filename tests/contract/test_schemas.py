"""The schemas of all streams, held against the facts about the API.

``api_fields.json`` lists the fields of every object that the API answers with. It was
copied from those facts, not from the schemas: a forgotten or misnamed field shows as a
difference. ``a.b`` is a field of an object, ``a[]`` an item of a list.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from jsonschema import Draft7Validator

import tap_oncehub
from tap_oncehub.schemas import load_schema
from tests.support.streams import KEYS

FOLDER = Path(tap_oncehub.__file__).parent / "schemas"
FACTS: dict[str, dict[str, str]] = json.loads(
    Path(__file__).with_name("api_fields.json").read_text(encoding="utf-8")
)

STREAMS = sorted(KEYS)

SAME_OBJECT = {"booking": "bookings", "booking_calendar": "booking_calendars"}
"""Streams that answer with the objects of another stream."""

ADDED: dict[str, dict[str, str]] = {
    "booking": {"deleted": "boolean"},
    "booking_calendar": {"deleted": "boolean"},
    "booking_calendar_time_slots": {"booking_calendar_id": "string"},
    "user_scheduling_availability": {"user_id": "string"},
    # The API does not say what these look like; the rest goes into `_extra`.
    "webhook_events": {
        "id": "string",
        "object": "string",
        "name": "string",
        "description": "string",
    },
    # What only filters tell.
    "booking_hosts": {"booking_id": "string", "user_id": "string"},
    "booking_page_links": dict.fromkeys(("booking_page_id", "linked_type", "linked_id"), "string"),
}
"""Columns that are in no list of facts: parents' ids, and the shape of the unknown."""

TYPES = {"string", "integer", "number", "boolean", "object", "array"}
BIGINT = 2**63 - 1
FEWEST_WORDS = 3


class Field(NamedTuple):
    """One place in a schema at which a value can stand."""

    path: str
    schema: dict[str, Any]


def fields(schema: dict[str, Any], path: str = "") -> Iterator[Field]:
    """Yield every field below a schema, however deep.

    Args:
        schema: The schema of a stream, of an object or of a list.
        path: Where the schema stands.

    Yields:
        The fields, each before those inside it.
    """
    for name, inner in schema.get("properties", {}).items():
        below = f"{path}.{name}" if path else name
        yield Field(below, inner)
        yield from fields(inner, below)
    if "items" in schema:
        yield Field(f"{path}[]", schema["items"])
        yield from fields(schema["items"], f"{path}[]")


def type_of(schema: dict[str, Any]) -> str:
    """Give the one type of a field, ``date-time`` for a time.

    Args:
        schema: The schema of the field.

    Returns:
        The type without ``null``.
    """
    declared = schema["type"]
    name = declared if isinstance(declared, str) else declared[0]
    return str(schema.get("format", name))


def leaves(schema: dict[str, Any]) -> dict[str, str]:
    """List the fields of a stream that hold plain values, as the facts do.

    Args:
        schema: The schema of a stream.

    Returns:
        The type of each field by its path.
    """
    return {
        field.path: type_of(field.schema)
        for field in fields(schema)
        if type_of(field.schema) not in {"object", "array"} and field.path != "_extra"
    }


def files() -> dict[str, dict[str, Any]]:
    """Read the schema files as they are written, references unresolved.

    Returns:
        The content of each file by its name.
    """
    return {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(FOLDER.glob("*.json"))
    }


def written() -> Iterator[Field]:
    """Yield every field that the files write out, each where it is written.

    Yields:
        The fields of all streams and of the shared parts.
    """
    for name, content in files().items():
        yield Field(name, content)
        yield from fields(content, name)
        for part, schema in content.get("$defs", {}).items():
            yield Field(f"{name}#{part}", schema)
            yield from fields(schema, f"{name}#{part}")


def repeated(counted: Counter[Any]) -> list[Any]:
    """Pick what was counted more than once.

    Args:
        counted: How often each thing occurs.

    Returns:
        The things that occur at least twice.
    """
    return [thing for thing, times in counted.items() if times > 1]


def test_each_stream_has_a_file_and_each_file_a_stream() -> None:
    """A schema nobody uses, or a stream without one, is a mistake."""
    assert sorted(files()) == sorted([*STREAMS, "shared"])


def test_the_facts_cover_every_stream() -> None:
    """A stream that is left out of the facts would be checked against nothing."""
    assert sorted({*FACTS, *SAME_OBJECT}) == STREAMS


@pytest.mark.parametrize("stream", STREAMS)
def test_fields_are_those_of_the_api(stream: str) -> None:
    """No field forgotten, misnamed, invented, or of another type."""
    facts = FACTS[SAME_OBJECT.get(stream, stream)] | ADDED.get(stream, {})

    assert leaves(load_schema(stream)) == facts


@pytest.mark.parametrize("stream", STREAMS)
def test_schema_is_valid_and_resolved(stream: str) -> None:
    """A loader gets a plain JSON schema and has no references to follow."""
    schema = load_schema(stream)

    Draft7Validator.check_schema(schema)
    assert schema["type"] == "object"
    assert "$ref" not in json.dumps(schema)
    assert "$defs" not in schema


@pytest.mark.parametrize("stream", STREAMS)
def test_one_type_and_null(stream: str) -> None:
    """Exactly one type a column; only the key cannot be null."""
    for path, schema in fields(load_schema(stream)):
        if path in KEYS[stream]:
            assert schema["type"] == "string", path
        else:
            kind, null = schema["type"]
            assert kind in TYPES, path
            assert null == "null", path
        assert not {"anyOf", "oneOf", "allOf", "enum", "const", "pattern"} & {*schema}


@pytest.mark.parametrize("stream", STREAMS)
def test_lists_say_what_is_in_them(stream: str) -> None:
    """A list without a type for its items is a union of everything."""
    for path, schema in fields(load_schema(stream)):
        assert (type_of(schema) == "array") == ("items" in schema), path


@pytest.mark.parametrize("stream", STREAMS)
def test_objects_list_their_fields(stream: str) -> None:
    """Objects tell their known fields and let unknown ones pass."""
    for path, schema in fields(load_schema(stream)):
        if path != "_extra":
            assert (type_of(schema) == "object") == ("properties" in schema), path
        assert "additionalProperties" not in schema, path
        assert "required" not in schema, path


@pytest.mark.parametrize("stream", STREAMS)
def test_described(stream: str) -> None:
    """The stream and every field, nested ones too, say in a sentence what they are."""
    schema = load_schema(stream)

    for path, inner in [Field("", schema), *fields(schema)]:
        text = inner.get("description")
        assert isinstance(text, str), path
        assert text.endswith("."), path
        assert text[0].isupper(), path
        assert len(text.split()) >= FEWEST_WORDS, path


@pytest.mark.parametrize("stream", STREAMS)
def test_descriptions_point_to_existing_streams(stream: str) -> None:
    """``users.id`` in a description names a stream that has this key."""
    for path, schema in fields(load_schema(stream)):
        for target in re.findall(r"\b([a-z_]+)\.id\b", schema["description"]):
            assert KEYS.get(target) == ["id"], path


@pytest.mark.parametrize("stream", STREAMS)
def test_integers_are_bounded(stream: str) -> None:
    """With a maximum, loaders choose INTEGER or BIGINT; without, HUGEINT."""
    for path, schema in fields(load_schema(stream)):
        if type_of(schema) == "integer":
            assert schema["maximum"] in {2**31 - 1, BIGINT}, path
            assert -BIGINT - 1 <= schema["minimum"] <= 0, path
        else:
            assert not {"minimum", "maximum"} & {*schema}, path


@pytest.mark.parametrize("stream", STREAMS)
def test_times_are_date_times(stream: str) -> None:
    """Every ``_time`` is a moment, except the hours of a working day."""
    for path, schema in fields(load_schema(stream)):
        is_moment = path.endswith("_time") and "working_hours" not in path
        assert schema.get("format") == ("date-time" if is_moment else None), path


@pytest.mark.parametrize("stream", STREAMS)
def test_order_of_columns(stream: str) -> None:
    """The key comes first and the rest that nobody foresaw last."""
    columns = list(load_schema(stream)["properties"])

    assert columns[: len(KEYS[stream])] == KEYS[stream]
    assert columns[-1] == "_extra"


@pytest.mark.parametrize("stream", STREAMS)
def test_extra_holds_any_object(stream: str) -> None:
    """``_extra`` is a plain JSON column, the same in every stream."""
    extra = load_schema(stream)["properties"]["_extra"]

    assert extra == files()["shared"]["$defs"]["_extra"]
    assert {*extra} == {"type", "description"}
    assert type_of(extra) == "object"


@pytest.mark.parametrize("stream", STREAMS)
def test_no_names_that_differ_only_by_case(stream: str) -> None:
    """Column names are not case-sensitive in most warehouses."""
    schema = load_schema(stream)

    names = Counter(field.path.casefold() for field in fields(schema))
    assert not repeated(names)


@pytest.mark.parametrize("stream", sorted(SAME_OBJECT))
def test_single_objects_have_the_columns_of_the_list(stream: str) -> None:
    """A booking by id has the columns of the list, in its order, and ``deleted``."""
    columns = load_schema(stream)["properties"]
    listed = load_schema(SAME_OBJECT[stream])["properties"]

    assert [name for name in columns if name != "deleted"] == list(listed)
    assert {name: columns[name] for name in listed} == listed
    assert files()[stream]["$ref"] == f"{SAME_OBJECT[stream]}.json"
    assert list(files()[stream]["properties"]) == ["deleted"]


def test_the_place_of_use_describes_a_shared_part() -> None:
    """What stands next to a reference wins over the shared part."""
    shared = files()["shared"]["$defs"]
    properties = load_schema("bookings")["properties"]
    form = properties["form_submission"]["properties"]["custom_fields"]

    assert form["description"] != shared["custom_fields"]["description"]
    assert form["description"] != properties["custom_fields"]["description"]
    assert form["items"] == shared["custom_fields"]["items"]


def test_kinds_of_location_are_told_apart() -> None:
    """Slots and schedules use the same shape of location with different kinds."""
    slots = load_schema("booking_calendar_time_slots")["properties"]["locations"]
    users = load_schema("user_scheduling_availability")
    kinds = {field.path: field.schema["description"] for field in fields(users)}

    assert "guest_phone" in slots["items"]["properties"]["type"]["description"]
    for days in ("weekly", "overrides"):
        kind = kinds[f"{days}[].working_hours[].locations[].type"]
        assert "phone_by_guest" in kind


def test_no_sentence_is_written_twice() -> None:
    """What two streams share is in ``shared.json``, not copied."""
    sentences = Counter(
        field.schema["description"] for field in written() if "description" in field.schema
    )
    assert not repeated(sentences)


def test_no_object_is_written_twice() -> None:
    """Two nested objects with the same fields are one shared part."""
    shapes = Counter(
        frozenset(field.schema["properties"])
        for field in written()
        if len(field.schema.get("properties", {})) > 1
    )
    assert not repeated(shapes)


def test_shared_parts_are_shared() -> None:
    """A part that only one place uses belongs in that place."""
    used = Counter(
        field.schema["$ref"].rpartition("/")[2]
        for field in written()
        if field.schema.get("$ref", "").startswith("shared.json#/$defs/")
    )
    parts = {*files()["shared"]["$defs"]} - {"_extra"}

    assert sorted(repeated(used)) == sorted(parts)


def test_a_schema_belongs_to_its_reader() -> None:
    """Who removes a column from a schema does not remove it for others."""
    del load_schema("webhooks")["properties"]["secret"]
    del load_schema("bookings")["properties"]["custom_fields"]["items"]["properties"]

    assert "secret" in load_schema("webhooks")["properties"]
    items = load_schema("bookings")["properties"]["custom_fields"]["items"]
    assert "properties" in items
