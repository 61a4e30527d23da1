"""Keys: different rows stay different, the same one stays one, and the file names them."""

import json
import typing as t
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from tests.support import singer
from tests.support.singer import NUMBER, PRIVATE, TEXT, WHOLE, Message, record, schema

KEY_NUMBER = {"type": "number"}
KEY_TIME = {"type": "string", "format": "date-time"}
EXACT = {"type": "number", "multipleOf": 1, "minimum": -(10**20), "maximum": 10**20}
MONEY = {"type": "string", "format": "x-singer.decimal", "precision": 38, "scale": 2}
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
    (EXACT, [str(10**19 + n) for n in range(1000)], 1000),
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
        some = keys[: 10 if batch == 1 else None]
        messages.append(schema(("a",), f"s{number}", a=kind, v=WHOLE))
        messages += [raw(f"s{number}", key, value) for value, key in enumerate(some)]
    for _ in range(2):  # and again: the rows are replaced
        singer.load(tmp_path, *messages, batch_size_rows=batch)
        for number, (kind, keys, count) in enumerate(NEW):
            many = 10 if batch == 1 and count == 1000 else count
            found = singer.query(tmp_path, f"SELECT count(*), max(v) FROM o.s{number}")
            assert found == [(many, (many if count == 1000 else len(keys)) - 1)], kind
            if kind is KEY_NUMBER:
                values = {a for (a,) in singer.query(tmp_path, f"SELECT a FROM o.s{number}")}
                assert values == set(map(Decimal, keys))


def test_a_key_of_several_columns_or_none(tmp_path: Path) -> None:
    parts = [record(a="x,y", b="z"), record(a="x", b="y,z"), record(a="x", b="y,z")]
    rows = [record("only", a="1"), record("only", a="2"), record("only", a="1")]
    none = [record("none", a="1"), record("none", a="1")]
    messages = [schema(("a", "b"), a=TEXT, b=TEXT), *parts, schema(("a",), "only", a=TEXT), *rows]
    for times in (1, 2):
        singer.load(tmp_path, *messages, schema((), "none", a=TEXT), *none)
        for stream, count in {"s": 2, "only": 2, "none": 2 * times}.items():
            assert singer.query(tmp_path, f"SELECT count(*) FROM o.{stream}") == [(count,)]


@pytest.mark.parametrize("batch", [1, 5, 100])
def test_the_last_row_of_a_key_wins(tmp_path: Path, batch: int) -> None:
    names = ["v", "rowid", "number", "line", "lines", "found", "c0"]
    messages: list[Message] = []
    for name in names:
        rows = [record(f"s_{name}", id=n % 3, **{name: f"{9 - n}"}) for n in range(9)]
        messages += [schema(stream=f"s_{name}", **{name: TEXT}), *rows]
    singer.load(tmp_path, *messages, batch_size_rows=batch)
    for name in names:
        found = singer.query(tmp_path, f"SELECT {name} FROM o.s_{name} ORDER BY id")
        assert found == [("3",), ("2",), ("1",)]


# A table's own key and a value there, the schema, the keys that come, which are two, and one that
# would not come back unchanged.
GOES_ON: list[tuple[str, str, t.Any, list[str], str]] = [
    ("DOUBLE", "0.1", KEY_NUMBER, ["0.1", "1e-1", "5", "5.0"], "0.10000000000000001"),
    ("DOUBLE", "5", KEY_NUMBER, ["5", "5.0", "9", "9"], "9007199254740993"),
    ("DOUBLE", "5", TEXT, ['"5"', '"7"', '"7"', '"5"'], '"5.0"'),
    ("DOUBLE", "5", TEXT, ['"5"', '"7"', '"7"', '"5"'], '"x"'),
    ("FLOAT", "0.5", KEY_NUMBER, ["0.5", "2", "2.0", "0.50"], "0.12345678901"),
    (
        "TIMESTAMP",
        "'2020-01-01 00:00:00.5'",
        KEY_TIME,
        times("00:00:00.5Z", "00:00:00.500000Z", "00:00:00Z", "02:00:00+02:00"),
        '"2020-01-01T00:00:00.0000001Z"',
    ),
    (
        "TIMESTAMP",
        "'2020-01-01 00:00:00.5'",
        TEXT,
        times("00:00:00.5Z", "00:00:00.500000Z", "00:00:01Z", "00:00:01Z"),
        f'"{PRIVATE}"',
    ),
    ("DECIMAL(10,2)", "5", KEY_NUMBER, ["5", "5.0", "7.10", "7.1"], '"x"'),
]
# The same, but the key becomes wider: how many rows there are then.
WIDENED: list[tuple[str, str, t.Any, list[str], int]] = [
    ("BIGINT", "5), (7", TEXT, ['"5"', '"x"'], 3),
    ("BIGINT", "5), (7", KEY_NUMBER, ["5.0", "5.5"], 3),
    ("SMALLINT", "5), (7", {"type": "integer"}, ["5", str(2**63)], 3),
    ("BOOLEAN", "true", TEXT, ['"true"', '"x"'], 2),
    ("DATE", "'2020-01-01'", TEXT, ['"2020-01-01"', '"x"'], 2),
    ("JSON", "'{\"a\": 1}'", {"type": "object"}, ['{"a":1}', '{"a":2}'], 2),
]


@pytest.fixture
def existing(tmp_path: Path) -> Path:
    """A folder with a file that has these tables."""
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        connection.execute("CREATE SCHEMA o")
        for number, (kind, old, *_) in enumerate([*GOES_ON, *WIDENED]):
            connection.execute(f"CREATE TABLE o.s{number} (a {kind})")
            connection.execute(f"INSERT INTO o.s{number} VALUES ({old})")
            connection.execute(f"ALTER TABLE o.s{number} ADD COLUMN v VARCHAR DEFAULT 'old'")
    return tmp_path


def test_a_key_that_exists_goes_on_or_is_widened_and_no_row_comes_twice(existing: Path) -> None:
    messages: list[Message] = []
    for number, (_, _, wanted, keys, _) in enumerate([*GOES_ON, *WIDENED]):
        messages.append(schema(("a",), f"s{number}", a=wanted, v=TEXT))
        messages += [raw(f"s{number}", key, "new") for key in keys]
    singer.load(existing, *messages)
    count = "SELECT count(*), count(v = 'new' OR NULL), typeof(any_value(a)) FROM o.s"
    for number, (kind, *_) in enumerate(GOES_ON):
        assert singer.query(existing, f"{count}{number}") == [(2, 2, kind)]
    for number, case in enumerate(WIDENED, len(GOES_ON)):
        assert singer.query(existing, f"{count}{number}")[0][:2] == (case[-1], 2), case
    for number, (kind, _, wanted, _, bad) in enumerate(GOES_ON):
        stream = f"s{number}"
        done = singer.run(existing, schema(("a",), stream, a=wanted), raw(stream, bad, "bad"))
        assert (done.returncode, len(done.stderr.splitlines())) == (1, 1), done.stderr
        assert "column a" in done.stderr
        assert PRIVATE not in done.stderr
        assert singer.query(existing, f"{count}{number}") == [(2, 2, kind)]


def test_whoever_reads_the_file_learns_the_keys(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        connection.execute("CREATE SCHEMA o; CREATE TABLE o.old (Id BIGINT PRIMARY KEY)")
    singer.load(
        tmp_path,
        schema(("b", "a"), "two", a=TEXT, b=WHOLE, v=NUMBER),
        schema((), "none", a=TEXT),
        schema(stream="old", v=NUMBER),
        schema(("a",), "changed", a=TEXT, b=TEXT),
        schema(("b",), "changed", a=TEXT, b=TEXT),
        record("two", a="x", b=1, v=0.5),
        record("old", id=1, v=None),
    )
    keys = (
        "SELECT table_name, comment->>'$.key_properties[*]' FROM duckdb_columns() "
        "WHERE column_name = '_sdc_table_version' AND json_valid(comment) ORDER BY 1"
    )
    assert singer.query(tmp_path, keys) == [
        ("changed", ["b"]),
        ("none", []),
        ("old", ["Id"]),
        ("two", ["b", "a"]),
    ]
