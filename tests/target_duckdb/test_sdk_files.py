"""The message files that the Singer SDK tests targets with, from the installed package."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
import singer_sdk.testing

from tests.support.singer import load, query, run

FILES = {
    file.stem: file
    for file in sorted(
        Path(singer_sdk.testing.__file__).with_name("target_test_streams").glob("*.singer")
    )
}
REFUSED = {
    "invalid_schema": "test_invalid_schema",
    "record_before_schema": "before the SCHEMA",
    "record_missing_key_property": "column id",
}


def expected(lines: list[str]) -> dict[str, list[dict[str, t.Any]]]:
    """Give the rows of each table: the last one of a key, or all where there is none."""
    keys: dict[str, list[str]] = {}
    rows: dict[str, dict[str, dict[str, t.Any]]] = {}
    for number, message in enumerate(map(json.loads, lines)):
        stream = message.get("stream")
        if message["type"] == "SCHEMA":
            keys[stream] = message.get("key_properties") or []
            rows.setdefault(stream, {})
        elif message["type"] == "RECORD":
            record = message["record"]
            key = json.dumps([record[name] for name in keys[stream]] or number)
            rows[stream][key] = record
    return {stream: list(found.values()) for stream, found in rows.items()}


def test_there_are_files() -> None:
    assert len(FILES) > 15
    assert REFUSED.keys() <= FILES.keys()


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_the_sdk_is_loaded(tmp_path: Path, name: str) -> None:
    lines = FILES[name].read_text("utf-8").splitlines()
    if name in REFUSED:
        done = run(tmp_path, *lines)
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
        assert REFUSED[name] in done.stderr
        return
    load(tmp_path, *lines)
    for stream, wanted in expected(lines).items():
        *_, table = stream.split("-", 2)
        place = 'o."' + table.replace(".", "_").replace("-", "_").lower() + '"'
        columns = [name for name, *_ in query(tmp_path, f"DESCRIBE {place}")]
        found = [
            {name: value for name, value in zip(columns, row, strict=True) if "_sdc_" not in name}
            for row in query(tmp_path, f"SELECT * FROM {place}")
        ]
        assert sorted(map(_text, found)) == sorted(
            _text({name: row.get(name) for name in found[0]}) for row in wanted
        )


def _text(row: dict[str, t.Any]) -> str:
    """Spell a row in one way: JSON columns are texts, numbers may be of any type."""
    found = {}
    for name, value in row.items():
        if isinstance(value, str) and value[:1] in {"{", "["}:
            value = json.loads(value)  # noqa: PLW2901
        found[name] = float(value) if isinstance(value, (int, float)) else value
    return json.dumps(found, sort_keys=True, default=str)
