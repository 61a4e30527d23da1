"""Keys: different rows stay different, the same one stays one, and the file names them."""

from __future__ import annotations

import json
import typing as t
from datetime import datetime
from decimal import Decimal

import duckdb
import pytest

from tests.support.singer import (
    NUMBER,
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

KEY_NUMBER = {"type": "number"}
KEY_TIME = {"type": "string", "format": "date-time"}


def raw(text: str, **more: t.Any) -> str:
    """A RECORD with the key spelled like this."""
    values = "".join(f', "{name}": {json.dumps(value)}' for name, value in more.items())
    return f'{{"type": "RECORD", "stream": "s", "record": {{"a": {text}{values}}}}}'


NEW: dict[str, tuple[dict[str, t.Any], list[str], int]] = {
    "numbers beyond a double": (
        KEY_NUMBER,
        ["9007199254740992", "9007199254740993", "1234567890123456781", "1234567890123456782"],
        4,
    ),
    "numbers with many digits": (KEY_NUMBER, ["0.1", "0.10000000000000001", "0.10", "1e-1"], 2),
    "numbers of two spellings": (KEY_NUMBER, ["5", "5.0", "50e-1", "-5"], 2),
    "numeric(20,0)": (
        {"type": "number", "multipleOf": 1, "minimum": -(10**20), "maximum": 10**20},
        [str(10**19 + n) for n in range(1000)],
        1000,
    ),
    "a decimal as text": (
        {"type": "string", "format": "x-singer.decimal", "precision": 38, "scale": 2},
        ['"1.10"', '"1.1"', '"1.11"'],
        2,
    ),
    "more than 64 bits": ({"type": "integer"}, [str(2**63 + n) for n in range(-2, 2)], 4),
    "times below a microsecond": (
        KEY_TIME,
        ['"2020-01-01T00:00:00.0000001Z"', '"2020-01-01T00:00:00.0000002Z"'],
        2,
    ),
    "a date": ({"type": "string", "format": "date"}, ['"2020-01-01"', '"2020-01-02"'], 2),
    "a uuid": (
        {"type": "string", "format": "uuid"},
        ['"6F9619FF-8B86-D011-B42D-00CF4FC964FF"', '"6f9619ff-8b86-d011-b42d-00cf4fc964ff"'],
        2,
    ),
    "JSON": ({"type": "object"}, ['{"a": 1}', '{"a":1}', '{ "a" : 1 }', '{"a": " 1"}'], 2),
    "numbers in JSON": (
        {"type": "array"},
        ["[0.1]", "[0.10000000000000001]", "[ 0.1 ]", "[9007199254740993]", "[9007199254740992]"],
        4,
    ),
    "anyOf": (
        {"anyOf": [{"type": "string", "format": "date-time"}, {"type": ["string", "null"]}]},
        ['"x"', '"2020-01-01T00:00:00Z"', '"2020-01-01T00:00:00.0Z"'],
        3,
    ),
    "text or number": ({"type": ["string", "number"]}, ["5", "5.0", '"x"'], 2),
}  # fmt: skip


@pytest.mark.parametrize("batch", [1, 5000])
@pytest.mark.parametrize("case", NEW)
def test_different_keys_are_different_rows(tmp_path: Path, case: str, batch: int) -> None:
    kind, keys, count = NEW[case]
    if batch == 1:
        keys = keys[:50]
        count = min(count, 50)
    rows = [raw(key, v=number) for number, key in enumerate(keys)]
    for _ in range(2):  # and again: the rows are replaced
        load(tmp_path, schema(("a",), a=kind, v=WHOLE), *rows, batch_size_rows=batch)
        assert query(tmp_path, "SELECT count(*), max(v) FROM o.s") == [(count, len(keys) - 1)]


def test_a_number_that_is_a_key_comes_back_unchanged(tmp_path: Path) -> None:
    keys = ["9007199254740993", "0.5", "0.10000000000000001"]
    load(tmp_path, schema(("a",), a=KEY_NUMBER), *map(raw, keys))
    found = query(tmp_path, "SELECT a FROM o.s ORDER BY 1 DESC")
    assert [value.normalize() for (value,) in found] == list(map(Decimal, keys))


def test_a_key_of_text_stays_text(tmp_path: Path) -> None:
    for number, form in enumerate(["date-time", "date", "time", "uuid"]):
        kind = {"type": "string", "format": form}
        load(tmp_path, schema(("a",), f"s{number}", a=kind), record(f"s{number}", a="x"))
        assert query(tmp_path, f"SELECT a, typeof(a) FROM o.s{number}") == [("x", "VARCHAR")]


def made(folder: Path, kind: str, *values: str) -> None:
    """A table that another program has made, with such a key."""
    with duckdb.connect(str(folder / "w.duckdb")) as connection:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS o; CREATE TABLE o.s (a {kind}, v VARCHAR)")
        for value in values:
            connection.execute(f"INSERT INTO o.s VALUES ({value}, 'old')")


def times(*texts: str) -> list[str]:
    """Times of one day, in JSON."""
    return [f'"2020-01-01T{text}"' for text in texts]


GOES_ON: dict[str, tuple[str, str, t.Any, list[str], str]] = {
    "a double": ("DOUBLE", "0.1", KEY_NUMBER, ["0.1", "1e-1", "5", "5.0"], "0.10000000000000001"),
    "a double, whole": ("DOUBLE", "5", KEY_NUMBER, ["5", "5.0", "9", "9"], "9007199254740993"),
    "a double, texts": ("DOUBLE", "5", TEXT, ['"5"', '"7"', '"7"', '"5"'], '"5.0"'),
    "a double, a text": ("DOUBLE", "5", TEXT, ['"5"', '"7"', '"7"', '"5"'], '"x"'),
    "a float": ("FLOAT", "0.5", KEY_NUMBER, ["0.5", "2", "2.0", "0.50"], "0.12345678901"),
    "a time": (
        "TIMESTAMP",
        "'2020-01-01 00:00:00.5'",
        KEY_TIME,
        times("00:00:00.5Z", "00:00:00.500000Z", "00:00:00Z", "02:00:00+02:00"),
        '"2020-01-01T00:00:00.0000001Z"',
    ),
    "a time, texts": (
        "TIMESTAMP",
        "'2020-01-01 00:00:00.5'",
        TEXT,
        times("00:00:00.5Z", "00:00:00.500000Z", "00:00:01Z", "00:00:01Z"),
        '"x"',
    ),
    "a decimal, texts": ("DECIMAL(10,2)", "5", KEY_NUMBER, ["5", "5.0", "7.10", "7.1"], '"x"'),
}  # fmt: skip


@pytest.mark.parametrize("case", GOES_ON)
def test_a_key_of_an_existing_table_goes_on_while_its_values_come_back(
    tmp_path: Path, case: str
) -> None:
    kind, old, wanted, good, bad = GOES_ON[case]
    made(tmp_path, kind, old)
    load(tmp_path, schema(("a",), a=wanted, v=TEXT), *(raw(key, v="new") for key in good))
    count = "SELECT count(*), typeof(any_value(a)), count(v = 'old' OR NULL) FROM o.s"
    assert query(tmp_path, count) == [(2, kind, 0)]
    done = run(tmp_path, schema(("a",), a=wanted, v=TEXT), raw(bad, v="new"))
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1), done.stderr
    assert "column a" in done.stderr
    assert query(tmp_path, count) == [(2, kind, 0)]


WIDENED: dict[str, tuple[str, list[str], t.Any, list[str], int]] = {
    "whole numbers to texts": ("BIGINT", ["5", "7"], TEXT, ['"5"', '"x"'], 3),
    "whole numbers to numbers": ("BIGINT", ["5", "7"], KEY_NUMBER, ["5.0", "5.5"], 3),
    "small to great": ("SMALLINT", ["5", "7"], {"type": "integer"}, ["5", str(2**63)], 3),
    "booleans to texts": ("BOOLEAN", ["true"], TEXT, ['"true"', '"x"'], 2),
    "dates to texts": ("DATE", ["'2020-01-01'"], TEXT, ['"2020-01-01"', '"x"'], 2),
    "JSON with blanks": ("JSON", ["'{\"a\": 1}'"], {"type": "object"}, ['{"a":1}', '{"a":2}'], 2),
}


@pytest.mark.parametrize("case", WIDENED)
def test_a_key_that_is_widened_does_not_come_twice(tmp_path: Path, case: str) -> None:
    kind, old, wanted, keys, count = WIDENED[case]
    made(tmp_path, kind, *old)
    load(tmp_path, schema(("a",), a=wanted, v=TEXT), *(raw(key, v="new") for key in keys))
    assert query(tmp_path, "SELECT count(*) FROM o.s") == [(count,)]
    assert query(tmp_path, "SELECT count(*) FROM o.s WHERE v = 'new'") == [(len(keys),)]


def test_a_key_that_no_type_holds_is_refused(tmp_path: Path) -> None:
    message = schema(("a",), a=KEY_NUMBER)
    for number in ("1e60", "1e-60"):
        stopped(tmp_path, run(tmp_path, message, raw("5"), raw(number)), "stream s", "column a")


KEYS_IN_THE_FILE = (
    "SELECT table_name, comment->>'$.key_properties[*]' FROM duckdb_columns() "
    "WHERE column_name = '_sdc_table_version' AND json_valid(comment) ORDER BY 1"
)


def test_whoever_reads_the_file_learns_the_keys(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        connection.execute("CREATE SCHEMA o; CREATE TABLE o.old (Id BIGINT PRIMARY KEY)")
    load(
        tmp_path,
        schema(("b", "a"), "two", a=TEXT, b=WHOLE, v=NUMBER),
        schema((), "none", a=TEXT),
        schema(stream="old", v=NUMBER),
        schema(("a",), "changed", a=TEXT, b=TEXT),
        schema(("b",), "changed", a=TEXT, b=TEXT),
        record("two", a="x", b=1, v=0.5),
        # A change of type makes a table with a primary key anew.
        record("old", id=2**63, v=None),
    )
    assert query(tmp_path, KEYS_IN_THE_FILE) == [
        ("changed", ["b"]),
        ("none", []),
        ("old", ["Id"]),
        ("two", ["b", "a"]),
    ]


def test_times_that_are_no_keys_are_moments(tmp_path: Path) -> None:
    load(tmp_path, schema(v=TIME), record(id=1, v="2020-01-01T00:00:00.1234567+01:00"))
    found = query(tmp_path, "SELECT v FROM o.s")
    assert found == [(datetime(2019, 12, 31, 23, 0, 0, 123456),)]  # noqa: DTZ001
