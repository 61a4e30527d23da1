"""Columns: what a table that exists keeps, what becomes wider, and what a user made survives."""

# ruff: noqa: DTZ001, E501 - DuckDB keeps times without a zone; a line is a case

import json
import math
import typing as t
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import duckdb
import pytest

from tests.support import singer
from tests.support.singer import LIST, NUMBER, OBJECT, TEXT, TIME, WHOLE, record, schema

ID = "6f9619ff-8b86-d011-b42d-00cf4fc964ff"
DATE = {"type": ["string", "null"], "format": "date"}
CLOCK = {"type": ["string", "null"], "format": "time"}
A_UUID = {"type": ["string", "null"], "format": "uuid"}
MONEY = {"type": ["number", "null"], "multipleOf": 0.01, "minimum": -1e9, "maximum": 1e9}
EITHER = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": ["string", "null"]}]}
SMALL = {"type": ["integer", "null"], "minimum": 0, "maximum": 9}


def make(folder: Path, *statements: str) -> None:
    """Do something to the file, as its user does."""
    with duckdb.connect(str(folder / "w.duckdb")) as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS o")
        for statement in statements:
            connection.execute(statement)


# A column of a table that exists, its value, the schema, the value in JSON that comes, what both
# are then, and the type.
EXISTING: list[tuple[str, str, t.Any, str, list[t.Any], str]] = [
    ("DECIMAL(10,2)", "1.10", NUMBER, "2.5", [Decimal("1.10"), Decimal("2.50")], "DECIMAL(10,2)"),
    ("DECIMAL(10,2)", "1.10", WHOLE, "2", [Decimal("1.10"), Decimal("2.00")], "DECIMAL(10,2)"),
    ("FLOAT", "0.5", NUMBER, "0.25", [0.5, 0.25], "FLOAT"),
    ("DATE", "'2020-01-01'", TEXT, '"2020-01-02"', [date(2020, 1, 1), date(2020, 1, 2)], "DATE"),
    ("DATE", "'2020-01-01'", DATE, '"2020-01-02"', [date(2020, 1, 1), date(2020, 1, 2)], "DATE"),
    ("TIME", "'01:02:03'", TEXT, '"04:05:06"', [time(1, 2, 3), time(4, 5, 6)], "TIME"),
    ("UUID", f"'{ID}'", TEXT, f'"{ID}"', [UUID(ID), UUID(ID)], "UUID"),
    ("UTINYINT", "255", WHOLE, "0", [255, 0], "UTINYINT"),
    ("UBIGINT", "1", NUMBER, str(2**64 - 1), [1, 2**64 - 1], "UBIGINT"),
    ("SMALLINT", "5", WHOLE, "-32768", [5, -32768], "SMALLINT"),
    ("TINYINT", "5", NUMBER, "7.0", [5, 7], "TINYINT"),
    ("TIMESTAMP_S", "'2020-01-01'", TIME, '"2020-01-01T01:00:00+01:00"', [datetime(2020, 1, 1), datetime(2020, 1, 1)], "TIMESTAMP_S"),
    ("TIMESTAMP", "'2020-01-01'", TEXT, '"2020-01-02T00:00:00.5Z"', [datetime(2020, 1, 1), datetime(2020, 1, 2, 0, 0, 0, 500000)], "TIMESTAMP"),
    ("BIGINT", "5", {"type": ["string", "integer"]}, "7", [5, 7], "BIGINT"),
    ("VARCHAR", "'x'", DATE, '"2020-01-02"', ["x", "2020-01-02"], "VARCHAR"),
    ("VARCHAR", "'x'", A_UUID, f'"{ID}"', ["x", ID], "VARCHAR"),
    ("VARCHAR", "'x'", MONEY, "0.10", ["x", "0.10"], "VARCHAR"),
    ("DOUBLE", "0.5", MONEY, "0.25", [0.5, 0.25], "DOUBLE"),
    ("JSON", "'\"x\"'", EITHER, '"y"', ['"x"', '"y"'], "JSON"),
    ("DECIMAL(10,2)", "1.10", NUMBER, "0.125", [Decimal("1.100"), Decimal("0.125")], "DECIMAL(11,3)"),
    ("DECIMAL(4,2)", "1.10", NUMBER, "1000", [Decimal("1.10"), Decimal("1000.00")], "DECIMAL(6,2)"),
    ("DECIMAL(4,2)", "1.10", NUMBER, "1e300", [1.1, 1e300], "DOUBLE"),
    ("DECIMAL(4,2)", "1.10", NUMBER, "Infinity", [1.1, math.inf], "DOUBLE"),
    ("FLOAT", "0.1", NUMBER, "0.123456789", [0.1, 0.123456789], "DOUBLE"),
    ("SMALLINT", "5", WHOLE, "40000", [5, 40000], "INTEGER"),
    ("UTINYINT", "255", WHOLE, "-1", [255, -1], "SMALLINT"),
    ("UBIGINT", str(2**64 - 1), WHOLE, "-1", [2**64 - 1, -1], "HUGEINT"),
    ("BIGINT", str(2**60 + 1), NUMBER, "0.5", [Decimal(f"{2**60 + 1}.0"), Decimal("0.5")], "DECIMAL(20,1)"),
    ("HUGEINT", str(2**80), NUMBER, "0.25", [float(2**80), 0.25], "DOUBLE"),
    ("HUGEINT", str(2**80 + 1), NUMBER, "0.25", [Decimal(f"{2**80 + 1}.00"), Decimal("0.25")], "DECIMAL(38,2)"),
    ("DOUBLE", "5", WHOLE, str(2**60 + 1), [5, 2**60 + 1], "BIGINT"),
    ("TIMESTAMP_S", "'2020-01-01'", TIME, '"2020-01-01T00:00:00.5Z"', [datetime(2020, 1, 1), datetime(2020, 1, 1, 0, 0, 0, 500000)], "TIMESTAMP"),
    ("TIMESTAMP_NS", "'2020-01-01'", TIME, '"0001-01-01T00:00:00Z"', [datetime(2020, 1, 1), datetime(1, 1, 1)], "TIMESTAMP"),
    ("DATE", "'2020-01-01'", DATE, '"soon"', ["2020-01-01", "soon"], "VARCHAR"),
    ("TIME", "'01:02:03'", CLOCK, '"04:05:06Z"', ["01:02:03", "04:05:06Z"], "VARCHAR"),
    ("UUID", f"'{ID}'", A_UUID, f'"{ID.upper()}"', [ID, ID.upper()], "VARCHAR"),
    ("DATE", "'2020-01-01'", OBJECT, "{}", ['"2020-01-01"', "{}"], "JSON"),
    ("TIMESTAMP", "'2020-01-01'", TEXT, '"2020-01-02T00:00:00+01:00"', ["2020-01-01T00:00:00Z", "2020-01-02T00:00:00+01:00"], "VARCHAR"),
    ("BIGINT", "5", LIST, "[1]", ["5", "[1]"], "JSON"),
    ("VARCHAR[]", "['a']", LIST, '["b"]', ['["a"]', '["b"]'], "JSON"),
    ("BIGINT", "5", NUMBER, "5.5", [5.0, 5.5], "DOUBLE"),
    ("BIGINT", str(2**60 + 1), TEXT, '"x"', [str(2**60 + 1), "x"], "VARCHAR"),
    ("BIGINT", "5", TEXT, '"05"', ["5", "05"], "VARCHAR"),
    ("DOUBLE", "5.5", TEXT, '"7"', ["5.5", "7"], "VARCHAR"),
    ("DOUBLE", "5.5", WHOLE, "5", [5.5, 5.0], "DOUBLE"),
    ("INTEGER", "5", WHOLE, str(2**60), [5, 2**60], "BIGINT"),
    ("VARCHAR", "'x'", NUMBER, "5.5", ["x", "5.5"], "VARCHAR"),
    ("TIMESTAMP", "'2020-01-01'", TEXT, '"x"', ["2020-01-01T00:00:00Z", "x"], "VARCHAR"),
    ("TIMESTAMP", "'2020-01-01'", OBJECT, "{}", ['"2020-01-01T00:00:00Z"', "{}"], "JSON"),
    ("VARCHAR", "'x'", OBJECT, "{}", ['"x"', "{}"], "JSON"),
    ("JSON", "'{}'", TEXT, '"x"', ["{}", '"x"'], "JSON"),
    ("BOOLEAN", "true", TEXT, '"x"', ["true", "x"], "VARCHAR"),
]  # fmt: skip


def test_a_column_keeps_its_type_or_gets_the_narrowest(tmp_path: Path) -> None:
    messages: list[t.Any] = []
    for number, (kind, old, wanted, value, *_) in enumerate(EXISTING):
        make(
            tmp_path,
            f"CREATE TABLE o.s{number} (id BIGINT, v {kind})",
            f"INSERT INTO o.s{number} VALUES (1, {old})",
        )
        row = f'{{"type": "RECORD", "stream": "s{number}", "record": {{"id": 2, "v": {value}}}}}'
        messages += [schema(stream=f"s{number}", v=wanted), row]
    said = singer.load(tmp_path, *messages)
    for number, (before, *_, both, kind) in enumerate(EXISTING):
        found = singer.query(tmp_path, f"SELECT v, typeof(v) FROM o.s{number} ORDER BY id")
        assert found == [(value, kind) for value in both], (number, before)
        told = f'"s{number}": the column "v" was {before} and is now {kind}'
        assert (told in said) == (before != kind)


def test_a_type_changes_together_with_the_row_that_needs_it(tmp_path: Path) -> None:
    message = schema(v=WHOLE, d=DATE)
    singer.load(tmp_path, message, record(id=1, v=1, d="2020-01-01"))
    done = singer.run(tmp_path, message, record(id=2, v=2**63, d="x"), record(id=3, v="x"))
    assert (done.returncode, done.stdout) == (1, "")
    found = singer.query(tmp_path, "SELECT id, typeof(v), typeof(d) FROM o.s")
    assert found == [(1, "BIGINT", "DATE")]


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
    make(
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
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
        assert "stream s, column v: it cannot become DECIMAL(6,3)" in done.stderr
        assert (found, after) == ([(1, "a", "1.00"), (2, "b", "2.00")], before)


def test_what_a_schema_no_longer_declares_stays(tmp_path: Path) -> None:
    rows = [record(id=n, a=f"a{n}", b=n / 2, c={"n": n}) for n in range(4)]
    singer.load(tmp_path, schema(a=TEXT, b=NUMBER), *rows[:1], schema(A=TEXT, b=NUMBER, c=OBJECT))
    singer.load(tmp_path, schema(a=TEXT, b=NUMBER, c=OBJECT), *rows)
    make(
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


@pytest.mark.parametrize("runs", [1, 6])
def test_there_and_back_nothing_is_lost(tmp_path: Path, runs: int) -> None:
    """A narrower run, a wider one, types changed there and back, with a primary key."""
    make(
        tmp_path,
        "CREATE TABLE o.s (id BIGINT PRIMARY KEY, mine VARCHAR)",
        "INSERT INTO o.s SELECT range, 'mine' || range FROM range(50)",
    )
    steps: list[tuple[dict[str, t.Any], t.Callable[[int], dict[str, t.Any]]]] = [
        ({"v": SMALL, "w": DATE}, lambda n: {"v": n % 9, "w": "2020-01-01"}),
        ({"v": WHOLE, "x": OBJECT}, lambda n: {"v": 2**50 + n, "x": {"n": n}}),
        ({"v": NUMBER}, lambda n: {"v": n + 0.5}),
        ({"v": TEXT, "w": TEXT}, lambda n: {"v": f"t{n}", "w": f"w{n}"}),
        ({"v": SMALL}, lambda n: {"v": n % 9}),
        ({"v": WHOLE, "w": DATE, "x": OBJECT}, lambda n: {"v": n, "w": "2021-01-01", "x": {}}),
    ]
    messages: list[t.Any] = []
    wanted: dict[int, dict[str, t.Any]] = {n: {"mine": f"mine{n}"} for n in range(50)}
    for step, (properties, values) in enumerate(steps):
        records = {n: values(n) for n in range(step, 60, step + 1)}
        messages.append(schema(**properties))
        messages += [record(id=n, **found) for n, found in records.items()]
        if runs > 1 or step == len(steps) - 1:
            singer.load(tmp_path, *messages, batch_size_rows=7)
            messages.clear()
        for number, found in records.items():
            wanted.setdefault(number, {}).update(found)
    rows = singer.query(tmp_path, "SELECT id, mine, v, w, x FROM o.s ORDER BY id")
    assert [row[0] for row in rows] == sorted(wanted)
    for number, mine, v, w, x in rows:
        expected = {"mine": None, "v": None, "w": None, "x": None} | wanted[number]
        given = expected.pop("v")
        assert v == given or v == str(given) or float(v) == float(given)
        assert {"mine": mine, "w": w, "x": x and json.loads(x)} == expected
    constraints = "SELECT constraint_text FROM duckdb_constraints() WHERE constraint_type LIKE 'P%'"
    assert singer.query(tmp_path, constraints) == [("PRIMARY KEY(id)",)]
