"""What `make run` decides and shows."""

from __future__ import annotations

import json
import typing as t

import pytest

from scripts import run
from scripts.meltano import parse, readable

if t.TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("variable", "file", "key"),
    [
        (None, None, ""),
        ("", "TAP_ONCEHUB_API_KEY=from-file", ""),
        ("  ", None, ""),
        ('""', None, ""),
        (None, "TAP_ONCEHUB_API_KEY=", ""),
        (None, "TAP_ONCEHUB_API_KEY=from-file", "from-file"),
        ("from-environment", "TAP_ONCEHUB_API_KEY=from-file", "from-environment"),
    ],
)
def test_the_key_is_looked_for_where_meltano_looks(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    variable: str | None,
    file: str | None,
    key: str,
) -> None:
    monkeypatch.delenv(run.KEY, raising=False)
    if variable is not None:
        monkeypatch.setenv(run.KEY, variable)
    if file is not None:
        (tmp_path / ".env").write_text(file)

    assert run.api_key(tmp_path) == key


NOISE: list[dict[str, t.Any]] = [
    {"event": "Using systemdb state backend", "level": "info"},
    {"event": "No state was found, complete import.", "level": "warning"},
    {"event": "METRIC", "level": "info", "name": "tap-oncehub", "metric_info": {"metric": "x"}},
    {"event": "anything", "level": "info", "name": "tap-oncehub", "type": "discovery"},
    {"event": "Loading 3 rows into 'x'", "level": "info", "name": "target-duckdb"},
]


@pytest.mark.parametrize("entry", NOISE, ids=lambda entry: entry["event"])
def test_what_is_for_machines_is_not_shown(entry: dict[str, t.Any]) -> None:
    assert list(readable(parse(json.dumps(entry)))) == []


def test_a_bug_comes_with_its_traceback() -> None:
    frame = {"filename": "x.py", "lineno": 7, "function": "f", "line": "    1 / 0\n"}
    error = {"type": "ZeroDivisionError", "message": "division by zero", "traceback": [frame]}

    entry = {"event": "a bug", "level": "error", "name": "tap", "plugin_exception": error}
    assert list(readable(entry))[1:] == [
        '  File "x.py", line 7, in f',
        "    1 / 0",
        "ZeroDivisionError: division by zero",
    ]


@pytest.mark.parametrize("line", ["Traceback (most recent call last):", "[1]", "{", "12"])
def test_what_is_no_entry_is_shown_as_it_is(line: str) -> None:
    assert list(readable(parse(line))) == [line]
