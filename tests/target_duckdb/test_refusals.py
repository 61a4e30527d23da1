"""What does not fit, or is broken, stops the load in one line; nothing of its batch is written."""

# ruff: noqa: E501 - a line is a case

import json
import os
import time
import typing as t
from pathlib import Path

import pytest

from tests.support import programs, singer
from tests.support.singer import LIST, NUMBER, PRIVATE, TEXT, TIME, WHOLE, Message, record, schema

BOOLEAN = {"type": "boolean"}
VALUES: dict[str, tuple[t.Any, t.Any]] = {
    "a text for a whole number": (WHOLE, PRIVATE),
    "5.5 for a whole number": (WHOLE, 5.5),
    "1e300 for a whole number": (WHOLE, 1e300),
    "1e400 for a number": (NUMBER, 10**400),
    "true for a whole number": (WHOLE, True),
    "NaN for a whole number": (WHOLE, float("nan")),
    "a text for a number": (NUMBER, PRIVATE),
    "a text for a boolean": (BOOLEAN, PRIVATE),
    "a number for a text": (TEXT, 5),
    "an object for a text": (TEXT, {"a": PRIVATE}),
    "an object for a list": (LIST, {"a": PRIVATE}),
    "a text for a time": (TIME, PRIVATE),
    "no such day": (TIME, "2021-02-29T00:00:00Z"),
    "an empty text for a time": (TIME, ""),
}
ONE, TWO = record(id=1), '{"type": "RECORD", "stream": "s", "record": {"id": 2, "v": %s}}'
REFERENCE = {"properties": {"a": {"$ref": "#/definitions/x"}}, "definitions": {"x": WHOLE}}
BROKEN: dict[str, tuple[list[Message], str]] = {
    **{name: ([schema(v=kind), ONE, record(id=2, v=value), record(id=3)], "stream s, column v") for name, (kind, value) in VALUES.items()},
    "half a line": ([schema(v=TEXT), ONE, '{"type": "RECORD", "stream": "s", "rec'], "s"),
    "no JSON": ([schema(), ONE, PRIVATE], "line 3"),
    "a list": ([schema(), ONE, "[]"], "line 3"),
    "a record of another stream": ([schema(), ONE, record("z", id=1)], "stream z"),
    "a null key": ([schema(), ONE, record(id=None)], "column id"),
    "a missing key": ([schema(v=TEXT), ONE, record(v="x")], "column id"),
    "a null key without a type": ([schema(("a",), a={}), record(a=1), record(a=None)], "column a"),
    "a null key by reference": ([{**schema(("a",)), "schema": REFERENCE}, record(a=None)], "column a"),
    "a key beyond all numbers": ([schema(("a",), a=NUMBER), record(a=1e60)], "column a"),
    "a key too near to 0": ([schema(("a",), a=NUMBER), record(a=5), record(a=1e-60)], "column a"),
    "a lone surrogate": ([schema(v=TEXT), ONE, record(id=2, v="\ud800 x")], "stream s"),
    "a lone surrogate in JSON": ([schema(v=LIST), ONE, record(id=2, v=["\ud800"])], "stream s"),
    "not UTF-8": ([schema(v=TEXT), ONE, TWO % f'"\udcff {PRIVATE}"'], "column v"),
    "not UTF-8 in JSON": ([schema(v=LIST), ONE, TWO % '["\udcff"]'], "column v"),
    "not UTF-8 anywhere": ([schema(), ONE, '{"type": "\udcff"}'], "line 3"),
    "far too deep": ([schema(v=LIST), ONE, TWO % ("[" * 10**6 + "]" * 10**6)], "stream s"),
    "a schema that is none": ([{**schema(), "schema": []}], "stream s"),
    "a type that is none": ([schema(v={"type": 5})], "stream s"),
    "a maximum that is none": ([schema(v={"type": "integer", "maximum": PRIVATE})], "stream s"),
    "an enum that is none": ([schema(v={"enum": 5})], "stream s"),
    "no properties": ([{**schema(()), "schema": {"type": "object"}}], "stream s"),
    "an empty property": ([schema(**{"": TEXT})], "stream s"),
    "an empty stream": ([schema(stream="")], "SCHEMA"),
    "a version without a number": ([schema(), ONE, {"type": "ACTIVATE_VERSION", "stream": "s"}], "version"),
    "streams that differ by case": ([schema(), schema(stream="S"), ONE], "s and S"),
    "names that differ by case": ([schema(Name=TEXT, name=TEXT), ONE], "Name and name"),
    "a key that is no property": ([schema(("z",), a=TEXT), record(a="x")], "z"),
    "BATCH": ([schema(), ONE, {"type": "BATCH", "stream": "s"}], "BATCH"),
    "no record": ([schema(), ONE, {"type": "RECORD", "stream": "s"}], "stream s"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_wrong_stops_the_load(tmp_path: Path, case: str) -> None:
    messages, place = BROKEN[case]
    done = singer.run(tmp_path, *messages)
    singer.stopped(tmp_path, done, place)
    assert "2021" not in done.stderr


def test_whole_batches_before_the_bad_one_stay_with_their_state(tmp_path: Path) -> None:
    early = {"type": "STATE", "value": {"early": 1}}
    messages = [schema(v=WHOLE), ONE, early, record(id=2), record(id=3, v="x")]
    done = singer.run(tmp_path, *messages, batch_size_rows=2)
    assert (done.returncode, json.loads(done.stdout)) == (1, {"early": 1})
    assert singer.query(tmp_path, "SELECT id FROM o.s ORDER BY 1") == [(1,), (2,)]


def test_wrong_setting_or_file_is_one_line_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for name, size in {"empty": 0, "short": 4096, "other": 14_000}.items():
        (tmp_path / name).write_bytes(b"x" * size)
    wrong = [{"filepath": None}, {"default_target_schema": None}, {"batch_size_rows": 0}]
    wrong += [{"hard_delete": "maybe"}, {"filepath": ":memory:"}, {"lock_wait_seconds": "x"}]
    places = ("fifo", "empty", "short", "other", ".", "none/none/w.duckdb")
    files = [{"filepath": str(tmp_path / place)} for place in places]
    began = time.monotonic()
    for settings in [*wrong, *files]:
        done = singer.run(tmp_path, schema(), ONE, **settings)
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
        (name,) = settings
        assert (settings[name] if settings in files else name) in done.stderr
    assert time.monotonic() - began < 30
    (file := tmp_path / "no.json").write_text("[]")
    done = programs.fork("target_duckdb", tmp_path, "--config", str(file))
    assert (done.status, done.output) == (1, b"")
    assert done.log == f"target-duckdb: {file} is not a JSON object\n"


def test_stream_without_a_key_or_a_schema_is_refused(tmp_path: Path) -> None:
    keyless = singer.run(tmp_path, schema((), a=TEXT), primary_key_required=True)
    mapping = {"crm": {"target_schema": "sales"}}
    homeless = singer.run(tmp_path, schema(), default_target_schema="", schema_mapping=mapping)
    singer.stopped(tmp_path, keyless, "stream s: it has no primary key")
    singer.stopped(tmp_path, homeless, "stream s: default_target_schema or schema_mapping")


def test_state_ahead_of_its_table_is_noticed(tmp_path: Path) -> None:
    for value in ("5", "null", "[]", "[1e999]", '{"bookmarks": {"s": 5}}'):  # of any form
        singer.load(tmp_path, f'{{"type": "STATE", "value": {value}}}', schema(stream="any"))
    first = {"type": "STATE", "value": {"bookmarks": {"t": {"replication_key_value": None}}}}
    assert singer.load(tmp_path, first, schema(stream="t"), record("t", id=1)) == ""
    earlier = {"type": "STATE", "value": {"bookmarks": {"s": {"replication_key_value": "2020"}}}}
    said = singer.load(tmp_path, earlier, schema(), record(id=1))
    assert "stream s" in said
    assert "state clear" in said
    assert singer.load(tmp_path, earlier, schema(), record(id=2)) == ""
