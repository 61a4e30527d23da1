"""Rows: which are the same, what is replaced, deleted and kept, and what the file says of them."""

import json
import typing as t
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support import programs, singer
from tests.support.singer import (
    NUMBER,
    OBJECT,
    PRIVATE,
    TEXT,
    TIME,
    WHOLE,
    Message,
    ids,
    record,
    schema,
)

KEY_NUMBER = {"type": "number"}
KEY_TIME = {"type": "string", "format": "date-time"}
EXACT = {"type": "number", "multipleOf": 1, "minimum": -(10**20), "maximum": 10**20}
MONEY = {"type": "string", "format": "x-singer.decimal", "precision": 38, "scale": 2}
LATE = "00:00:00.0000001Z"
ANY_OF = {"anyOf": [KEY_TIME, {"type": ["string", "null"]}]}


def raw(stream: str, key: str, value: t.Any) -> str:
    """A RECORD with the key spelled like this."""
    values = f'{{"a": {key}, "v": {json.dumps(value)}}}'
    return f'{{"type": "RECORD", "stream": "{stream}", "record": {values}}}'


def times(*texts: str) -> list[str]:
    """Times of one day, in JSON."""
    return [f'"2020-01-01T{text}"' for text in texts]


# The schema of a key, keys in JSON, and how many of them differ.
NEW: list[tuple[dict[str, t.Any], list[str], int]] = [
    (KEY_NUMBER, ["9007199254740992", "9007199254740993", "1234567890123456781"], 3),
    (KEY_NUMBER, ["0.1", "0.10000000000000001", "0.10", "1e-1"], 2),
    (KEY_NUMBER, ["5", "5.0", "50e-1", "-5"], 2),
    ({"type": "integer"}, ["1", "1.0", "10e-1", *(str(2**63 + n) for n in range(-2, 2))], 5),
    (EXACT, [str(10**19 + n) for n in range(9)], 9),
    (MONEY, ['"1.10"', '"1.1"', '"1.11"'], 2),
    (KEY_TIME, times("00:00:00.0000001Z", "00:00:00.0000002Z", "00:00:00Z", "01:00:00+01:00"), 4),
    ({"type": "string", "format": "date"}, ['"2020-01-01"', '"2020-01-02"', '"x"'], 3),
    ({"type": "string", "format": "uuid"}, [f'"{"6F" * 16}"', f'"{"6f" * 16}"'], 2),
    (TEXT, ['""', '" "', '"a"', '"A"'], 4),
    (ANY_OF, ['"x"', '"2020-01-01T00:00:00Z"', '"2020-01-01T00:00:00.0Z"'], 3),
    ({"type": "object"}, ['{"a": 1}', '{"a":1}', '{ "a" : 1 }', '{"a": " 1"}'], 2),
    ({"type": "array"}, ["[0.1]", "[0.10000000000000001]", "[ 0.1 ]", f"[{2**53 + 1}]"], 3),
    ({"type": ["string", "number"]}, ["5", "5.0", '"x"', '"5"'], 2),
    ({}, ["0", "1e-999999999", "1e999999999", "1" * 20_000, "1" * 19_999 + "2"], 5),
]


@pytest.mark.parametrize("batch", [1, 5000])
def test_different_keys_are_different_rows(tmp_path: Path, batch: int) -> None:
    messages: list[Message] = []
    for number, (kind, keys, _) in enumerate(NEW):
        messages.append(schema(("a",), f"s{number}", a=kind, v=WHOLE))
        messages += [raw(f"s{number}", key, value) for value, key in enumerate(keys)]
    for _ in range(2):  # and again: the rows are replaced
        singer.load(tmp_path, *messages, batch_size_rows=batch)
        for number, (kind, keys, count) in enumerate(NEW):
            found = singer.query(tmp_path, f"SELECT count(*), max(v) FROM o.s{number}")
            assert found == [(count, len(keys) - 1)], kind
            if kind is KEY_NUMBER:
                values = {a for (a,) in singer.query(tmp_path, f"SELECT a FROM o.s{number}")}
                assert values == set(map(Decimal, keys))


# A key that is there with a value, the schema, keys that come, which are two with that one, and
# one that would not come back unchanged; without such a one, the column becomes wider.
THERE: list[tuple[str, str, t.Any, list[str], str]] = [
    ("DOUBLE", "0.1", KEY_NUMBER, ["0.1", "1e-1", "5", "5.0"], "0.10000000000000001"),
    ("DOUBLE", "5", KEY_NUMBER, ["5", "5.0", "9", "9"], "9007199254740993"),
    ("DOUBLE", "5", TEXT, ['"5"', '"7"', '"7"', '"5"'], '"5.0"'),
    ("FLOAT", "0.5", KEY_NUMBER, ["0.5", "2", "2.0", "0.50"], "0.12345678901"),
    ("TIMESTAMP", "2020-01-01", KEY_TIME, times("00:00:00.0Z", "02:00:01+02:00"), *times(LATE)),
    ("TIMESTAMP", "2020-01-01", TEXT, times("00:00:00.000Z", "00:00:01Z"), f'"{PRIVATE}"'),
    ("DECIMAL(10,2)", "5", KEY_NUMBER, ["5", "5.0", "7.10", "7.1"], '"x"'),
    ("BIGINT", "5", TEXT, ['"5"', '"x"'], ""),
    ("BIGINT", "5", KEY_NUMBER, ["5.0", "5.5"], ""),
    ("SMALLINT", "5", {"type": "integer"}, ["5", str(2**63)], ""),
    ("BOOLEAN", "true", TEXT, ['"true"', '"x"'], ""),
    ("DATE", "2020-01-01", TEXT, ['"2020-01-01"', '"x"'], ""),
    ("JSON", '{"a": 1}', {"type": "object"}, ['{"a":1}', '{"a":2}'], ""),
]


def test_key_that_is_there_goes_on_and_no_row_comes_twice(tmp_path: Path) -> None:
    messages: list[Message] = []
    for number, (kind, old, wanted, keys, _) in enumerate(THERE):
        table = f"CREATE TABLE o.s{number} (a {kind}, v VARCHAR)"
        singer.make(tmp_path, table, f"INSERT INTO o.s{number} VALUES ('{old}', 'old')")
        messages.append(schema(("a",), f"s{number}", a=wanted, v=TEXT))
        messages += [raw(f"s{number}", key, "new") for key in keys]
    singer.load(tmp_path, *messages)
    count = "SELECT count(*), count(v = 'new' OR NULL), typeof(any_value(a)) FROM o.s"
    for number, (kind, _, wanted, _, bad) in enumerate(THERE):
        stream = f"s{number}"
        ((*found, after),) = singer.query(tmp_path, f"{count}{number}")
        assert found == [2, 2], THERE[number]
        if bad:
            message = schema(("a",), stream, a=wanted)
            done = singer.run(tmp_path, message, raw(stream, bad, "bad"))
            singer.stopped(tmp_path, done, "column a", rows=2)
            assert after == kind


def test_key_of_several_columns_or_none(tmp_path: Path) -> None:
    parts = [record(a="x,y", b="z"), record(a="x", b="y,z"), record(a="x", b="y,z")]
    rows = [record("only", a="1"), record("only", a="2"), record("only", a="1")]
    none = [record("none", a="1"), record("none", a="1")]
    messages = [schema(("a", "b"), a=TEXT, b=TEXT), *parts, schema(("a",), "only", a=TEXT), *rows]
    for times in (1, 2):
        singer.load(tmp_path, *messages, schema((), "none", a=TEXT), *none)
        for stream, count in {"s": 2, "only": 2, "none": 2 * times}.items():
            assert singer.query(tmp_path, f"SELECT count(*) FROM o.{stream}") == [(count,)]


@pytest.mark.parametrize("batch", [1, 5, 100])
def test_last_row_of_a_key_wins_whatever_its_columns_are_called(tmp_path: Path, batch: int) -> None:
    plain = ["a b", "a.b", "select", "order", "é", "a'b", "$x", "createdAt", "1st", "line", "lines"]
    plain += ["found", "rowid", "number", "c0"]
    for stream, names in {"plain": plain, "odd": [*plain, 'a"b', "a\\b"]}.items():
        kinds = {**dict.fromkeys(names, TEXT), "w": OBJECT, "d": TIME}
        more = {"w": {"a": 1}, "d": "2020-01-01T00:00:00Z"}
        rows = [
            record(stream, id=n % 3, **dict.fromkeys(names, f"{9 - n}"), **more) for n in range(9)
        ]
        singer.load(tmp_path, schema(stream=stream, **kinds), *rows, batch_size_rows=batch)
        found = ", ".join('"' + name.replace('"', '""') + '"' for name in names)
        found = singer.query(tmp_path, f"SELECT {found}, w::VARCHAR FROM o.{stream} ORDER BY id")
        assert found == [(*[value] * len(names), '{"a": 1}') for value in "321"]


def test_what_a_schema_no_longer_declares_stays(tmp_path: Path) -> None:
    rows = [record(id=n, a=f"a{n}", b=n / 2, c={"n": n}) for n in range(4)]
    singer.load(tmp_path, schema(a=TEXT, b=NUMBER), *rows[:1], schema(A=TEXT, b=NUMBER, c=OBJECT))
    singer.load(tmp_path, schema(a=TEXT, b=NUMBER, c=OBJECT), *rows)
    singer.make(
        tmp_path,
        "ALTER TABLE o.s ADD COLUMN mine VARCHAR DEFAULT 'none'",
        "UPDATE o.s SET mine = 'mine' || id",
        "UPDATE o.s SET _sdc_deleted_at = now()::TIMESTAMP WHERE id = 1",
    )
    rows = [record(id=1, a="A1"), record(id=2), record(id=9, a="A9"), record(id=1, a="A1 again")]
    singer.load(tmp_path, schema(a=TEXT), *({**r, "version": 5} for r in rows))
    columns = "id, a, b, c->>'n', mine, _sdc_deleted_at, _sdc_table_version"
    assert singer.query(tmp_path, f"SELECT {columns} FROM o.s ORDER BY id") == [
        (0, "a0", 0.0, "0", "mine0", None, None),
        (1, "A1 again", 0.5, "1", "mine1", None, 5),
        (2, None, 1.0, "2", "mine2", None, 5),
        (3, "a3", 1.5, "3", "mine3", None, None),
        (9, "A9", None, None, "none", None, 5),
    ]


def test_refused_batch_leaves_the_rows_that_it_would_replace(tmp_path: Path) -> None:
    table = "CREATE TABLE o.s (id BIGINT, v VARCHAR UNIQUE)"
    singer.make(tmp_path, table, "INSERT INTO o.s VALUES (1, 'old'), (2, 'two')")
    other = [schema(stream="first", v=TEXT), record("first", id=1, v="x")]
    clash = [record(id=1, v=PRIVATE), record(id=3, v="two")]
    done = singer.run(tmp_path, *other, schema(v=TEXT), *clash)
    assert (done.returncode, done.stdout, PRIVATE in done.stderr) == (1, "", False)
    assert singer.query(tmp_path, "SELECT id, v FROM o.s ORDER BY 1") == [(1, "old"), (2, "two")]
    assert singer.query(tmp_path, "SELECT count(*) FROM o.first") == [(0,)]


def test_times_are_utc(tmp_path: Path) -> None:
    """Wherever the loader runs: the tests run elsewhere, see conftest.py."""
    noon = "2020-01-01T12:00:00Z"
    singer.load(tmp_path, schema(v=TIME), {**record(id=1, v=noon), "time_extracted": noon})
    now = "abs(epoch(_sdc_batched_at) - epoch(now())) < 600"
    found = singer.query(tmp_path, f"SELECT v::VARCHAR, _sdc_extracted_at::VARCHAR, {now} FROM o.s")
    assert found == [("2020-01-01 12:00:00", "2020-01-01 12:00:00", True)]


def version(number: int, *keys: int) -> list[Message]:
    """Records of a version of the table, after which it is complete."""
    activate = {"type": "ACTIVATE_VERSION", "stream": "s", "version": number}
    return [*({**record(id=key), "version": number} for key in keys), activate]


@pytest.mark.parametrize("hard", [True, False])
@pytest.mark.parametrize("left", [[], [2]])
def test_what_a_complete_pass_did_not_bring_is_deleted(
    tmp_path: Path, left: list[int], *, hard: bool
) -> None:
    # The rows of a run without versions, as the old loader wrote them, count as older too.
    singer.load(tmp_path, schema(), *(record(id=n) for n in (1, 2, 3)))
    said = singer.load(tmp_path, schema(), *version(9, *left), hard_delete=hard)
    alive = singer.query(tmp_path, "SELECT id FROM o.s WHERE _sdc_deleted_at IS NULL")
    assert alive == [(n,) for n in left]
    assert len(ids(tmp_path) or ()) == (len(left) if hard else 3)
    assert f"{3 - len(left)} rows" in said
    singer.load(tmp_path, schema(), *version(10, 1)[:1])
    assert singer.query(tmp_path, "SELECT _sdc_deleted_at FROM o.s WHERE id = 1") == [(None,)]


def test_rows_without_a_version_are_not_deleted_nor_those_before_a_schema(tmp_path: Path) -> None:
    singer.load(tmp_path, *version(5), schema(), record(id=1), schema(v=TEXT), *version(9))
    assert singer.query(tmp_path, "SELECT _sdc_deleted_at FROM o.s") == [(None,)]


def test_only_rows_that_are_not_marked_are_marked(tmp_path: Path) -> None:
    singer.load(tmp_path, schema(), *version(1, 1, 2, 3))
    singer.load(tmp_path, schema(), *version(2, 1, 2))
    marked = "SELECT id, _sdc_deleted_at FROM o.s WHERE _sdc_deleted_at IS NOT NULL"
    before = singer.query(tmp_path, marked)
    assert "1 rows" in singer.load(tmp_path, schema(), *version(3, 1))
    after = singer.query(tmp_path, f"{marked} ORDER BY id DESC")
    assert ([number for number, _ in after], after[:1]) == ([3, 2], before)
    singer.load(tmp_path, schema(), *version(3, 1)[:1], hard_delete=True)
    assert ids(tmp_path) == [1]


def test_file_says_what_columns_are_and_which_are_the_key(tmp_path: Path) -> None:
    singer.make(tmp_path, "CREATE TABLE o.old (Id BIGINT PRIMARY KEY)")
    described = schema(("b", "a"), "two", a=TEXT, b=WHOLE, v={**TEXT, "description": "It's\nhere"})
    described["schema"]["description"] = "All of it"
    changed = [schema((key,), "changed", a=TEXT, b=TEXT) for key in "ab"]
    others = [schema((), "none", a=TEXT), schema(stream="old", v=NUMBER), *changed]
    for _ in range(2):
        singer.load(tmp_path, described, record("two", a="x", b=1, v="x"), *others)
    keys = (
        "SELECT table_name, comment->>'$.key_properties[*]' FROM duckdb_columns() "
        "WHERE column_name = '_sdc_table_version' AND json_valid(comment)"
    )
    keys_of = {"changed": ["b"], "none": [], "old": ["Id"], "two": ["b", "a"]}
    assert dict(singer.query(tmp_path, keys)) == keys_of
    comments = "SELECT comment FROM duckdb_columns() WHERE table_name = 'two' AND column_name = 'v'"
    assert singer.query(tmp_path, comments) == [("It's\nhere",)]
    comments = "SELECT comment FROM duckdb_tables() WHERE table_name = 'two'"
    assert singer.query(tmp_path, comments) == [("All of it",)]


def test_streams_and_schemas_have_their_places(tmp_path: Path) -> None:
    messages = [schema(), record(id=1), schema(stream="crm-My.Table")]
    mapping = {"crm": {"target_schema": "sales"}}
    for name in ("w", "a.b", "with blank", "Upper"):
        singer.load(tmp_path, *messages, default_target_schema=name, schema_mapping=mapping)
        assert singer.query(tmp_path, f'SELECT count(*) FROM w."{name}".s') == [(1,)]
    assert singer.query(tmp_path, "SELECT count(*) FROM sales.my_table") == [(0,)]
    given = {"FILEPATH": tmp_path / "w.duckdb", "DEFAULT_TARGET_SCHEMA": "o"}
    given["SCHEMA_MAPPING"] = json.dumps(mapping).replace("sales", "more")
    variables = {f"TARGET_DUCKDB_{name}": str(value) for name, value in given.items()}
    lines = singer.lines(*messages).encode()
    run = programs.fork("target_duckdb", tmp_path, "--config", "ENV", given=lines, **variables)
    assert (run.status, ids(tmp_path)) == (0, [1])
    assert singer.query(tmp_path, "SELECT count(*) FROM more.my_table") == [(0,)]
