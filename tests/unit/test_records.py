import functools
import json
import logging
import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from jsonschema import Draft202012Validator, FormatChecker
from singer_sdk.contrib.msgspec import encoder

from tap_oncehub.engine.records import RecordConformer
from tap_oncehub.schemas import load_schema
from tests.support.streams import KEYS

LOGGER = logging.getLogger("test")
ABSENT = object()

send = msgspec.json.Encoder(decimal_format="number").encode
receive = msgspec.json.Decoder(float_hook=Decimal).decode
"""Decode what OnceHub sends, as the client does: numbers with a point are decimals."""


def conform(stream: str, row: dict[str, Any], **more: Any) -> dict[str, Any]:
    return RecordConformer(load_schema(stream), KEYS[stream], LOGGER.warning, **more).conform(row)


def column(stream: str, name: str, sent: str) -> tuple[Any, Any]:
    """Send one value, given as JSON: what stands in its column, what in ``_extra``."""
    keys = dict.fromkeys(KEYS[stream], "X-1")
    record = conform(stream, {**keys, name: receive(sent)})
    return record[name], record["_extra"]


# --- the rules, one by one


def test_every_column_is_there_and_null_where_nothing_was_sent() -> None:
    columns = load_schema("bookings")["properties"]

    assert conform("bookings", {"id": "BKNG-1"}) == dict.fromkeys(columns) | {"id": "BKNG-1"}


@pytest.mark.parametrize(
    ("stream", "name", "sent", "stands"),
    [
        ("bookings", "subject", '"Tea, \\"black\\"\\n"', 'Tea, "black"\n'),
        ("bookings", "subject", '""', ""),
        ("bookings", "subject", "12", "12"),
        ("bookings", "subject", "1.50", "1.50"),
        ("bookings", "subject", "true", "true"),
        ("bookings", "id", "17", "17"),
        ("bookings", "duration_minutes", "30", 30),
        ("bookings", "duration_minutes", "5.0", 5),
        ("bookings", "duration_minutes", "3e1", 30),
        ("bookings", "duration_minutes", '"30"', 30),
        ("bookings", "duration_minutes", '"5.0"', 5),
        ("bookings", "duration_minutes", "2147483647", 2147483647),
        ("contacts", "employees", "0", 0),
        ("booking_calendars", "duration_minutes", "45", 45),
        ("booking_calendars", "duration_minutes", "0.1", 0.1),
        ("booking_calendars", "duration_minutes", '"22.5"', 22.5),
        ("booking_calendars", "duration_minutes", str(2**53), 2**53),
        ("bookings", "in_trash", "true", True),
        ("bookings", "in_trash", '"false"', False),
        ("bookings", "attendees", '["a", null, 7, {"b": [1.5]}]', ["a", None, "7", '{"b":[1.5]}']),
        ("bookings", "virtual_conferencing", '{"join_url": 5}', {"join_url": "5"}),
        ("bookings", "virtual_conferencing", '{"new": {"a": [1]}}', {"new": {"a": [1]}}),
        ("bookings", "virtual_conferencing", "{}", {}),
    ],
)
def test_a_value_takes_its_declared_type(stream: str, name: str, sent: str, stands: Any) -> None:
    value, extra = column(stream, name, sent)

    assert (value, type(value)) == (stands, type(stands))
    assert extra is None


@pytest.mark.parametrize(
    ("stream", "name", "sent"),
    [
        ("bookings", "owner", '{"id": 7, "name": "Jo"}'),
        ("bookings", "attendees", '"a@example.com"'),
        ("bookings", "form_submission", '[{"name": "Jo"}]'),
        *(
            ("bookings", "duration_minutes", sent)
            for sent in (
                "30.5",
                "2147483648",
                "-1",
                "1e400",
                f'"{"[" * 9999}"',
                '"030"',
                "true",
                "[30]",
            )
        ),
        *(
            ("booking_calendars", "duration_minutes", sent)
            for sent in (str(2**53 + 1), "1.00000000000000000001", "-1e-400", '"NaN"', '"1\u0663"')
        ),
        *(("bookings", "in_trash", sent) for sent in ("1", '"yes"', "[]")),
        *(
            ("bookings", "starting_time", sent)
            for sent in ('"tomorrow"', '""', "1767225600", '"2026-12-31T23:59:60Z"')
        ),
    ],
)
def test_what_the_type_cannot_hold_moves_to_extra(stream: str, name: str, sent: str) -> None:
    assert column(stream, name, sent) == (None, {name: receive(sent)})


def test_an_id_that_came_expanded_stands_in_its_column() -> None:
    sent = '{"id": "USR-1", "name": "Jo"}'
    assert column("bookings", "owner", sent) == ("USR-1", {"owner": receive(sent)})


@pytest.mark.parametrize(
    ("stream", "name", "sent", "stands", "kept"),
    [
        (
            "bookings",
            "payment_information",
            '{"amount_charged": "12 EUR", "currency": "EUR"}',
            {"amount_charged": None, "currency": "EUR"},
            {"amount_charged": "12 EUR"},
        ),
        (
            "bookings",
            "custom_fields",
            '[{"name": "a", "value": "b"}, "c", null, 4]',
            [{"name": "a", "value": "b"}, None, None, None],
            {"1": "c", "3": 4},
        ),
        (
            "user_scheduling_availability",
            "weekly",
            '[{"day": "Mon", "working_hours": [{"start_time": "09:00"}, 7]}]',
            [{"day": "Mon", "working_hours": [{"start_time": "09:00"}, None]}],
            {"0": {"working_hours": {"1": 7}}},
        ),
    ],
)
def test_a_nested_misfit_is_mirrored_in_extra(
    stream: str, name: str, sent: str, stands: Any, kept: Any
) -> None:
    assert column(stream, name, sent) == (stands, {name: kept})


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ('"as it is"', "as it is"),
        ('"12"', "12"),
        ('""', ""),
        ("12", "12"),
        ("12.50", "12.50"),
        ("false", "false"),
        ('["a", null, 1]', '["a",null,1]'),
        ('{"b": {"c": 1.0}, "a": "ä"}', '{"a":"ä","b":{"c":1.0}}'),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("null", None),
    ],
)
def test_the_value_of_a_custom_field_is_text(sent: str, text: str | None) -> None:
    value, extra = column("contacts", "custom_fields", f'[{{"name": "x", "value": {sent}}}]')

    assert value == [{"name": "x", "value": text}]
    assert extra is None


def test_unknown_fields_go_to_extra_as_they_came() -> None:
    new = '"rank": 1.50, "tags": [{"a": null}], "Name": "x", "gone": null, "_extra": {"a": 1}'

    record = conform("teams", receive(f'{{"id": "T-1", {new}}}'))

    assert record["_extra"] == receive(f"{{{new}}}")
    assert record.keys() == load_schema("teams")["properties"].keys()


def test_times_are_in_utc() -> None:
    sent = '"2026-01-31T12:00:00.50+02:00"'
    assert column("bookings", "starting_time", sent) == ("2026-01-31T10:00:00.50Z", None)


@pytest.mark.parametrize(
    ("sent", "stands", "kept"),
    [
        ("2026-01-31T12:00:00.123456Z", "2026-01-31T12:00:00.123456Z", None),
        ("2026-01-31T12:00:00.1234560Z", "2026-01-31T12:00:00.123456Z", None),
        ("2026-01-31T12:00:00.1234569Z", "2026-01-31T12:00:00.123456Z", "itself"),
        ("2026-01-31T14:00:00.9999999+02:00", "2026-01-31T12:00:00.999999Z", "itself"),
        ("2026-01-31T12:00:00." + "0" * 20 + "1Z", "2026-01-31T12:00:00.000000Z", "itself"),
    ],
)
def test_time_that_is_too_fine(sent: str, stands: str, kept: str | None) -> None:
    extra = {"starting_time": sent} if kept else None
    assert column("bookings", "starting_time", f'"{sent}"') == (stands, extra)


# --- flattening


NEW = {"external_calendar": {"type": "google", "colour": {"a": 1}, "none": None}}


@pytest.mark.parametrize("depth", [1, 5])
def test_new_field_inside_an_object_that_becomes_columns(
    depth: int, caplog: pytest.LogCaptureFixture
) -> None:
    record = conform("bookings", {"id": "B-1", **NEW}, flatten_depth=depth)

    assert record["external_calendar"] == {"type": "google"}
    assert record["_extra"] == {"external_calendar": {"colour": {"a": 1}, "none": None}}
    assert [line.getMessage() for line in caplog.records] == [
        "the field 'external_calendar' does not fit its column; what was sent is kept in _extra"
    ]


def test_new_field_below_the_depth() -> None:
    inner = {"type": "object", "properties": {"known": {"type": "string"}}}
    outer = {"type": "object", "properties": {"inner": inner, "free": {"type": "object"}}}
    schema = {"properties": {"id": {"type": "string"}, "outer": outer}}
    sent = {"inner": {"known": "a", "new": 1}, "free": {"any": 2}}

    def kept(depth: int) -> Any:
        conformer = RecordConformer(schema, ["id"], LOGGER.warning, flatten_depth=depth)
        return conformer.conform({"id": "1", "outer": sent})["_extra"]

    assert kept(0) is kept(1) is None
    assert kept(2) == {"outer": {"inner": {"new": 1}}}


# --- parts that are not selected


@pytest.mark.parametrize(
    ("sent", "stands", "kept"),
    [
        ({"name": "a", "guests": "b"}, {"name": "a"}, None),
        ({"name": ["a"], "guests": {"b": 1}}, {"name": '["a"]'}, None),
        ([{"name": "a", "guests": "b"}], None, {"form_submission": [{"name": "a"}]}),
        ("a", None, {"form_submission": "a"}),
    ],
)
@pytest.mark.parametrize("depth", [0, 1])
def test_deselected_part(sent: Any, stands: Any, kept: Any, depth: int) -> None:
    row = {"id": "B-1", "form_submission": sent, "guests": "kept"}
    deselected = [("form_submission", "guests"), ("owner", "email")]
    record = conform("bookings", row, deselected=deselected, flatten_depth=depth)

    assert record["form_submission"] == stands
    assert record["_extra"] == {"guests": "kept", **(kept or {})}
    assert row["form_submission"] is sent


def test_deselected_part_of_an_expanded_id() -> None:
    row = {"id": "B-1", "owner": {"id": "USR-1", "email": "jo@example.com", "name": "Jo"}}
    record = conform("bookings", row, deselected=[("owner", "email")])

    assert record["_extra"] == {"owner": {"id": "USR-1", "name": "Jo"}}


# --- keys


@pytest.mark.parametrize(
    "sent", ['{"name": "a"}', '{"id": null}', '{"id": ""}', '{"id": {"a": 1}}']
)
def test_a_record_without_a_key_gets_the_same_stand_in_every_time(sent: str) -> None:
    row = receive(sent)

    first, second = conform("teams", row), conform("teams", row)

    assert first["id"] == second["id"]
    assert re.fullmatch(r"missing-[0-9a-f]{32}", first["id"])
    assert conform("teams", {**row, "name": "other"})["id"] != first["id"]


def test_the_stand_in_of_a_time_is_a_time() -> None:
    row = {"booking_calendar_id": "BKC-1", "locations": []}

    start = conform("booking_calendar_time_slots", row)["start_time"]

    assert is_date_time(start)
    assert start.startswith("1970-01-01T00:00:00.")


# --- what must not be written


@pytest.mark.parametrize("secret", ['"whsec"', "12", '{"a": "whsec"}', '["whsec"]'])
def test_a_hidden_field_appears_nowhere(secret: str, caplog: pytest.LogCaptureFixture) -> None:
    row = receive(f'{{"id": "WHK-1", "secret": {secret}, "new": 1}}')

    for schema in (load_schema("webhooks"), without("secret", load_schema("webhooks"))):
        record = RecordConformer(schema, ["id"], LOGGER.warning, deselected={("secret",)}).conform(
            row
        )

        assert "secret" not in record
        assert record["_extra"] == {"new": 1}
    assert "secret" not in caplog.text


def test_a_key_is_written_even_if_it_is_hidden_and_extra_is_not() -> None:
    record = conform(
        "teams", {"id": "T-1", "new": 1, "_extra": 2}, deselected={("_extra",), ("id",)}
    )

    assert record.keys() == load_schema("teams")["properties"].keys() - {"_extra"}
    assert record["id"] == "T-1"


def without(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    del schema["properties"][name]
    return schema


# --- warnings


def test_each_field_is_warned_of_once_and_without_its_value(
    caplog: pytest.LogCaptureFixture,
) -> None:
    conformer = RecordConformer(load_schema("bookings"), ["id"], LOGGER.warning)
    for number in range(3):
        private = f"jo{number}@example.com"
        conformer.conform({"id": f"B-{number}", "new": private, "owner": {"email": private}})
        conformer.conform({"subject": private})

    warned = [record.getMessage().split("'")[1] for record in caplog.records]
    assert sorted(warned) == ["id", "new", "owner"]
    assert "example.com" not in caplog.text


def test_endless_new_names_do_not_flood_the_log(caplog: pytest.LogCaptureFixture) -> None:
    conformer = RecordConformer(load_schema("teams"), ["id"], LOGGER.warning)

    conformer.conform({"id": "T-1"} | {f"a{number}": 1 for number in range(40)})
    record = conformer.conform(
        {"id": "T-2", "x" * 5000: 1} | {f"b{number}": 1 for number in range(40)}
    )

    assert len(caplog.records) == 50
    assert max(len(line.getMessage()) for line in caplog.records) < 200
    assert len(record["_extra"]) == 41


# --- anything at all

TIME_SENT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?"
    r"\s?(?:[Zz]|([+-])(\d\d):?(\d\d)?)?)?",
    re.ASCII,
)
TIME_WRITTEN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", re.ASCII)


def instant(text: str) -> tuple[datetime, Decimal] | None:
    """Read a time to any precision: whole seconds in UTC, and their fraction."""
    if not (match := TIME_SENT.fullmatch(text.strip())):
        return None
    *date, hour, minute, second, fraction, sign, hours, minutes = match.groups()
    numbers = [int(part or 0) for part in (*date, hour, minute, second)]
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    try:
        moment = datetime(*numbers, tzinfo=timezone.utc)  # type: ignore[arg-type,misc]
        moment += offset if sign == "-" else -offset
    except (ValueError, OverflowError):
        return None
    return moment, Decimal(f"0.{fraction or 0}")


FORMATS = FormatChecker(formats=())


@FORMATS.checks("date-time")
def is_date_time(value: Any) -> bool:
    if not isinstance(value, str):
        return True
    return bool(TIME_WRITTEN.fullmatch(value) and instant(value))


def plain(value: Any) -> Any:
    """Give JSON a form in which equal means equal: 1 is 1.0 but neither true nor "1"."""
    if isinstance(value, dict):
        return "object", frozenset((key, plain(item)) for key, item in value.items())
    if isinstance(value, list):
        return "list", tuple(plain(item) for item in value)
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return "number", Decimal(value)
    return type(value), value


def holds(written: Any, sent: Any) -> bool:
    """Say whether a value that was written tells what was sent."""
    if plain(written) == plain(sent):
        return True
    if isinstance(written, str):
        if isinstance(sent, str):
            return instant(written) is not None and instant(written) == instant(sent)
        return bool(plain(decoded(written)) == plain(sent))
    return isinstance(sent, str) and bool(plain(decoded(sent)) == plain(written))


def decoded(text: str) -> Any:
    try:
        return json.loads(text, parse_float=Decimal)
    except ValueError:
        return ABSENT


def overflow(sent: Any, written: Any, extra: Any, path: str = "") -> Iterator[str]:
    """Name what was sent and stands neither in its column nor in ``_extra``."""
    if sent is None or holds(written, sent) or (extra is not ABSENT and holds(extra, sent)):
        return
    parts = dict(enumerate(sent)) if isinstance(sent, list) else sent
    if not isinstance(parts, dict) or type(written) is not type(sent):
        yield path
        return
    for key, part in parts.items():
        inside = written[key] if isinstance(written, list) else written.get(key, ABSENT)
        kept = extra.get(str(key), ABSENT) if isinstance(extra, dict) else ABSENT
        yield from overflow(part, inside, kept, f"{path}.{key}")


NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        [Decimal(text) for text in ("5.0", "1E+400", "0.1", "1.00000000000000000001", "-0.0")]
    ),
)
TEXTS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(["true", "12", "1.5", "-0", "1e3", "null", "[]", "007", "\u0663", "\x00"]),
    st.builds(
        "{}-{:02}-{:02}{}{}{}".format,
        st.sampled_from(["0001", "2026", "9999"]),
        st.integers(0, 13),
        st.integers(0, 32),
        st.sampled_from(["", "T00:00", "T23:59:60", "T12:30:15", " 09:08:07.1234567", "T24:00:00"]),
        st.sampled_from(["", "Z", " z", ".5", ".\u0663"]),
        st.sampled_from(["", "+02:00", "-0530", "+14", "+99:99"]),
    ),
)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=4,
)


def nearly(part: dict[str, Any]) -> SearchStrategy[Any]:
    """Values as a schema declares them, mixed at every level with anything else."""
    if "properties" in part:
        usual: SearchStrategy[Any] = objects(part)
    elif "items" in part:
        usual = st.lists(nearly(part["items"]), max_size=3)
    elif "boolean" in part["type"]:
        usual = st.booleans()
    elif {"integer", "number"} & set(part["type"]):
        usual = NUMBERS
    else:
        usual = TEXTS
    return usual | usual | JSON


def objects(part: dict[str, Any]) -> SearchStrategy[dict[str, Any]]:
    known = [st.tuples(st.just(name), nearly(inner)) for name, inner in part["properties"].items()]
    new = st.tuples(st.text(max_size=4) | st.just("_extra"), JSON)
    return st.lists(st.one_of(*known, new, new), max_size=6).map(dict)


@functools.cache
def rows(stream: str) -> SearchStrategy[dict[str, Any]]:
    return objects(load_schema(stream))


@functools.cache
def tools(stream: str) -> tuple[RecordConformer, Draft202012Validator]:
    schema = load_schema(stream)
    strict = {**schema, "additionalProperties": False, "required": [*schema["properties"]]}
    quiet = LOGGER.getChild("quiet")
    quiet.setLevel(logging.CRITICAL)
    conformer = RecordConformer(schema, KEYS[stream], quiet.warning)
    return conformer, Draft202012Validator(strict, format_checker=FORMATS)


@pytest.mark.parametrize("stream", KEYS)
@settings(
    max_examples=80, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
@given(data=st.data())
def test_any_object_is_written_soundly_and_without_loss(stream: str, data: st.DataObject) -> None:
    sent = receive(send(data.draw(rows(stream))))
    conformer, validator = tools(stream)

    line = encoder.encode(conformer.conform(sent))

    record = json.loads(line, parse_float=Decimal)
    assert [error.message for error in validator.iter_errors(record)] == []
    extra = record.pop("_extra") or {}
    assert extra.keys() <= sent.keys()
    assert all(record[key] for key in KEYS[stream])
    empty_keys = {name for name in KEYS[stream] if sent.get(name) == ""}
    for name in sent.keys() - empty_keys:
        written, kept = record.get(name, ABSENT), extra.get(name, ABSENT)
        assert [*overflow(sent[name], written, kept, name)] == []
