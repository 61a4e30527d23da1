"""Values and schemas of any kind, through the real process into a real file: what arrives."""

# ruff: noqa: DTZ001, E501 - DuckDB keeps times without a zone; a line is a case

import json
import math
import typing as t
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import duckdb

from tests.support import singer
from tests.support.singer import LIST, NUMBER, OBJECT, TEXT, TIME, WHOLE

ID = "6f9619ff-8b86-d011-b42d-00cf4fc964ff"
MONEY = {"type": ["number", "null"], "multipleOf": 0.01, "minimum": -1e9, "maximum": 1e9}
DEFINITIONS = {
    "whole": {"type": ["integer", "null"]},
    "name": {"allOf": [{"$ref": "#/definitions/text"}, {"maxLength": 9}]},
    "text": {"type": "string"},
    "loop": {"anyOf": [{"type": "null"}, {"$ref": "#/definitions/loop"}, {"type": "array"}]},
    "a/b": {"type": "boolean"},
}


class Exact(str):
    """A number with all its digits, as it stands in a message."""

    __slots__ = ()


def option(*kinds: t.Any, word: str = "anyOf") -> dict[str, t.Any]:
    """A schema of several."""
    return {word: [kind if isinstance(kind, dict) else {"type": kind} for kind in kinds]}


def of(kind: t.Any, **more: t.Any) -> dict[str, t.Any]:
    """A schema with a type."""
    return {"type": kind, **more}


HARD = "\0 \r\n\t \"a\" 'b' \\ ,; 👩‍👩‍👧 é"
NESTED = {"a": {"b": [1, None, HARD]}, "n": 2**63, "f": 0.1}
DEEP = json.loads("[" * 500 + "]" * 500)
EXACT = Exact("12345678901234567890.12")
BETWEEN = {"minimum": 0, "maximum": 9}

# A schema, a value that is sent, what comes back, and the column's type.
CASES: list[tuple[t.Any, t.Any, t.Any, str]] = [
    *((TEXT, text, text, "VARCHAR") for text in ("", HARD, "null", '{"a": 1}', "  ", "NaN, Infinity", "x" * 2**20)),
    (TEXT, None, None, "VARCHAR"),
    *((WHOLE, number, number, "BIGINT") for number in (0, 2**63 - 1, -(2**63))),
    *((WHOLE, number, number, "HUGEINT") for number in (2**63, -(2**63) - 1)),
    (of("integer", maximum=2**64), 2**64 + 1, 2**64 + 1, "HUGEINT"),
    (WHOLE, 5.0, 5, "BIGINT"),
    (WHOLE, 1e16, 10**16, "BIGINT"),
    (WHOLE, Exact("9007199254740993.0"), 2**53 + 1, "BIGINT"),
    (of("integer", minimum=0, maximum=2**31 - 1), 2**31 - 1, 2**31 - 1, "INTEGER"),
    (of("integer", maximum=9), -(2**40), -(2**40), "BIGINT"),
    (of("integer", **BETWEEN), 2**40, 2**40, "BIGINT"),
    *((NUMBER, number, number, "DOUBLE") for number in (0.1, 5e-324, 1.7976931348623157e308, math.nan, math.inf, -math.inf)),
    (NUMBER, 5, 5.0, "DOUBLE"),
    (MONEY, 0.1, Decimal("0.10"), "DECIMAL(12,2)"),
    (MONEY, 999999999.99, Decimal("999999999.99"), "DECIMAL(12,2)"),
    (MONEY, math.nan, math.nan, "DOUBLE"),
    (of("number", multipleOf=0.01), EXACT, Decimal(EXACT), "DECIMAL(38,2)"),
    (of("number", multipleOf=1e-30, minimum=0, maximum=1e20), 0.5, 0.5, "DOUBLE"),
    (of("number", precision=2, scale=5), 0.5, 0.5, "DOUBLE"),
    (of("number", precision=True, scale=True), 0.5, 0.5, "DOUBLE"),
    (of("number", precision=20, scale=4), 1e15, Decimal("1000000000000000.0000"), "DECIMAL(20,4)"),
    (of("string", format="singer.decimal", precision=20, scale=4), "0.1234", Decimal("0.1234"), "DECIMAL(20,4)"),
    (of("string", format="singer.decimal"), "0.1234", "0.1234", "VARCHAR"),
    (of("boolean"), True, True, "BOOLEAN"),
    (of("boolean"), False, False, "BOOLEAN"),
    (TIME, "2020-02-29T12:00:00Z", datetime(2020, 2, 29, 12), "TIMESTAMP"),
    (TIME, "2020-01-01T00:00:00+05:30", datetime(2019, 12, 31, 18, 30), "TIMESTAMP"),
    (TIME, "2020-01-01T20:00:00-05:00", datetime(2020, 1, 2, 1), "TIMESTAMP"),
    (TIME, "2020-01-01T01:02:03", datetime(2020, 1, 1, 1, 2, 3), "TIMESTAMP"),
    (TIME, "2020-01-01T00:00:00.1234567+01:00", datetime(2019, 12, 31, 23, 0, 0, 123456), "TIMESTAMP"),
    (TIME, "0001-01-01T00:00:00Z", datetime(1, 1, 1), "TIMESTAMP"),
    (TIME, "9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59), "TIMESTAMP"),
    (TIME, "2020-01-01t01:02:03z", datetime(2020, 1, 1, 1, 2, 3), "TIMESTAMP"),
    (TIME, "2016-12-31T23:59:60.5+00:00", datetime(2017, 1, 1, 0, 0, 0, 500000), "TIMESTAMP"),
    (of("string", format="date"), "2020-02-29", date(2020, 2, 29), "DATE"),
    (of("string", format="time"), "12:30:00.500", time(12, 30, 0, 500000), "TIME"),
    (of("string", format="uuid"), ID, UUID(ID), "UUID"),
    *((OBJECT, value, value, "JSON") for value in (NESTED, {})),
    *((LIST, value, value, "JSON") for value in ([None, 1, [None], HARD], [], DEEP)),
    (of(["object", "string"]), "x", "x", "JSON"),
    (of(["object", "array"]), [1], [1], "JSON"),
    (of(["boolean", "number"]), True, True, "JSON"),
    (of(["string", "integer"]), 7, "7", "VARCHAR"),
    (of(["string", "integer"]), "7", "7", "VARCHAR"),
    *(({}, value, value, "JSON") for value in (NESTED, "x", None)),
    (option("string", "integer"), "5", "5", "VARCHAR"),
    (option("string", "null", word="oneOf"), "x", "x", "VARCHAR"),
    (option(of("string", format="date-time"), ["string", "null"]), "2020-01-01", "2020-01-01", "VARCHAR"),
    (option(of("string", format="date-time"), "null"), "2020-01-01T00:00:00Z", datetime(2020, 1, 1), "TIMESTAMP"),
    (option("integer", "number"), 0.5, 0.5, "DOUBLE"),
    (option(of("integer", **BETWEEN), of("integer", minimum=0, maximum=99)), 5, 5, "INTEGER"),
    (option("string", "object"), "x", "x", "JSON"),
    (option(["string", "integer"], ["integer", "null"], word="allOf"), 5, 5, "BIGINT"),
    (option("string", {"format": "date"}, word="allOf"), "2020-01-01", date(2020, 1, 1), "DATE"),
    ({"enum": ["a", None]}, "a", "a", "VARCHAR"),
    ({"enum": ["a", 1]}, 1, "1", "VARCHAR"),
    ({"enum": [1, 2.5]}, 2.5, 2.5, "DOUBLE"),
    (of(["string", "null"], enum=["a"]), "a", "a", "VARCHAR"),
    ({"const": "a"}, "a", "a", "VARCHAR"),
    ({"const": True}, True, True, "BOOLEAN"),
    ({"$ref": "#/definitions/whole"}, 5, 5, "BIGINT"),
    ({"$ref": "#/definitions/name"}, "x", "x", "VARCHAR"),
    ({"$ref": "#/definitions/loop"}, [1], [1], "JSON"),
    ({"$ref": "#/definitions/a~1b"}, True, True, "BOOLEAN"),
    ({"$ref": "#/definitions/none"}, "x", "x", "JSON"),
]  # fmt: skip


def test_a_value_arrives_in_a_column_of_the_type_that_its_schema_means(tmp_path: Path) -> None:
    messages: list[t.Any] = []
    for number, (kind, value, *_) in enumerate(CASES):
        message = singer.schema(stream=f"s{number}", v=kind)
        message["schema"]["definitions"] = DEFINITIONS
        given = value if isinstance(value, Exact) else json.dumps(value)
        start = f'{{"type": "RECORD", "stream": "s{number}", "record": '
        rows = [f'{start}{{"id": {key}, "v": {given}}}}}' for key in (1, 2)]
        messages += [message, *rows, f'{start}{{"id": 3}}}}']
    singer.load(tmp_path, *messages)

    with duckdb.connect(str(tmp_path / "w.duckdb"), read_only=True) as connection:
        for number, (kind, value, wanted, column) in enumerate(CASES):
            query = f"SELECT v, typeof(v) FROM o.s{number} ORDER BY id"
            found = connection.execute(query).fetchall()
            if column == "JSON":
                found = [(v if v is None else json.loads(v), *more) for v, *more in found]
            expected = [(wanted, column), (wanted, column), (None, column)]
            assert repr(found) == repr(expected), (number, kind, value)


def test_a_whole_schema_may_be_composed(tmp_path: Path) -> None:
    message = singer.schema()
    message["schema"] = {
        "allOf": [{"$ref": "#/$defs/base"}, {"properties": {"v": TEXT}}],
        "$defs": {"base": {"properties": {"id": {"type": "integer"}}}},
    }
    singer.load(tmp_path, message, singer.record(id=1, v="x"))
    assert singer.query(tmp_path, "SELECT id, v FROM o.s") == [(1, "x")]


def test_any_name_is_a_column(tmp_path: Path) -> None:
    plain = ["a b", "a.b", "select", "order", "é", "a'b", "$x", "createdAt", "1st", "line", "found"]
    for stream, names in {"plain": [*plain, "rowid", "c0"], "odd": [*plain, 'a"b', "a\\b"]}.items():
        kinds = {**dict.fromkeys(names, TEXT), "n": NUMBER, "w": OBJECT, "d": TIME}
        row = singer.record(
            stream, id=1, **{n: n for n in names}, n=1.5, w={"a": 1}, d="2020-01-01T00:00:00Z"
        )
        singer.load(tmp_path, singer.schema(stream=stream, **kinds), row)
        columns = ", ".join('"' + name.replace('"', '""') + '"' for name in names)
        assert singer.query(tmp_path, f"SELECT {columns}, n, w::VARCHAR, d FROM o.{stream}") == [
            (*names, 1.5, '{"a": 1}', datetime(2020, 1, 1))
        ]


def test_objects_become_columns_on_request(tmp_path: Path) -> None:
    inner = {"type": "object", "properties": {"c": TEXT}}
    node = {"type": "object", "properties": {"b": inner, "d": NUMBER}}
    rows = [
        singer.record(id=1, a={"b": {"c": "x"}, "d": 0.5}),
        singer.record(id=2, a=None),
        singer.record(id=3),
    ]
    singer.load(tmp_path, singer.schema(a=node), *rows, data_flattening_max_level=1)
    found = singer.query(tmp_path, "SELECT a__b, a__d, typeof(a__d) FROM o.s ORDER BY id")
    assert found == [('{"c": "x"}', 0.5, "DOUBLE"), *[(None, None, "DOUBLE")] * 2]


def test_a_very_long_text(tmp_path: Path) -> None:
    singer.load(
        tmp_path,
        singer.schema(v=TEXT, w=OBJECT),
        singer.record(id=1, v="é" * 10_000_000, w={"a": "x" * 10**7}),
    )
    assert singer.query(tmp_path, "SELECT strlen(v), length(w->>'a') FROM o.s") == [
        (20_000_000, 10**7)
    ]
