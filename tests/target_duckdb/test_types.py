"""Types: what becomes of a value of any schema, in a new table and in one that is there."""

import json
import typing as t
from pathlib import Path

import pytest

from tests.support import singer
from tests.support.singer import LIST, NUMBER, OBJECT, TEXT, TIME, WHOLE, Message, record, schema

ID = "6f9619ff-8b86-d011-b42d-00cf4fc964ff"
DEFINITIONS = {
    "whole": {"type": ["integer", "null"]},
    "name": {"allOf": [{"$ref": "#/definitions/text"}, {"maxLength": 9}]},
    "text": {"type": "string"},
    "loop": {"anyOf": [{"type": "null"}, {"$ref": "#/definitions/loop"}, {"type": "array"}]},
    "a/b": {"type": "boolean"},
}
HARD = "\0 \r\n\t \"a\" 'b' \\ ,; 👩‍👩‍👧 é"
NESTED = {"a": {"b": [1, None, HARD]}, "n": 2**63, "f": 0.1}
DEEP = json.loads("[" * 500 + "]" * 500)
EXACT = "12345678901234567890.12"
DAY, NOON, MIDNIGHT = "2020-01-01", "2020-01-01T12:00:00Z", "2020-01-01 00:00:00"
FIRST = "0001-01-01 00:00:00"


def of(kind: t.Any, form: str | None = None, **more: t.Any) -> dict[str, t.Any]:
    """A schema with a type."""
    return {"type": kind, **({"format": form} if form else {}), **more}


def option(*kinds: t.Any, word: str = "anyOf") -> dict[str, t.Any]:
    """A schema of several."""
    return {word: [kind if isinstance(kind, dict) else {"type": kind} for kind in kinds]}


def same(*values: t.Any) -> dict[str, str]:
    """Values in JSON, which stand in a column as they are."""
    return {json.dumps(v): v if isinstance(v, str) else json.dumps(v) for v in values}


SMALL = of(["integer", "null"], minimum=0, maximum=9)
MONEY = of(["number", "null"], multipleOf=0.01, minimum=-1e9, maximum=1e9)
EITHER = option(of("string", "date-time"), ["string", "null"])

# The type of a new column, its schema, and values in JSON with what they are there, as texts.
NEW: list[tuple[str, t.Any, dict[str, str]]] = [
    ("VARCHAR", TEXT, same("", HARD, "null", '{"a": 1}', "  ", "NaN, Infinity", "é" * 10**7)),
    ("BIGINT", WHOLE, same(0, 2**63 - 1, -(2**63)) | {"5.0": "5", "1e16": str(10**16)}),
    ("BIGINT", WHOLE, {"9007199254740993.0": "9007199254740993"}),
    ("HUGEINT", WHOLE, same(2**63, -(2**63) - 1)),
    ("HUGEINT", of("integer", maximum=2**64), same(2**64 + 1)),
    ("INTEGER", of("integer", minimum=0, maximum=2**31 - 1), same(2**31 - 1)),
    ("BIGINT", of("integer", maximum=9), same(-(2**40))),
    ("BIGINT", SMALL, same(2**40)),
    ("DOUBLE", NUMBER, same(0.1, 5e-324, 1.7976931348623157e308) | {"5": "5.0"}),
    ("DOUBLE", NUMBER, {"NaN": "nan", "Infinity": "inf", "-Infinity": "-inf"}),
    ("DECIMAL(12,2)", MONEY, {"0.1": "0.10", "999999999.99": "999999999.99"}),
    ("DOUBLE", MONEY, {"NaN": "nan"}),
    ("DECIMAL(38,2)", of("number", multipleOf=0.01), {EXACT: EXACT}),
    ("DOUBLE", of("number", multipleOf=1e-30, minimum=0, maximum=1e20), same(0.5)),
    ("DOUBLE", of("number", precision=2, scale=5), same(0.5)),
    ("DECIMAL(20,4)", of("number", precision=20, scale=4), {"1e15": "1000000000000000.0000"}),
    ("DECIMAL(20,4)", of("string", "singer.decimal", precision=20, scale=4), same("0.1234")),
    ("VARCHAR", of("string", "singer.decimal"), same("0.1234")),
    ("BOOLEAN", of("boolean"), {"true": "true", "false": "false"}),
    (
        "TIMESTAMP",
        TIME,
        {
            '"2020-02-29T12:00:00Z"': "2020-02-29 12:00:00",
            '"2020-01-01T00:00:00+05:30"': "2019-12-31 18:30:00",
            '"2020-01-01T20:00:00-05:00"': "2020-01-02 01:00:00",
            '"2020-01-01T01:02:03"': "2020-01-01 01:02:03",
            '"2020-01-01T00:00:00.1234567+01:00"': "2019-12-31 23:00:00.123456",
            '"0001-01-01T00:00:00Z"': "0001-01-01 00:00:00",
            '"9999-12-31T23:59:59Z"': "9999-12-31 23:59:59",
            '"2020-01-01t01:02:03z"': "2020-01-01 01:02:03",
            '"2016-12-31T23:59:60.5+00:00"': "2017-01-01 00:00:00.5",
        },
    ),
    ("DATE", of("string", "date"), same("2020-02-29")),
    ("TIME", of("string", "time"), {'"12:30:00.500"': "12:30:00.5"}),
    ("UUID", of("string", "uuid"), same(ID)),
    ("JSON", OBJECT, same(NESTED, {})),
    ("JSON", LIST, same([None, 1, [None], HARD], [], DEEP)),
    ("JSON", of(["object", "string"]), {'"x"': '"x"'}),
    ("JSON", of(["object", "array"]), same([1])),
    ("JSON", of(["boolean", "number"]), {"true": "true"}),
    ("VARCHAR", of(["string", "integer"]), {"7": "7", '"8"': "8"}),
    ("JSON", {}, same(NESTED) | {'"x"': '"x"'}),
    ("VARCHAR", option("string", "integer"), same("5")),
    ("VARCHAR", option("string", "null", word="oneOf"), same("x")),
    ("VARCHAR", EITHER, same("2020-01-01")),
    ("TIMESTAMP", option(of("string", "date-time"), "null"), {f'"{NOON}"': "2020-01-01 12:00:00"}),
    ("DOUBLE", option("integer", "number"), same(0.5)),
    ("INTEGER", option(SMALL, of("integer", minimum=0, maximum=99)), same(5)),
    ("JSON", option("string", "object"), {'"x"': '"x"'}),
    ("BIGINT", option(["string", "integer"], ["integer", "null"], word="allOf"), same(5)),
    ("DATE", option("string", {"format": "date"}, word="allOf"), same("2020-01-01")),
    ("VARCHAR", {"enum": ["a", None]}, same("a")),
    ("VARCHAR", {"enum": ["a", 1]}, {"1": "1"}),
    ("DOUBLE", {"enum": [1, 2.5]}, same(2.5)),
    ("BOOLEAN", {"const": True}, {"true": "true"}),
    ("BIGINT", {"$ref": "#/definitions/whole"}, same(5)),
    ("VARCHAR", {"$ref": "#/definitions/name"}, same("x")),
    ("JSON", {"$ref": "#/definitions/loop"}, same([1])),
    ("BOOLEAN", {"$ref": "#/definitions/a~1b"}, {"true": "true"}),
    ("JSON", {"$ref": "#/definitions/none"}, {'"x"': '"x"'}),
]
# A column that is there, a value in it, the schema, the value in JSON that comes, and what that is.
KEPT: list[tuple[str, str, t.Any, str, str]] = [
    ("DECIMAL(10,2)", "1.10", NUMBER, "2.5", "2.50"),
    ("FLOAT", "0.5", NUMBER, "0.25", "0.25"),
    ("DATE", DAY, TEXT, '"2020-01-02"', "2020-01-02"),
    ("TIME", "01:02:03", TEXT, '"04:05:06"', "04:05:06"),
    ("UUID", ID, TEXT, f'"{ID}"', ID),
    ("UTINYINT", "255", WHOLE, "0", "0"),
    ("UBIGINT", "1", NUMBER, str(2**64 - 1), str(2**64 - 1)),
    ("SMALLINT", "5", WHOLE, "-32768", "-32768"),
    ("TINYINT", "5", NUMBER, "7.0", "7"),
    ("TIMESTAMP_S", MIDNIGHT, TIME, f'"{NOON[:-1]}+01:00"', "2020-01-01 11:00:00"),
    ("TIMESTAMP", MIDNIGHT, TEXT, f'"{NOON}"', "2020-01-01 12:00:00"),
    ("BIGINT", "5", of(["string", "integer"]), "7", "7"),
    ("VARCHAR", "x", of("string", "date"), '"2020-01-02"', "2020-01-02"),
    ("VARCHAR", "x", MONEY, "0.10", "0.10"),
    ("DOUBLE", "0.5", MONEY, "0.25", "0.25"),
    ("JSON", '"x"', EITHER, '"y"', '"y"'),
]
# The same where the column changes: its type then, and both values.
WIDENED: list[tuple[str, str, t.Any, str, str, str, str]] = [
    ("DECIMAL(10,2)", "1.10", NUMBER, "0.125", "DECIMAL(11,3)", "1.100", "0.125"),
    ("DECIMAL(4,2)", "1.10", NUMBER, "1000", "DECIMAL(6,2)", "1.10", "1000.00"),
    ("DECIMAL(4,2)", "1.10", NUMBER, "1e300", "DOUBLE", "1.1", "1e+300"),
    ("DECIMAL(4,2)", "1.10", NUMBER, "Infinity", "DOUBLE", "1.1", "inf"),
    ("FLOAT", "0.1", NUMBER, "0.123456789", "DOUBLE", "0.1", "0.123456789"),
    ("SMALLINT", "5", WHOLE, "40000", "INTEGER", "5", "40000"),
    ("UTINYINT", "255", WHOLE, "-1", "SMALLINT", "255", "-1"),
    ("UBIGINT", str(2**64 - 1), WHOLE, "-1", "HUGEINT", str(2**64 - 1), "-1"),
    ("BIGINT", "5", NUMBER, "5.5", "DOUBLE", "5.0", "5.5"),
    ("BIGINT", str(2**60 + 1), NUMBER, "0.5", "DECIMAL(20,1)", f"{2**60 + 1}.0", "0.5"),
    ("HUGEINT", str(2**80), NUMBER, "0.25", "DOUBLE", str(float(2**80)), "0.25"),
    ("HUGEINT", str(2**80 + 1), NUMBER, "0.25", "DECIMAL(38,2)", f"{2**80 + 1}.00", "0.25"),
    ("DOUBLE", "5", WHOLE, str(2**60 + 1), "BIGINT", "5", str(2**60 + 1)),
    ("TIMESTAMP_S", DAY, TIME, f'"{DAY}T00:00:00.5Z"', "TIMESTAMP", MIDNIGHT, f"{MIDNIGHT}.5"),
    ("TIMESTAMP_NS", DAY, TIME, f'"{FIRST}"', "TIMESTAMP", MIDNIGHT, FIRST),
    ("DATE", DAY, of("string", "date"), '"soon"', "VARCHAR", DAY, "soon"),
    ("TIME", "01:02:03", of("string", "time"), '"04:05:06Z"', "VARCHAR", "01:02:03", "04:05:06Z"),
    ("UUID", ID, of("string", "uuid"), f'"{ID.upper()}"', "VARCHAR", ID, ID.upper()),
    ("TIMESTAMP", DAY, TEXT, '"x"', "VARCHAR", "2020-01-01T00:00:00Z", "x"),
    ("TIMESTAMP", DAY, OBJECT, "{}", "JSON", '"2020-01-01T00:00:00Z"', "{}"),
    ("BIGINT", "5", LIST, "[1]", "JSON", "5", "[1]"),
    ("VARCHAR[]", "[a]", LIST, '["b"]', "JSON", '["a"]', '["b"]'),
    ("BIGINT", "5", TEXT, '"05"', "VARCHAR", "5", "05"),
    ("DOUBLE", "5.5", TEXT, '"7"', "VARCHAR", "5.5", "7"),
    ("VARCHAR", "x", OBJECT, "{}", "JSON", '"x"', "{}"),
    ("BOOLEAN", "true", TEXT, '"x"', "VARCHAR", "true", "x"),
]


def rows(number: int, kind: t.Any, *values: str) -> list[Message]:
    """A stream with these values in JSON, and a row without one."""
    message = schema(stream=f"s{number}", v=kind)
    message["schema"]["definitions"] = DEFINITIONS
    start = f'{{"type": "RECORD", "stream": "s{number}", "record": {{"id": '
    found = [f'{start}{key}, "v": {value}}}}}' for key, value in enumerate(values, 1)]
    return [message, *found, f"{start}{len(values) + 1}}}}}"]


def columns(folder: Path, count: int) -> list[tuple[set[str], list[str | None]]]:
    """The type of the column v of each table, and its values by id."""
    query = "SELECT typeof(v), v::VARCHAR FROM o.s{} ORDER BY id"
    found = [singer.query(folder, query.format(number)) for number in range(count)]
    return [({kind for kind, _ in rows}, [value for _, value in rows]) for rows in found]


def test_type_of_a_new_column(tmp_path: Path) -> None:
    messages = [m for n, (_, kind, values) in enumerate(NEW) for m in rows(n, kind, *values)]
    singer.load(tmp_path, *messages, batch_size_rows=2)
    for case, found in zip(NEW, columns(tmp_path, len(NEW)), strict=True):
        assert found == ({case[0]}, [*case[2].values(), None]), case[1]


def test_type_of_a_column_that_is_there(tmp_path: Path) -> None:
    """It stays, or becomes the narrowest that holds both values, which is said."""
    cases = [*((*case[:4], case[0], case[1], case[4]) for case in KEPT), *WIDENED]
    for number, (kind, old, *_) in enumerate(cases):
        table = f"CREATE TABLE o.s{number} (v {kind}, id BIGINT)"
        singer.make(tmp_path, table, f"INSERT INTO o.s{number} VALUES ('{old}', 0)")
    messages = [m for n, case in enumerate(cases) for m in rows(n, case[2], case[3])]
    said = singer.load(tmp_path, *messages)
    for number, found in enumerate(columns(tmp_path, len(cases))):
        before, _, _, _, kind, *values = cases[number]
        assert found == ({kind}, [*values, None]), cases[number]
        told = f'"s{number}": the column "v" was {before} and is now {kind}'
        assert (told in said) == (before != kind)


def test_type_changes_together_with_the_row_that_needs_it(tmp_path: Path) -> None:
    message = schema(v=WHOLE, d=of("string", "date"))
    singer.load(tmp_path, message, record(id=1, v=1, d="2020-01-01"))
    later = [record(id=2, v=2**63, d="x"), record(id=3, v="x")]
    singer.stopped(tmp_path, singer.run(tmp_path, message, *later), "column v", rows=1)
    found = singer.query(tmp_path, "SELECT typeof(v), typeof(d) FROM o.s")
    assert found == [("BIGINT", "DATE")]


@pytest.mark.parametrize("batch", [1, 5000])
def test_type_changes_again_and_again_in_one_run(tmp_path: Path, batch: int) -> None:
    singer.make(tmp_path, "CREATE TABLE o.s (id BIGINT PRIMARY KEY, mine BIGINT DEFAULT 7)")
    steps = [(SMALL, 1), (WHOLE, 2**50), (NUMBER, 0.5), (TEXT, "t"), (SMALL, 3)]
    came = [(schema(v=kind), record(id=n, v=value)) for n, (kind, value) in enumerate(steps)]
    singer.load(tmp_path, *(m for step in came for m in step), batch_size_rows=batch)
    found = singer.query(tmp_path, "SELECT v, mine FROM o.s ORDER BY id")
    assert found == [(v, 7) for v in ("1.0", f"{2**50}.0", "0.5", "t", "3")]
    found = singer.query(tmp_path, "SELECT constraint_text FROM duckdb_constraints()")
    assert ("PRIMARY KEY(id)",) in found


# What a user made, and whether DuckDB changes the type of v then.
MADE = {
    "v DECIMAL(5,2) DEFAULT 7 NOT NULL": True,
    "v DECIMAL(5,2), w VARCHAR DEFAULT '(' CHECK (w <> '')": True,
    "v DECIMAL(5,2), g BIGINT GENERATED ALWAYS AS (id + 1)": True,
    '"V" DECIMAL(5,2), "v, DECIMAL(5,2)" VARCHAR': True,
    "v DECIMAL(5,2), CHECK (v > 0)": False,
    "v DECIMAL(5,2), g DECIMAL(20,4) GENERATED ALWAYS AS (v + 1)": False,
    "v DECIMAL(5,2) UNIQUE": False,
    "v DECIMAL(5,2)); CREATE INDEX other ON o.s (v": False,
}


@pytest.mark.parametrize("made", MADE)
def test_what_a_user_made_survives_a_change_of_type_or_is_named(tmp_path: Path, made: str) -> None:
    singer.make(
        tmp_path,
        f"CREATE TABLE o.s (id BIGINT PRIMARY KEY, mine VARCHAR DEFAULT 'new', {made})",
        "INSERT INTO o.s (id, mine, v) VALUES (1, 'a', 1), (2, 'b', 2)",
        "COMMENT ON COLUMN o.s.mine IS 'my own'",
        'CREATE INDEX "mine too" ON o.s (mine)',
    )
    own = (
        "SELECT sql FROM duckdb_tables() UNION ALL SELECT sql FROM duckdb_indexes() UNION ALL "
        "SELECT comment FROM duckdb_columns() WHERE column_name = 'mine'"
    )
    before = repr(singer.query(tmp_path, own))
    done = singer.run(tmp_path, schema(v=NUMBER), record(id=2, v=0.125), record(id=3, v=3))
    after = repr(singer.query(tmp_path, own))
    added = [f"_sdc_{name}_at TIMESTAMP" for name in ("extracted", "batched", "deleted")]
    after = after.replace(f", {', '.join(added)}, _sdc_table_version BIGINT", "")
    found = singer.query(tmp_path, "SELECT id, mine, v::VARCHAR FROM o.s ORDER BY id")
    if MADE[made]:
        assert done.returncode == 0, done.stderr
        assert found == [(1, "a", "1.000"), (2, "b", "0.125"), (3, "new", "3.000")]
        assert after == before.replace("DECIMAL(5,2)", "DECIMAL(6,3)", 1)
    else:
        singer.stopped(tmp_path, done, "stream s, column v: it cannot become DECIMAL(6,3)", rows=2)
        assert (found, after) == ([(1, "a", "1.00"), (2, "b", "2.00")], before)


def test_schema_that_is_composed(tmp_path: Path) -> None:
    message = singer.schema()
    message["schema"] = {
        "allOf": [{"$ref": "#/$defs/base"}, {"properties": {"v": TEXT}}],
        "$defs": {"base": {"properties": {"id": {"type": "integer"}}}},
    }
    singer.load(tmp_path, message, record(id=1, v="x"))
    assert singer.query(tmp_path, "SELECT id, v FROM o.s") == [(1, "x")]


def test_objects_become_columns_on_request(tmp_path: Path) -> None:
    inner = {"type": "object", "properties": {"c": TEXT}}
    node = {"type": "object", "properties": {"b": inner, "d": NUMBER}}
    came = [record(id=1, a={"b": {"c": "x"}, "d": 0.5}), record(id=2, a=None), record(id=3)]
    singer.load(tmp_path, schema(a=node), *came, data_flattening_max_level=1)
    found = singer.query(tmp_path, "SELECT a__b, a__d, typeof(a__d) FROM o.s ORDER BY id")
    assert found == [('{"c": "x"}', 0.5, "DOUBLE"), *[(None, None, "DOUBLE")] * 2]
