"""The message files that the Singer SDK tests targets with, from the installed package."""

import json
import typing as t
from pathlib import Path

import pytest
import singer_sdk.testing

from tests.support.singer import load, query, run

FOLDER = Path(singer_sdk.testing.__file__).with_name("target_test_streams")
FILES = {file.stem: file for file in sorted(FOLDER.glob("*.singer"))}
assert len(FILES) > 15
REFUSED = {
    "invalid_schema": "test_invalid_schema",
    "record_before_schema": "before the SCHEMA",
    "record_missing_key_property": "column id",
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_the_sdk_is_loaded(tmp_path: Path, name: str) -> None:
    lines = FILES[name].read_text("utf-8").splitlines()
    if name in REFUSED:
        done = run(tmp_path, *lines)
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
        assert REFUSED[name] in done.stderr
        return
    load(tmp_path, *lines)
    keys: dict[str, list[str]] = {}
    wanted: dict[str, dict[str, t.Any]] = {}
    for number, message in enumerate(map(json.loads, lines)):
        stream, record = message.get("stream"), message.get("record")
        if message["type"] == "SCHEMA":
            keys[stream] = message.get("key_properties") or []
        elif message["type"] == "RECORD":  # the last one of a key stays, or all without a key
            key = json.dumps([record[name] for name in keys[stream]] or number)
            wanted.setdefault(stream, {})[key] = record
    for stream, rows in wanted.items():
        *_, table = stream.split("-", 2)
        place = 'o."' + table.replace(".", "_").replace("-", "_").lower() + '"'
        sql = f"SELECT to_json(row) FROM (SELECT * NOT LIKE '_sdc_%' FROM {place}) AS row"
        found = [json.loads(row) for (row,) in query(tmp_path, sql)]
        known = [{name: row.get(name) for name in found[0]} for row in rows.values()]
        assert len(found) == len(known)
        assert all(row in found for row in known)
