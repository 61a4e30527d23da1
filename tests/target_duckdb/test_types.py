"""Columns: which types values get, what a table that exists keeps, and what a schema means."""

# ruff: noqa: DTZ001, E501 - DuckDB keeps times without a zone; a line is a case

from __future__ import annotations

import json
import math
import typing as t
from datetime import date, datetime, time
from decimal import Decimal
from uuid import UUID

import duckdb
import pytest

from tests.support.singer import (
    LIST,
    NUMBER,
    OBJECT,
    TEXT,
    TIME,
    WHOLE,
    load,
    query,
    record,
    run,
    schema,
    stopped,
)

if t.TYPE_CHECKING:
    from pathlib import Path

DATE = {"type": ["string", "null"], "format": "date"}
CLOCK = {"type": ["string", "null"], "format": "time"}
A_UUID = {"type": ["string", "null"], "format": "uuid"}
MONEY = {"type": ["number", "null"], "multipleOf": 0.01, "minimum": -1e9, "maximum": 1e9}
SALESFORCE = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": ["string", "null"]}]}
ID = "6f9619ff-8b86-d011-b42d-00cf4fc964ff"
REF = {"$ref": "#/definitions/whole"}
DEFINITIONS = {
    "whole": {"type": ["integer", "null"]},
    "name": {"allOf": [{"$ref": "#/definitions/text"}, {"maxLength": 9}]},
    "text": {"type": "string"},
    "loop": {"anyOf": [{"type": "null"}, {"$ref": "#/definitions/loop"}, {"type": "array"}]},
    "a/b": {"type": "boolean"},
}

# What a schema means: the schema, the value in JSON, what arrives, the type.
MEANINGS: dict[str, tuple[t.Any, str, t.Any, str]] = {
    "a date": (DATE, '"2020-02-29"', date(2020, 2, 29), "DATE"),
    "a time": (CLOCK, '"12:30:00.500"', time(12, 30, 0, 500000), "TIME"),
    "a uuid": (A_UUID, f'"{ID}"', UUID(ID), "UUID"),
    "money": (MONEY, "0.10", Decimal("0.10"), "DECIMAL(12,2)"),
    "great money": (MONEY, "999999999.99", Decimal("999999999.99"), "DECIMAL(12,2)"),
    "a step without bounds": ({"type": "number", "multipleOf": 0.01}, "12345678901234567890.12", Decimal("12345678901234567890.12"), "DECIMAL(38,2)"),
    "a step too small": ({"type": "number", "multipleOf": 1e-30, "minimum": 0, "maximum": 1e20}, "0.5", 0.5, "DOUBLE"),
    "precision and scale": ({"type": "number", "precision": 20, "scale": 4}, "1e15", Decimal("1000000000000000.0000"), "DECIMAL(20,4)"),
    "a decimal as text": ({"type": "string", "format": "singer.decimal", "precision": 20, "scale": 4}, '"0.1234"', Decimal("0.1234"), "DECIMAL(20,4)"),
    "a decimal of any precision": ({"type": "string", "format": "singer.decimal"}, '"0.1234"', "0.1234", "VARCHAR"),
    "more than 64 bits": (WHOLE, str(2**63), 2**63, "HUGEINT"),
    "less than 64 bits": (WHOLE, str(-(2**63) - 1), -(2**63) - 1, "HUGEINT"),
    "more than its bounds": ({"type": "integer", "minimum": 0, "maximum": 9}, str(2**40), 2**40, "BIGINT"),
    "NaN": (NUMBER, "NaN", math.nan, "DOUBLE"),
    "Infinity": (NUMBER, "Infinity", math.inf, "DOUBLE"),
    "-Infinity": (NUMBER, "-Infinity", -math.inf, "DOUBLE"),
    "money that is not": (MONEY, "NaN", math.nan, "DOUBLE"),
    "a text NaN": (TEXT, '"NaN, Infinity"', "NaN, Infinity", "VARCHAR"),
    "small t and z": (TIME, '"2020-01-01t01:02:03z"', datetime(2020, 1, 1, 1, 2, 3), "TIMESTAMP"),
    "a leap second": (TIME, '"2016-12-31T23:59:60.5+00:00"', datetime(2017, 1, 1, 0, 0, 0, 500000), "TIMESTAMP"),
    "anyOf of texts": (SALESFORCE, '"2020-01-01"', "2020-01-01", "VARCHAR"),
    "oneOf of texts": ({"oneOf": [{"type": "string"}, {"type": "null"}]}, '"x"', "x", "VARCHAR"),
    "anyOf of times": ({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}, '"2020-01-01T00:00:00Z"', datetime(2020, 1, 1), "TIMESTAMP"),
    "anyOf of numbers": ({"anyOf": [{"type": "integer"}, {"type": "number"}]}, "0.5", 0.5, "DOUBLE"),
    "anyOf of whole numbers": ({"anyOf": [{"type": "integer", "minimum": 0, "maximum": 9}, {"type": "integer", "minimum": 0, "maximum": 99}]}, "5", 5, "INTEGER"),
    "anyOf with an object": ({"anyOf": [{"type": "string"}, {"type": "object"}]}, '"x"', '"x"', "JSON"),
    "allOf": ({"allOf": [{"type": ["string", "integer"]}, {"type": ["integer", "null"]}]}, "5", 5, "BIGINT"),
    "allOf with a format": ({"allOf": [{"type": "string"}, {"format": "date"}]}, '"2020-01-01"', date(2020, 1, 1), "DATE"),
    "enum": ({"enum": ["a", None]}, '"a"', "a", "VARCHAR"),
    "enum of numbers": ({"enum": [1, 2.5]}, "2.5", 2.5, "DOUBLE"),
    "enum with a type": ({"type": ["string", "null"], "enum": ["a"]}, '"a"', "a", "VARCHAR"),
    "const": ({"const": "a"}, '"a"', "a", "VARCHAR"),
    "const true": ({"const": True}, "true", True, "BOOLEAN"),
    "$ref": (REF, "5", 5, "BIGINT"),
    "$ref within $ref": ({"$ref": "#/definitions/name"}, '"x"', "x", "VARCHAR"),
    "$ref to itself": ({"$ref": "#/definitions/loop"}, "[1]", "[1]", "JSON"),
    "$ref with an odd name": ({"$ref": "#/definitions/a~1b"}, "true", True, "BOOLEAN"),
    "$ref to nowhere": ({"$ref": "#/definitions/none"}, '"x"', '"x"', "JSON"),
}  # fmt: skip


def with_definitions(stream: str, **properties: t.Any) -> dict[str, t.Any]:
    """A SCHEMA with definitions to point to."""
    found = schema(stream=stream, **properties)
    found["schema"]["definitions"] = DEFINITIONS
    return found


@pytest.fixture(scope="module")
def meanings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of them loaded at once, a table each."""
    folder = tmp_path_factory.mktemp("meanings")
    messages: list[t.Any] = []
    for number, (kind, value, *_) in enumerate(MEANINGS.values()):
        start = f'{{"type": "RECORD", "stream": "s{number}", "record": '
        messages += [
            with_definitions(f"s{number}", v=kind),
            f'{start}{{"id": 1, "v": {value}}}}}',
            f'{start}{{"id": 2}}}}',
        ]
    load(folder, *messages)
    return folder


@pytest.mark.parametrize("case", MEANINGS)
def test_a_schema_means_what_json_schema_says(meanings: Path, case: str) -> None:
    *_, wanted, kind = MEANINGS[case]
    stream = f"o.s{list(MEANINGS).index(case)}"
    found = query(meanings, f"SELECT v, typeof(v) FROM {stream} ORDER BY id")
    assert repr(found) == repr([(wanted, kind), (None, kind)])


def test_a_whole_schema_may_be_composed(tmp_path: Path) -> None:
    message = schema()
    message["schema"] = {
        "allOf": [{"$ref": "#/$defs/base"}, {"properties": {"v": TEXT}}],
        "$defs": {"base": {"properties": {"id": {"type": "integer"}}}},
    }
    load(tmp_path, message, record(id=1, v="x"))
    assert query(tmp_path, "SELECT id, v FROM o.s") == [(1, "x")]


# A table that exists: its column's type, a value there, the schema, the value in JSON that comes,
# what both are then, and the type.
KEPT: dict[str, tuple[str, str, t.Any, str, list[t.Any], str]] = {
    "DECIMAL": ("DECIMAL(10,2)", "1.10", NUMBER, "2.5", [Decimal("1.10"), Decimal("2.50")], "DECIMAL(10,2)"),
    "DECIMAL, whole": ("DECIMAL(10,2)", "1.10", WHOLE, "2", [Decimal("1.10"), Decimal("2.00")], "DECIMAL(10,2)"),
    "FLOAT": ("FLOAT", "0.5", NUMBER, "0.25", [0.5, 0.25], "FLOAT"),
    "DATE": ("DATE", "'2020-01-01'", TEXT, '"2020-01-02"', [date(2020, 1, 1), date(2020, 1, 2)], "DATE"),
    "DATE by its format": ("DATE", "'2020-01-01'", DATE, '"2020-01-02"', [date(2020, 1, 1), date(2020, 1, 2)], "DATE"),
    "TIME": ("TIME", "'01:02:03'", TEXT, '"04:05:06"', [time(1, 2, 3), time(4, 5, 6)], "TIME"),
    "UUID": ("UUID", f"'{ID}'", TEXT, f'"{ID}"', [UUID(ID), UUID(ID)], "UUID"),
    "UTINYINT": ("UTINYINT", "255", WHOLE, "0", [255, 0], "UTINYINT"),
    "UBIGINT": ("UBIGINT", "1", NUMBER, str(2**64 - 1), [1, 2**64 - 1], "UBIGINT"),
    "SMALLINT": ("SMALLINT", "5", WHOLE, "-32768", [5, -32768], "SMALLINT"),
    "TINYINT, a number": ("TINYINT", "5", NUMBER, "7.0", [5, 7], "TINYINT"),
    "TIMESTAMP_S": ("TIMESTAMP_S", "'2020-01-01'", TIME, '"2020-01-01T01:00:00+01:00"', [datetime(2020, 1, 1), datetime(2020, 1, 1)], "TIMESTAMP_S"),
    "TIMESTAMP": ("TIMESTAMP", "'2020-01-01'", TEXT, '"2020-01-02T00:00:00.5Z"', [datetime(2020, 1, 1), datetime(2020, 1, 2, 0, 0, 0, 500000)], "TIMESTAMP"),
    "BIGINT, text or number": ("BIGINT", "5", {"type": ["string", "integer"]}, "7", [5, 7], "BIGINT"),
    "VARCHAR, a date": ("VARCHAR", "'x'", DATE, '"2020-01-02"', ["x", "2020-01-02"], "VARCHAR"),
    "VARCHAR, a uuid": ("VARCHAR", "'x'", A_UUID, f'"{ID}"', ["x", ID], "VARCHAR"),
    "VARCHAR, money": ("VARCHAR", "'x'", MONEY, "0.10", ["x", "0.10"], "VARCHAR"),
    "DOUBLE, money": ("DOUBLE", "0.5", MONEY, "0.25", [0.5, 0.25], "DOUBLE"),
    "JSON, text now": ("JSON", "'\"x\"'", SALESFORCE, '"y"', ['"x"', '"y"'], "JSON"),
    "DECIMAL, finer": ("DECIMAL(10,2)", "1.10", NUMBER, "0.125", [Decimal("1.100"), Decimal("0.125")], "DECIMAL(11,3)"),
    "DECIMAL, greater": ("DECIMAL(4,2)", "1.10", NUMBER, "1000", [Decimal("1.10"), Decimal("1000.00")], "DECIMAL(6,2)"),
    "DECIMAL, far greater": ("DECIMAL(4,2)", "1.10", NUMBER, "1e300", [1.1, 1e300], "DOUBLE"),
    "DECIMAL, not finite": ("DECIMAL(4,2)", "1.10", NUMBER, "Infinity", [1.1, math.inf], "DOUBLE"),
    "FLOAT, finer": ("FLOAT", "0.1", NUMBER, "0.123456789", [0.1, 0.123456789], "DOUBLE"),
    "SMALLINT, greater": ("SMALLINT", "5", WHOLE, "40000", [5, 40000], "INTEGER"),
    "UTINYINT, negative": ("UTINYINT", "255", WHOLE, "-1", [255, -1], "SMALLINT"),
    "UBIGINT, negative": ("UBIGINT", str(2**64 - 1), WHOLE, "-1", [2**64 - 1, -1], "HUGEINT"),
    "BIGINT, finer": ("BIGINT", str(2**60 + 1), NUMBER, "0.5", [Decimal(f"{2**60 + 1}.0"), Decimal("0.5")], "DECIMAL(20,1)"),
    "HUGEINT, finer": ("HUGEINT", str(2**80), NUMBER, "0.25", [float(2**80), 0.25], "DOUBLE"),
    "HUGEINT, odd, finer": ("HUGEINT", str(2**80 + 1), NUMBER, "0.25", [Decimal(f"{2**80 + 1}.00"), Decimal("0.25")], "DECIMAL(38,2)"),
    "DOUBLE, great whole": ("DOUBLE", "5", WHOLE, str(2**60 + 1), [5, 2**60 + 1], "BIGINT"),
    "TIMESTAMP_S, finer": ("TIMESTAMP_S", "'2020-01-01'", TIME, '"2020-01-01T00:00:00.5Z"', [datetime(2020, 1, 1), datetime(2020, 1, 1, 0, 0, 0, 500000)], "TIMESTAMP"),
    "TIMESTAMP_NS, an old one": ("TIMESTAMP_NS", "'2020-01-01'", TIME, '"0001-01-01T00:00:00Z"', [datetime(2020, 1, 1), datetime(1, 1, 1)], "TIMESTAMP"),
    "DATE, a text": ("DATE", "'2020-01-01'", DATE, '"soon"', ["2020-01-01", "soon"], "VARCHAR"),
    "TIME, a zone": ("TIME", "'01:02:03'", CLOCK, '"04:05:06Z"', ["01:02:03", "04:05:06Z"], "VARCHAR"),
    "UUID, capitals": ("UUID", f"'{ID}'", A_UUID, f'"{ID.upper()}"', [ID, ID.upper()], "VARCHAR"),
    "DATE, an object": ("DATE", "'2020-01-01'", OBJECT, "{}", ['"2020-01-01"', "{}"], "JSON"),
    "TIMESTAMP, an offset in a text": ("TIMESTAMP", "'2020-01-01'", TEXT, '"2020-01-02T00:00:00+01:00"', ["2020-01-01T00:00:00Z", "2020-01-02T00:00:00+01:00"], "VARCHAR"),
    "BIGINT, a list": ("BIGINT", "5", LIST, "[1]", ["5", "[1]"], "JSON"),
    "an own type": ("VARCHAR[]", "['a']", LIST, '["b"]', ['["a"]', '["b"]'], "JSON"),
}  # fmt: skip
NEW_FIRST = {"DATE, a text", "TIME, a zone", "UUID, capitals"}
"""What a new table does too."""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """All of them loaded at once, a table each; the folder, and what was said."""
    folder = tmp_path_factory.mktemp("kept")
    messages: list[t.Any] = []
    with duckdb.connect(str(folder / "w.duckdb")) as connection:
        connection.execute("CREATE SCHEMA o")
        for number, (kind, old, wanted, value, *_) in enumerate(KEPT.values()):
            connection.execute(f"CREATE TABLE o.s{number} (id BIGINT, v {kind})")
            connection.execute(f"INSERT INTO o.s{number} VALUES (1, {old})")
            start = f'{{"type": "RECORD", "stream": "s{number}", "record": '
            messages += [
                schema(stream=f"s{number}", v=wanted),
                f'{start}{{"id": 2, "v": {value}}}}}',
            ]
    return folder, load(folder, *messages)


@pytest.mark.parametrize("case", KEPT)
def test_a_column_keeps_its_type_or_gets_the_narrowest(kept: tuple[Path, str], case: str) -> None:
    folder, said = kept
    before, *_, wanted, kind = KEPT[case]
    stream = f"s{list(KEPT).index(case)}"
    found = query(folder, f"SELECT v, typeof(v) FROM o.{stream} ORDER BY id")
    assert found == [(value, kind) for value in wanted]
    assert (f'"{stream}": the column "v" was {before} and is now {kind}' in said) == (
        before != kind
    )


def test_a_new_column_becomes_text_with_the_first_value_that_does_not_fit(tmp_path: Path) -> None:
    good = record(id=1, d="2020-01-01", t="01:02:03", u=ID)
    bad = [record(id=2, d="x"), record(id=3, t="x"), record(id=4, u="x"), record(id=5, d="")]
    said = load(tmp_path, schema(d=DATE, t=CLOCK, u=A_UUID), good, *bad)
    assert len(said.splitlines()) == 3
    assert query(tmp_path, "SELECT d, t, u FROM o.s ORDER BY id") == [
        ("2020-01-01", "01:02:03", ID),
        ("x", None, None),
        (None, "x", None),
        (None, None, "x"),
        ("", None, None),
    ]


def test_a_type_changes_together_with_the_row_that_needs_it(tmp_path: Path) -> None:
    load(tmp_path, schema(v=WHOLE, d=DATE), record(id=1, v=1, d="2020-01-01"))
    wide = record(id=2, v=2**63, d="x")
    done = run(tmp_path, schema(v=WHOLE, d=DATE), wide, record(id=3, v="x"))
    assert (done.returncode, done.stdout) == (1, "")
    assert query(tmp_path, "SELECT id, typeof(v), typeof(d) FROM o.s") == [(1, "BIGINT", "DATE")]


CONSTRAINTS = [
    "v DECIMAL(5,2) DEFAULT 7 NOT NULL",
    "v DECIMAL(5,2), CHECK (v > 0)",
    "v DECIMAL(5,2), g DECIMAL(20,4) GENERATED ALWAYS AS (v + 1)",
    "v DECIMAL(5,2), \"odd, v DECIMAL(5,2)\" VARCHAR DEFAULT '(' CHECK (\"odd, v DECIMAL(5,2)\" <> '')",
    '"V" DECIMAL(5,2) UNIQUE',
]


@pytest.mark.parametrize("made", CONSTRAINTS)
def test_what_a_user_made_survives_a_change_of_type(tmp_path: Path, made: str) -> None:
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        connection.execute(
            f"CREATE SCHEMA o; CREATE TABLE o.s (id BIGINT PRIMARY KEY, mine VARCHAR DEFAULT 'new', {made})"
        )
        connection.execute("INSERT INTO o.s (id, mine, v) VALUES (1, 'a', 1), (2, 'b', 2)")
        connection.execute("COMMENT ON COLUMN o.s.mine IS 'my own'")
        before = connection.execute("SELECT sql FROM duckdb_tables()").fetchall()[0][0]
        connection.execute("CREATE INDEX mine ON o.s (mine)")
    load(tmp_path, schema(v=NUMBER), record(id=2, v=0.125), record(id=3, v=3))
    found = query(tmp_path, "SELECT id, mine, v::VARCHAR FROM o.s ORDER BY id")
    assert found == [(1, "a", "1.000"), (2, "b", "0.125"), (3, "new", "3.000")]
    after = query(tmp_path, "SELECT sql FROM duckdb_tables()")[0][0]
    more = ", ".join(
        f"{n} TIMESTAMP" for n in ("_sdc_extracted_at", "_sdc_batched_at", "_sdc_deleted_at")
    )
    wider = (
        before.replace('(5,2)" VARCHAR', "@")
        .replace("DECIMAL(5,2)", "DECIMAL(6,3)", 1)
        .replace("@", '(5,2)" VARCHAR')
    )
    assert after.replace('"v"', "v").replace(
        f", {more}, _sdc_table_version BIGINT", ""
    ) == wider.replace('"V"', "v")
    assert query(tmp_path, "SELECT comment FROM duckdb_columns() WHERE column_name = 'mine'") == [
        ("my own",)
    ]
    assert query(tmp_path, "SELECT count(*) FROM duckdb_indexes() WHERE index_name = 'mine'") == [
        (1,)
    ]


def test_a_constraint_that_forbids_a_change_is_named(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        connection.execute("CREATE SCHEMA o; CREATE TABLE o.s (id BIGINT PRIMARY KEY, v BIGINT)")
        connection.execute("CREATE TABLE o.other (s BIGINT REFERENCES o.s (id))")
        connection.execute("INSERT INTO o.s VALUES (1, 1)")
    done = run(tmp_path, schema(("id",), id={"type": "string"}, v=WHOLE), record(id="x", v=1))
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert "column id" in done.stderr
    assert query(tmp_path, "SELECT id, typeof(id) FROM o.s") == [(1, "BIGINT")]


def test_what_a_schema_no_longer_declares_stays(tmp_path: Path) -> None:
    full = schema(a=TEXT, b=NUMBER, c=OBJECT)
    load(tmp_path, full, *(record(id=n, a=f"a{n}", b=n / 2, c={"n": n}) for n in range(4)))
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        connection.execute("ALTER TABLE o.s ADD COLUMN mine VARCHAR DEFAULT 'none'")
        connection.execute("UPDATE o.s SET mine = 'mine' || id")
        connection.execute("UPDATE o.s SET _sdc_deleted_at = now()::TIMESTAMP WHERE id = 1")
    narrow = [record(id=1, a="A1"), record(id=2), record(id=9, a="A9"), record(id=1, a="A1 again")]
    load(tmp_path, schema(a=TEXT), *({**r, "version": 5} for r in narrow))
    columns = "id, a, b, c->>'n', mine, _sdc_deleted_at, _sdc_table_version"
    assert query(tmp_path, f"SELECT {columns} FROM o.s ORDER BY id") == [
        (0, "a0", 0.0, "0", "mine0", None, None),
        (1, "A1 again", 0.5, "1", "mine1", None, 5),
        (2, None, 1.0, "2", "mine2", None, 5),
        (3, "a3", 1.5, "3", "mine3", None, None),
        (9, "A9", None, None, "none", None, 5),
    ]


def test_there_and_back_nothing_is_lost(tmp_path: Path) -> None:
    """A narrower run, a wider one, types changed there and back, with a primary key."""
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        connection.execute(
            "CREATE SCHEMA o; CREATE TABLE o.s (id BIGINT PRIMARY KEY, mine VARCHAR)"
        )
        connection.execute("INSERT INTO o.s SELECT range, 'mine' || range FROM range(50)")
    wanted: dict[int, dict[str, t.Any]] = {n: {"mine": f"mine{n}"} for n in range(50)}
    small = {"type": ["integer", "null"], "minimum": 0, "maximum": 9}
    runs: list[tuple[dict[str, t.Any], t.Callable[[int], dict[str, t.Any]]]] = [
        ({"v": small, "w": DATE}, lambda n: {"v": n % 9, "w": "2020-01-01"}),
        ({"v": WHOLE, "x": OBJECT}, lambda n: {"v": 2**50 + n, "x": {"n": n}}),
        ({"v": NUMBER}, lambda n: {"v": n + 0.5}),
        ({"v": TEXT, "w": TEXT}, lambda n: {"v": f"t{n}", "w": f"w{n}"}),
        ({"v": small}, lambda n: {"v": n % 9}),
        ({"v": WHOLE, "w": DATE, "x": OBJECT}, lambda n: {"v": n, "w": "2021-01-01", "x": {}}),
    ]
    for step, (properties, values) in enumerate(runs):
        records = {n: values(n) for n in range(step, 60, step + 1)}
        load(
            tmp_path,
            schema(**properties),
            *(record(id=n, **v) for n, v in records.items()),
            batch_size_rows=7,
        )
        for number, found in records.items():
            wanted.setdefault(number, {}).update(found)
    rows = query(tmp_path, "SELECT id, mine, v, w, x FROM o.s ORDER BY id")
    assert [row[0] for row in rows] == sorted(wanted)
    for number, mine, v, w, x in rows:
        expected = wanted[number]
        assert mine == expected.get("mine")
        given = expected.get("v")
        assert v == given or (given is not None and (v == str(given) or float(v) == float(given)))
        assert w == expected.get("w")
        assert (None if x is None else json.loads(x)) == expected.get("x")
    keys = "SELECT constraint_text FROM duckdb_constraints() WHERE constraint_type = 'PRIMARY KEY'"
    assert query(tmp_path, keys) == [("PRIMARY KEY(id)",)]


REFUSED: dict[str, tuple[list[t.Any], str]] = {
    "no properties": ([{**schema(()), "schema": {"type": "object"}}], "stream s"),
    "empty properties": ([{**schema(()), "schema": {"properties": {}}}], "stream s"),
    "an empty property": ([schema(**{"": TEXT})], "stream s"),
    "an empty stream": ([schema(stream="")], "SCHEMA"),
    "an enum that is none": ([schema(v={"enum": 5})], "stream s"),
    "a reference for a key that is null": ([{**schema(("a",), a=REF), "schema": {"properties": {"a": REF}, "definitions": DEFINITIONS}}, record(a=None)], "column a"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_schema_that_cannot_be_is_refused(tmp_path: Path, case: str) -> None:
    messages, place = REFUSED[case]
    stopped(tmp_path, run(tmp_path, *messages), place)


def test_a_version_before_its_schema_is_ignored(tmp_path: Path) -> None:
    early = {"type": "ACTIVATE_VERSION", "stream": "s", "version": 5}
    load(tmp_path, early, schema(), {**record(id=1), "version": 5})
    assert query(tmp_path, "SELECT _sdc_deleted_at FROM o.s") == [(None,)]
