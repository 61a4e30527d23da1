"""Records have the types of their schema, and lose nothing that was sent."""

import json
import re
import typing as t
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from functools import cache

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from jsonschema import Draft202012Validator, FormatChecker
from singer_sdk.contrib.msgspec import encoder

from tap_oncehub.engine.records import RecordConformer
from tap_oncehub.engine.times import utc_text
from tap_oncehub.schemas import SCHEMAS
from tests.support.streams import KEYS

Row: t.TypeAlias = dict[str, t.Any]


ABSENT = object()
ITSELF = object()
MINUTES, ROOM, DUE = "duration_minutes", "virtual_conferencing", "starting_time"
MINUTES_OF, AVAILABILITY = "booking_calendars.duration_minutes", "user_scheduling_availability"
receive = msgspec.json.Decoder(float_hook=Decimal).decode
"""Decode what OnceHub sends, as the client does: numbers with a point are decimals."""


def conform(stream: str, row: Row, **more: t.Any) -> Row:
    warn = more.pop("warn", lambda _: None)
    return RecordConformer(SCHEMAS.get_schema(stream), KEYS[stream], warn, **more).conform(row)


@pytest.mark.parametrize(
    ("name", "sent", "stands", "extra"),
    [
        ("subject", '"Tea, \\"black\\"\\n"', 'Tea, "black"\n', None),
        ("subject", '""', "", None),
        ("subject", "1.50", "1.50", None),
        ("subject", "true", "true", None),
        ("id", "17", "17", None),
        (MINUTES, "3e1", 30, None),
        (MINUTES, '"5.0"', 5, None),
        (MINUTES, "2147483647", 2147483647, None),
        (MINUTES_OF, "45", 45, None),
        (MINUTES_OF, '"22.5"', 22.5, None),
        (MINUTES_OF, str(2**53), 2**53, None),
        ("in_trash", '"false"', False, None),
        ("attendees", '["a", null, 7, {"b": [1.5]}]', ["a", None, "7", '{"b":[1.5]}'], None),
        (ROOM, '{"join_url": 5, "new": {"a": [1]}}', {"join_url": "5", "new": {"a": [1]}}, None),
        # What the type cannot hold
        ("owner", '{"id": 7, "name": "Jo"}', None, ITSELF),
        ("owner", '{"id": "USR-1", "name": "Jo"}', "USR-1", ITSELF),
        ("attendees", '"a@example.com"', None, ITSELF),
        ("form_submission", '[{"name": "Jo"}]', None, ITSELF),
        *((MINUTES, sent, None, ITSELF) for sent in ("30.5", "2147483648", "-1", "1e400")),
        *((MINUTES, sent, None, ITSELF) for sent in (f'"{"[" * 9999}"', '"030"', "true", "[30]")),
        *(
            (MINUTES_OF, sent, None, ITSELF)
            for sent in (str(2**53 + 1), "1.00000000000000000001", "-1e-400", '"NaN"', '"1\u0663"')
        ),
        *(("in_trash", sent, None, ITSELF) for sent in ("1", '"yes"', "[]")),
        *((DUE, sent, None, ITSELF) for sent in ('"tomorrow"', '""', "1767225600")),
        # Times
        (DUE, '"2026-01-31T12:00:00.50+02:00"', "2026-01-31T10:00:00.50Z", None),
        (DUE, '"2026-01-31T12:00:00.1234560Z"', "2026-01-31T12:00:00.123456Z", None),
        (DUE, '"2026-01-31T14:00:00.9999999+02:00"', "2026-01-31T12:00:00.999999Z", ITSELF),
        # Inside objects and lists
        (
            "payment_information",
            '{"amount_charged": "12 EUR", "currency": "EUR"}',
            {"amount_charged": None, "currency": "EUR"},
            {"amount_charged": "12 EUR"},
        ),
        (
            "user_scheduling_availability.weekly",
            '[{"day": "Mon", "working_hours": [{"start_time": "09:00"}, 7]}, null]',
            [{"day": "Mon", "working_hours": [{"start_time": "09:00"}, None]}, None],
            {"0": {"working_hours": {"1": 7}}},
        ),
        (
            "contacts.custom_fields",
            '[{"value": "x"}, {"value": 12.50}, {"value": {"b": {"c": 1.0}, "a": "ä"}}]',
            [{"value": "x"}, {"value": "12.50"}, {"value": '{"a":"ä","b":{"c":1.0}}'}],
            None,
        ),
    ],
)
def test_value_takes_its_type(name: str, sent: str, stands: t.Any, extra: t.Any) -> None:
    stream, _, column = name.rpartition(".")
    stream = stream or "bookings"
    record = conform(stream, {**dict.fromkeys(KEYS[stream], "X-1"), column: receive(sent)})
    assert (record[column], type(record[column])) == (stands, type(stands))
    kept = {column: receive(sent) if extra is ITSELF else extra} if extra else None
    assert record["_extra"] == kept
    assert list(record) == list(SCHEMAS.get_schema(stream)["properties"])


def test_unknown_fields_go_to_extra_as_they_came() -> None:
    new = '"rank": 1.50, "tags": [{"a": null}], "Name": "x", "gone": null, "_extra": {"a": 1}'
    record = conform("teams", receive(f'{{"id": "T-1", {new}}}'))
    assert record == {**dict.fromkeys(record), "id": "T-1", "_extra": receive(f"{{{new}}}")}


def test_deselected_columns_come_nowhere_but_the_key() -> None:
    row = {"id": "B-1", "contact": {"id": "C-1"}, "owner": {"id": "U-1", "email": "jo@example.com"}}
    parts = [("id",), ("contact",), ("owner", "email")]
    record = conform("bookings", {**row, "new": 1}, deselected=parts)
    assert record.items() >= {"id": "B-1", "owner": "U-1"}.items()
    assert record["_extra"] == {"owner": {"id": "U-1"}, "new": 1}
    assert "contact" not in record
    assert "_extra" not in conform("bookings", row, deselected=[("_extra",)])


@pytest.mark.parametrize(
    "sent", ['{"name": "a"}', '{"id": null}', '{"id": ""}', '{"id": {"a": 1}}']
)
def test_missing_key_gets_the_same_surrogate_every_time(sent: str) -> None:
    row = receive(sent)
    first, second = conform("teams", row), conform("teams", row)
    assert first["id"] == second["id"]
    assert re.fullmatch(r"missing-[0-9a-f]{32}", first["id"])
    assert conform("teams", {**row, "name": "other"})["id"] != first["id"]
    slot = conform("booking_calendar_time_slots", {"booking_calendar_id": "B", **row})
    assert utc_text(slot["start_time"]) == slot["start_time"]


def test_warnings_name_fifty_fields_once_and_no_value() -> None:
    told: list[str] = []
    conformer = RecordConformer(SCHEMAS.get_schema("bookings"), ["id"], told.append)
    for number in range(3):
        private = f"jo{number}@example.com"
        conformer.conform({"id": f"B-{number}", "new": private, "owner": {"email": private}})
        conformer.conform({"subject": private})
    assert sorted(line.split("'")[1] for line in told) == ["id", "new", "owner"]
    for letter in ("a" * 5000, "b"):
        record = conformer.conform({"id": "B"} | {f"{n}{letter}": 1 for n in range(40)})
        assert len(record["_extra"]) == 40
    assert len(told) == 50
    assert max(map(len, told)) < 200
    assert "example.com" not in "".join(told)


FORMATS = FormatChecker(formats=())
WRITTEN_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", re.ASCII)
FORMATS.checks("date-time")(lambda v: not isinstance(v, str) or bool(WRITTEN_TIME.fullmatch(v)))


def plain(value: t.Any) -> t.Any:
    """Give JSON a form in which equal means equal: 1 is 1.0 but neither true nor "1"."""
    if isinstance(value, dict):
        return "object", frozenset((key, plain(item)) for key, item in value.items())
    if isinstance(value, list):
        return "list", tuple(map(plain, value))
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return "number", Decimal(value)
    return type(value), value


def readings(value: t.Any) -> Iterator[t.Any]:
    """Give what a value may stand for: itself, or as a text its time or its JSON."""
    yield plain(value)
    if isinstance(value, str):
        yield plain(utc_text(value) or value)
        with suppress(ValueError):
            yield plain(json.loads(value, parse_float=Decimal))


def lost(sent: t.Any, written: t.Any, extra: t.Any, path: str) -> Iterator[str]:
    """Name what was sent and stands neither in its column nor in ``_extra``."""
    if sent is None or {*readings(sent)} & {*readings(written), *readings(extra)}:
        return
    parts = dict(enumerate(sent)) if isinstance(sent, list) else sent
    if not isinstance(parts, dict) or type(written) is not type(sent):
        yield path
        return
    for key, part in parts.items():
        inside = written[key] if isinstance(written, list) else written.get(key, ABSENT)
        kept = extra.get(str(key), ABSENT) if isinstance(extra, dict) else ABSENT
        yield from lost(part, inside, kept, f"{path}.{key}")


ODD = ("5.0", "1E+400", "0.1", "1.00000000000000000001", "-0.0")
NUMBERS = st.integers(-(2**70), 2**70) | st.decimals(allow_nan=False, allow_infinity=False)
TIMES = st.from_regex(
    r"(0001|2026|9999)-(02-29|12-31)T(00:00|23:59:60)(\.5|\.1234567)?(Z|[+]02:00)?"
)
TEXTS = st.text(max_size=8) | st.sampled_from(["true", "12", "1e3", "null", "[]", "007"]) | TIMES
SCALARS = st.none() | st.booleans() | NUMBERS | st.sampled_from([*map(Decimal, ODD)]) | TEXTS
JSON = st.recursive(
    SCALARS,
    lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(max_size=3), one, max_size=3),
    max_leaves=4,
)


def nearly(part: Row) -> SearchStrategy[t.Any]:
    """Values as a schema declares them, mixed at every level with anything else."""
    if "properties" in part:
        new = st.tuples(st.text(max_size=4) | st.just("_extra"), JSON)
        known = [st.tuples(st.just(n), nearly(inner)) for n, inner in part["properties"].items()]
        found: SearchStrategy[t.Any] = st.lists(st.one_of(*known, new, new), max_size=6).map(dict)
    else:
        found = st.lists(nearly(part["items"]), max_size=3) if "items" in part else SCALARS
    return found | found | JSON if "description" in part else found


rows = cache(lambda stream: nearly({"properties": SCHEMAS.get_schema(stream)["properties"]}))


# Together they have every type, nested ones and a key that is a time.
@pytest.mark.parametrize(
    "stream", ["bookings", "booking_calendars", "booking_calendar_time_slots", AVAILABILITY]
)
@settings(
    max_examples=80, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
@given(data=st.data())
def test_any_object_is_written_soundly_and_without_loss(stream: str, data: st.DataObject) -> None:
    sent = receive(msgspec.json.Encoder(decimal_format="number").encode(data.draw(rows(stream))))
    schema, keys = SCHEMAS.get_schema(stream), KEYS[stream]
    record = json.loads(encoder.encode(conform(stream, sent)), parse_float=Decimal)
    strict = {**schema, "additionalProperties": False, "required": [*schema["properties"]]}
    validator = Draft202012Validator(strict, format_checker=FORMATS)
    assert [error.message for error in validator.iter_errors(record)] == []
    extra = record.pop("_extra") or {}
    assert extra.keys() <= sent.keys()
    assert all(record[key] for key in keys)
    for name in sent.keys() - {name for name in keys if sent.get(name) == ""}:
        found = lost(sent[name], record.get(name, ABSENT), extra.get(name, ABSENT), name)
        assert [*found] == []
