"""Difficult input, through the real process into a real file: it arrives, or it stops the load."""

# ruff: noqa: DTZ001, E501 - DuckDB keeps times without a zone; a line is a case
from __future__ import annotations

import json
import typing as t
from datetime import date, datetime
from decimal import Decimal

import duckdb
import pytest

from tests.support.singer import (
    LIST,
    NUMBER,
    OBJECT,
    PRIVATE,
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

    from tests.support.singer import Message

HUGE = {"type": "integer", "maximum": 2**64}
DEEP = json.loads("[" * 500 + "]" * 500)

VALUES: dict[str, tuple[t.Any, t.Any, t.Any]] = {
    "an empty text": (TEXT, "", ""),
    "null": (TEXT, None, None),
    "NUL": (TEXT, "a\0b", "a\0b"),
    "CRLF": (TEXT, "a\r\nb\n", "a\r\nb\n"),
    "quotes": (TEXT, "\"a\" 'b' \\ ,;\t", "\"a\" 'b' \\ ,;\t"),
    "emoji": (TEXT, "👩‍👩‍👧 é", "👩‍👩‍👧 é"),
    "a text that looks like null": (TEXT, "null", "null"),
    "a text that looks like JSON": (TEXT, '{"a": 1}', '{"a": 1}'),
    "blanks": (TEXT, "  ", "  "),
    "a text of a megabyte": (TEXT, "x" * 2**20, "x" * 2**20),
    "a whole number": (WHOLE, 0, 0),
    "the greatest 64 bits": (WHOLE, 2**63 - 1, 2**63 - 1),
    "the least 64 bits": (WHOLE, -(2**63), -(2**63)),
    "more than 64 bits": (HUGE, 2**64 + 1, 2**64 + 1),
    "5.0 for a whole number": (WHOLE, 5.0, 5),
    "1e16 for a whole number": (WHOLE, 1e16, 10**16),
    "32 bits": ({"type": "integer", "minimum": 0, "maximum": 2**31 - 1}, 2**31 - 1, 2**31 - 1),
    "a maximum without a minimum": ({"type": "integer", "maximum": 9}, -(2**40), -(2**40)),
    "a double": (NUMBER, 0.1, 0.1),
    "the least double": (NUMBER, 5e-324, 5e-324),
    "the greatest double": (NUMBER, 1.7976931348623157e308, 1.7976931348623157e308),
    "a double that is whole": (NUMBER, 5, 5.0),
    "true": ({"type": "boolean"}, True, True),
    "false": ({"type": "boolean"}, False, False),
    "a time": (TIME, "2020-02-29T12:00:00Z", datetime(2020, 2, 29, 12)),
    "a time with an offset": (TIME, "2020-01-01T00:00:00+05:30", datetime(2019, 12, 31, 18, 30)),
    "a time with a negative offset": (TIME, "2020-01-01T20:00:00-05:00", datetime(2020, 1, 2, 1)),
    "a time without a zone": (TIME, "2020-01-01T01:02:03", datetime(2020, 1, 1, 1, 2, 3)),
    "microseconds": (TIME, "2020-01-01T00:00:00.123456Z", datetime(2020, 1, 1, 0, 0, 0, 123456)),
    "the year 1": (TIME, "0001-01-01T00:00:00Z", datetime(1, 1, 1)),
    "the year 9999": (TIME, "9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59)),
    "a date": ({"type": "string", "format": "date"}, "2020-01-01", date(2020, 1, 1)),
    "an object": (OBJECT, {"a": {"b": [1, None, "x"]}}, {"a": {"b": [1, None, "x"]}}),
    "an empty object": (OBJECT, {}, {}),
    "a list with null": (LIST, [None, 1, [None]], [None, 1, [None]]),
    "an empty list": (LIST, [], []),
    "deep JSON": (LIST, DEEP, DEEP),
    "numbers in JSON": (OBJECT, {"a": 2**63, "b": 0.1}, {"a": 2**63, "b": 0.1}),
    "texts in JSON": (OBJECT, {"a": "\0\r\n'\"\\é"}, {"a": "\0\r\n'\"\\é"}),
    "object or text": ({"type": ["object", "string"]}, "x", "x"),
    "object or list": ({"type": ["object", "array"]}, [1], [1]),
    "anyOf": ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, "5", "5"),
    "anyOf with null": ({"anyOf": [{"type": "null"}, {"type": "string"}]}, "5", "5"),
    "no type": ({}, {"a": 1}, {"a": 1}),
    "no type, a text": ({}, "x", "x"),
    "no type, null": ({}, None, None),
    "enum without type": ({"enum": ["a", 1]}, 1, "1"),
    "text or whole number": ({"type": ["string", "integer"]}, 7, "7"),
    "text or whole number, a text": ({"type": ["string", "integer"]}, "7", "7"),
    "boolean or number": ({"type": ["boolean", "number"]}, True, True),
}
JSON_VALUES = {
    "an object", "an empty object", "a list with null", "an empty list", "deep JSON",
    "numbers in JSON", "texts in JSON", "object or text", "object or list", "no type",
    "no type, a text", "boolean or number",
}  # fmt: skip


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of them loaded at once, a table each."""
    folder = tmp_path_factory.mktemp("values")
    messages = []
    for number, (kind, value, _) in enumerate(VALUES.values()):
        rows = [record(f"s{number}", id=key, v=value) for key in (1, 2)]
        messages += [schema(stream=f"s{number}", v=kind), *rows]
    load(folder, *messages)
    return folder


@pytest.mark.parametrize("case", VALUES)
def test_a_value_arrives(values: Path, case: str) -> None:
    *_, wanted = VALUES[case]
    found = query(values, f"SELECT v FROM o.s{list(VALUES).index(case)}")
    assert [json.loads(v) if case in JSON_VALUES else v for (v,) in found] == [wanted, wanted]


def test_a_whole_number_with_a_point_is_exact_and_a_key(tmp_path: Path) -> None:
    records = [
        f'{{"type": "RECORD", "stream": "s", "record": {{"id": {key}, "v": 9007199254740993.0}}}}'
        for key in ("1", "1.0", "10e-1")
    ]
    load(tmp_path, schema(v=WHOLE), *records)
    assert query(tmp_path, "SELECT id, v FROM o.s") == [(1, 9007199254740993)]


def test_any_name_is_a_column(tmp_path: Path) -> None:
    names = ['a"b', "a b", "a.b", "select", "order", "é", "a'b", "$x", "createdAt", "1st", "line"]
    load(tmp_path, schema(**dict.fromkeys(names, TEXT)), record(id=1, **{n: n for n in names}))
    columns = ", ".join(f'"{name}"' for name in (name.replace('"', '""') for name in names))
    assert query(tmp_path, f"SELECT {columns} FROM o.s") == [tuple(names)]


KEYS: dict[str, tuple[tuple[str, ...], dict[str, t.Any], list[dict[str, t.Any]], int]] = {
    "only keys": (("a",), {"a": TEXT}, [{"a": "1"}, {"a": "2"}, {"a": "1"}], 2),
    "no keys": ((), {"a": TEXT}, [{"a": "1"}, {"a": "1"}], 2),
    "commas": (("a", "b"), {"a": TEXT, "b": TEXT}, [{"a": "x,y", "b": "z"}, {"a": "x", "b": "y,z"}], 2),
    "times": (
        ("a",),
        {"a": TIME},
        [
            {"a": "2020-01-01T00:00:00Z"},
            {"a": "2020-01-01T00:00:00.000Z"},
            {"a": "2020-01-01T01:00:00+01:00"},
            {"a": "2020-01-01T00:00:00.0000004Z"},
        ],
        4,
    ),
    "an empty text": (("a",), {"a": TEXT}, [{"a": ""}, {"a": " "}], 2),
    "text or number": (("a",), {"a": {"type": ["string", "integer"]}}, [{"a": 1}, {"a": "2"}], 2),
}  # fmt: skip


@pytest.mark.parametrize("batch", [1, 100])
def test_a_key_is_one_row(tmp_path: Path, batch: int) -> None:
    messages: list[Message] = []
    for number, (keys, properties, records, _) in enumerate(KEYS.values()):
        messages.append(schema(keys, f"s{number}", **properties))
        messages += [record(f"s{number}", **item) for item in records]
    for times in (1, 2):  # and again: the rows are replaced
        load(tmp_path, *messages, batch_size_rows=batch)
        for number, (case, (keys, *_, count)) in enumerate(KEYS.items()):
            expected = count if keys else count * times
            assert query(tmp_path, f"SELECT count(*) FROM o.s{number}") == [(expected,)], case


@pytest.mark.parametrize("rows", [1, 5, 11])
def test_batches_of_any_size(tmp_path: Path, rows: int) -> None:
    load(
        tmp_path, schema(v=TEXT), *(record(id=n, v=str(n)) for n in range(rows)), batch_size_rows=5
    )
    assert query(tmp_path, "SELECT id, v FROM o.s ORDER BY 1") == [(n, str(n)) for n in range(rows)]


@pytest.mark.parametrize("batch", [1, 100])
@pytest.mark.parametrize("name", ["v", "rowid", "number", "line", "lines", "found"])
def test_the_last_row_of_a_key_wins(tmp_path: Path, batch: int, name: str) -> None:
    records = [record(id=n % 3, **{name: f"{9 - n}"}) for n in range(9)]
    load(tmp_path, schema(**{name: TEXT}), *records, batch_size_rows=batch)
    assert query(tmp_path, f"SELECT {name} FROM o.s ORDER BY id") == [("3",), ("2",), ("1",)]


def test_a_very_long_text(tmp_path: Path) -> None:
    load(tmp_path, schema(v=TEXT, w=OBJECT), record(id=1, v="é" * 10_000_000, w={"a": "x" * 10**7}))
    assert query(tmp_path, "SELECT strlen(v), length(w->>'a') FROM o.s") == [(20_000_000, 10**7)]


@pytest.mark.parametrize("schema_name", ["w", "o", "a.b", "with blank", "Upper"])
def test_names_of_schemas(tmp_path: Path, schema_name: str) -> None:
    load(tmp_path, schema(), record(id=1), default_target_schema=schema_name)
    assert query(tmp_path, f'SELECT count(*) FROM w."{schema_name}".s') == [(1,)]


BAD: dict[str, tuple[t.Any, t.Any, str]] = {
    "a text for a whole number": (WHOLE, PRIVATE, "column v"),
    "5.5 for a whole number": (WHOLE, 5.5, "column v"),
    "1e300 for a whole number": (WHOLE, 1e300, "column v"),
    "true for a whole number": (WHOLE, True, "column v"),
    "a text for a number": (NUMBER, PRIVATE, "column v"),
    "a text for a boolean": ({"type": "boolean"}, PRIVATE, "column v"),
    "a number for a boolean": ({"type": "boolean"}, 1, "column v"),
    "a number for a text": (TEXT, 5, "column v"),
    "an object for a text": (TEXT, {"a": PRIVATE}, "column v"),
    "a text for a time": (TIME, PRIVATE, "column v"),
    "no such day": (TIME, "2021-02-29T00:00:00Z", "column v"),
    "an empty text for a time": (TIME, "", "column v"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_does_not_fit_stops_the_load(tmp_path: Path, case: str) -> None:
    kind, value, place = BAD[case]
    done = run(tmp_path, schema(v=kind), record(id=1), record(id=2, v=value), record(id=3))
    stopped(tmp_path, done, "stream s", place)
    assert case != "no such day" or "2021" not in done.stderr


RECORD = '{"type": "RECORD", "stream": "s", "record": {"id": 2, "v": "%s"}}'
BROKEN: dict[str, tuple[list[Message], str]] = {
    "half a line": ([schema(v=TEXT), record(id=1), '{"type": "RECORD", "stream": "s", "rec'], "s"),
    "no JSON": ([schema(), record(id=1), PRIVATE], "line 3"),
    "a list": ([schema(), record(id=1), "[]"], "line 3"),
    "a record before its schema": ([record(id=1)], "stream s"),
    "a record of another stream": ([schema(), record(id=1), record("z", id=1)], "stream z"),
    "a null key": ([schema(), record(id=1), record(id=None)], "id"),
    "a missing key": ([schema(v=TEXT), record(id=1), record(v="x")], "id"),
    "a null key without a type": ([schema(("a",), a={}), record(a=1), record(a=None)], "a"),
    "a lone surrogate": ([schema(v=TEXT), record(id=1), record(id=2, v="\ud800 x")], "stream s"),
    "a lone surrogate in JSON": ([schema(v=LIST), record(id=1), record(id=2, v=["\ud800"])], "stream s"),
    "not UTF-8": ([schema(v=TEXT), record(id=1), RECORD % f"\udcff {PRIVATE}"], "stream s"),
    "not UTF-8 in JSON": ([schema(v=LIST), record(id=1), RECORD % "\udcff"], "column v"),
    "not UTF-8 anywhere": ([schema(), record(id=1), '{"type": "\udcff"}'], "line 3"),
    "far too deep": ([schema(v=LIST), record(id=1), RECORD.replace('"%s"', "[" * 10**6 + "]" * 10**6)], "stream s"),
    "a schema that is none": ([{**schema(), "schema": []}], "stream s"),
    "a type that is none": ([schema(v={"type": 5})], "stream s"),
    "a maximum that is none": ([schema(v={"type": "integer", "maximum": PRIVATE})], "stream s"),
    "a version without a number": ([schema(), record(id=1), {"type": "ACTIVATE_VERSION", "stream": "s"}], "version"),
    "streams that differ by case": ([schema(), schema(stream="S"), record(id=1)], "s and S"),
    "BATCH": ([schema(), record(id=1), {"type": "BATCH", "stream": "s"}], "BATCH"),
    "no record": ([schema(), record(id=1), {"type": "RECORD", "stream": "s"}], "stream s"),
    "a key that is no property": ([schema(("z",), a=TEXT), record(a="x")], "z"),
    "names that differ by case": ([schema(Name=TEXT, name=TEXT), record(id=1)], "Name and name"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_broken_stops_the_load(tmp_path: Path, case: str) -> None:
    messages, place = BROKEN[case]
    stopped(tmp_path, run(tmp_path, *messages), place)


def test_whole_batches_before_the_bad_one_stay_with_their_state(tmp_path: Path) -> None:
    early = {"type": "STATE", "value": {"early": 1}}
    messages = [schema(v=WHOLE), record(id=1), early, record(id=2), record(id=3, v="x")]
    done = run(tmp_path, *messages, batch_size_rows=2)
    assert (done.returncode, json.loads(done.stdout)) == (1, {"early": 1})
    assert query(tmp_path, "SELECT id FROM o.s ORDER BY 1") == [(1,), (2,)]


WIDER: dict[str, tuple[t.Any, t.Any, t.Any, t.Any, list[t.Any], str]] = {
    "whole number to number": (WHOLE, 5, NUMBER, 5.5, [5.0, 5.5], "DOUBLE"),
    "number to text": (NUMBER, 5.5, TEXT, "x", ["5.5", "x"], "VARCHAR"),
    "whole number to text": (WHOLE, 2**60 + 1, TEXT, "x", [str(2**60 + 1), "x"], "VARCHAR"),
    "a great whole number to number": (WHOLE, 2**60 + 1, NUMBER, 0.5, [Decimal(2**60 + 1), Decimal("0.5")], "DECIMAL(20,1)"),
    "32 to 64 bits": ({"type": "integer", "minimum": 0, "maximum": 9}, 5, WHOLE, 2**60, [5, 2**60], "BIGINT"),
    "text and then number": (TEXT, "x", NUMBER, 5.5, ["x", "5.5"], "VARCHAR"),
    "number and then whole number": (NUMBER, 5.5, WHOLE, 5, [5.5, 5.0], "DOUBLE"),
    "time to text": (TIME, "2020-01-01T00:00:00Z", TEXT, "x", ["2020-01-01T00:00:00Z", "x"], "VARCHAR"),
    "time to object": (TIME, "2020-01-01T00:00:00Z", OBJECT, {}, ['"2020-01-01T00:00:00Z"', "{}"], "JSON"),
    "text to object": (TEXT, "x", OBJECT, {}, ['"x"', "{}"], "JSON"),
    "object and then text": (OBJECT, {}, TEXT, "x", ["{}", '"x"'], "JSON"),
    "boolean to text": ({"type": "boolean"}, True, TEXT, "x", ["true", "x"], "VARCHAR"),
}  # fmt: skip


@pytest.mark.parametrize("at_once", [True, False])
def test_a_column_becomes_wider(tmp_path: Path, *, at_once: bool) -> None:
    first: list[Message] = []
    second: list[Message] = []
    for number, (before, value, after, other, *_) in enumerate(WIDER.values()):
        stream = f"s{number}"
        first += [schema(stream=stream, v=before), record(stream, id=1, v=value)]
        second += [schema(stream=stream, v=after), record(stream, id=2, v=other)]
    if at_once:
        load(tmp_path, *first, *second)
    else:
        load(tmp_path, *first)
        load(tmp_path, *second)
    for number, (case, (*_, wanted, kind)) in enumerate(WIDER.items()):
        found = query(tmp_path, f"SELECT v, typeof(v) FROM o.s{number} ORDER BY id")
        assert found == [(item, kind) for item in wanted], case


@pytest.mark.parametrize("made", ["v BIGINT UNIQUE", "v BIGINT, PRIMARY KEY (id)", "v BIGINT"])
def test_a_column_of_a_table_with_indexes_becomes_wider(tmp_path: Path, made: str) -> None:
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        connection.execute(f"CREATE SCHEMA o; CREATE TABLE o.s (id BIGINT, {made})")
        connection.execute("CREATE INDEX i ON o.s (v); INSERT INTO o.s VALUES (1, 1), (2, 2)")
    message = schema(("id",), id=TEXT, v={**NUMBER, "description": "It"})
    load(tmp_path, message, record(id="2", v=5.5), record(id="x", v=0))
    found = query(tmp_path, "SELECT id, v FROM o.s ORDER BY 1")
    assert found == [("1", 1.0), ("2", 5.5), ("x", 0.0)]
    assert query(tmp_path, "SELECT index_name FROM duckdb_indexes() WHERE sql IS NOT NULL") == [
        ("i",)
    ]
    constraints = "SELECT constraint_text FROM duckdb_constraints() WHERE constraint_type IN "
    named = query(tmp_path, f"{constraints} ('PRIMARY KEY', 'UNIQUE')")
    assert len(named) == ("UNIQUE" in made) + ("PRIMARY" in made)


def test_a_key_that_a_table_has_is_kept(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        connection.execute("CREATE SCHEMA o; CREATE TABLE o.s (id BIGINT PRIMARY KEY, v VARCHAR)")
        connection.execute("INSERT INTO o.s VALUES (1, 'a')")
    load(tmp_path, schema(v=TEXT), record(id=1, v="b"), record(id=2, v="c"))
    assert query(tmp_path, "SELECT id, v FROM o.s ORDER BY 1") == [(1, "b"), (2, "c")]


def test_what_the_table_refuses_stops_the_load(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        connection.execute("CREATE SCHEMA o; CREATE TABLE o.s (id BIGINT, v VARCHAR UNIQUE)")
    done = run(tmp_path, schema(v=TEXT), record(id=1, v=PRIVATE), record(id=2, v=PRIVATE))
    stopped(tmp_path, done, "stream s")


@pytest.mark.parametrize("value", ["5", "null", "[]", "[1e999]", '{"bookmarks": {"s": 5}}'])
def test_a_state_may_have_any_form(tmp_path: Path, value: str) -> None:
    load(tmp_path, f'{{"type": "STATE", "value": {value}}}', schema(), record(id=1))


def test_columns_come_and_stay(tmp_path: Path) -> None:
    load(tmp_path, schema(a=TEXT), record(id=1, a="x"), schema(b=TEXT), record(id=2, b="y"))
    load(tmp_path, schema(A=TEXT, c=WHOLE), record(id=3, A="z", c=3))
    found = query(tmp_path, "SELECT a, b, c FROM o.s ORDER BY id")
    assert found == [("x", None, None), (None, "y", None), ("z", None, 3)]


def test_objects_become_columns_on_request(tmp_path: Path) -> None:
    node = {
        "type": "object",
        "properties": {"b": {"type": "object", "properties": {"c": TEXT}}, "d": TEXT},
    }
    rows = [record(id=1, a={"b": {"c": "x"}, "d": "y"}), record(id=2, a=None), record(id=3)]
    load(tmp_path, schema(a=node), *rows, data_flattening_max_level=1)
    found = query(tmp_path, "SELECT a__b, a__d FROM o.s ORDER BY id")
    assert found == [('{"c": "x"}', "y"), (None, None), (None, None)]


def test_streams_and_schemas_are_mapped(tmp_path: Path) -> None:
    mapping = {"crm": {"target_schema": "sales"}}
    load(
        tmp_path,
        schema(stream="crm-My.Table"),
        record("crm-My.Table", id=1),
        schema_mapping=mapping,
    )
    assert query(tmp_path, "SELECT count(*) FROM sales.my_table") == [(1,)]


def version(number: int, stream: str = "s") -> dict[str, t.Any]:
    """An ACTIVATE_VERSION message."""
    return {"type": "ACTIVATE_VERSION", "stream": stream, "version": number}


@pytest.mark.parametrize("hard", [True, False])
@pytest.mark.parametrize("left", [[], [2]])
def test_what_a_complete_pass_did_not_bring_is_deleted(
    tmp_path: Path, left: list[int], *, hard: bool
) -> None:
    # The rows of a run without versions, as the old loader wrote them, count as older too.
    load(tmp_path, schema(), *(record(id=n) for n in (1, 2, 3)))
    brought = [{**record(id=n), "version": 9} for n in left]
    said = load(tmp_path, schema(), *brought, version(9), hard_delete=hard)
    alive = query(tmp_path, "SELECT id FROM o.s WHERE _sdc_deleted_at IS NULL")
    assert alive == [(n,) for n in left]
    assert query(tmp_path, "SELECT count(*) FROM o.s") == [(len(left) if hard else 3,)]
    assert f"{3 - len(left)} rows" in said
    load(tmp_path, schema(), {**record(id=1), "version": 10})
    assert query(tmp_path, "SELECT _sdc_deleted_at FROM o.s WHERE id = 1") == [(None,)]


def test_records_without_a_version_survive_an_activation(tmp_path: Path) -> None:
    load(tmp_path, schema(), record(id=1), version(9))
    assert query(tmp_path, "SELECT _sdc_deleted_at FROM o.s") == [(None,)]


def test_descriptions_become_comments(tmp_path: Path) -> None:
    message = schema(v={**TEXT, "description": "It's\nhere"})
    message["schema"]["description"] = "All of it"
    for _ in range(2):
        load(tmp_path, message, record(id=1, v="x"))
    columns = (
        "SELECT column_name, comment FROM duckdb_columns() "
        "WHERE comment IS NOT NULL AND column_name <> '_sdc_table_version'"
    )
    assert query(tmp_path, columns) == [("v", "It's\nhere")]
    assert query(tmp_path, "SELECT comment FROM duckdb_tables()") == [("All of it",)]


def test_a_state_ahead_of_its_table_is_noticed(tmp_path: Path) -> None:
    first = {"type": "STATE", "value": {"bookmarks": {"t": {"replication_key_value": None}}}}
    assert load(tmp_path, first, schema(stream="t"), record("t", id=1)) == ""
    earlier = {"type": "STATE", "value": {"bookmarks": {"s": {"replication_key_value": "2020"}}}}
    said = load(tmp_path, earlier, schema(), record(id=1))
    assert "stream s" in said
    assert "state clear" in said
    assert load(tmp_path, earlier, schema(), record(id=2)) == ""


def test_settings_of_the_old_loader_are_accepted(tmp_path: Path) -> None:
    old = {"temp_dir": "/nowhere", "delimiter": ",", "flush_all_streams": True}
    said = load(tmp_path, schema(), record(id=1), **old)
    assert len(said.splitlines()) == 1
    assert all(name in said for name in old)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"filepath": None}, "filepath"),
        ({"default_target_schema": None}, "default_target_schema"),
        ({"batch_size_rows": 0}, "batch_size_rows"),
        ({"hard_delete": "maybe"}, "hard_delete"),
        ({"filepath": ":memory:"}, "filepath"),
        ({"lock_wait_seconds": "x"}, "lock_wait_seconds"),
        ({"filepath": "/no/such/folder/w.duckdb"}, "/no/such/folder"),
    ],
)
def test_a_wrong_setting_is_one_line(tmp_path: Path, settings: dict[str, t.Any], said: str) -> None:
    done = run(tmp_path, schema(), record(id=1), **settings)
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert said in done.stderr


@pytest.mark.parametrize("size", [0, 4096, 14_000])
def test_a_file_that_is_none_is_one_line(tmp_path: Path, size: int) -> None:
    (tmp_path / "w.duckdb").write_bytes(b"x" * size)
    done = run(tmp_path, schema(), record(id=1))
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert str(tmp_path / "w.duckdb") in done.stderr
