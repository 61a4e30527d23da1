"""Singer messages for target-duckdb, through the real process into a real file."""

from __future__ import annotations

import json
import subprocess
import typing as t

import duckdb

from tests.support.programs import LOADER, PATIENCE, environment

if t.TYPE_CHECKING:
    from pathlib import Path

STATE = {"bookmarks": {"s": {"at": 1}}}
PRIVATE = "ann@example.com"
Message: t.TypeAlias = "dict[str, t.Any] | str"


def schema(
    keys: tuple[str, ...] = ("id",), stream: str = "s", **properties: t.Any
) -> dict[str, t.Any]:
    """A SCHEMA message; without properties of its own, the key is an integer."""
    found = {"id": {"type": "integer"}, **properties} if keys == ("id",) else properties
    return {
        "type": "SCHEMA",
        "stream": stream,
        "key_properties": list(keys),
        "schema": {"type": "object", "properties": found},
    }


def record(stream: str = "s", **values: t.Any) -> dict[str, t.Any]:
    """A RECORD message."""
    return {"type": "RECORD", "stream": stream, "record": values}


def run(folder: Path, *messages: Message, **settings: t.Any) -> subprocess.CompletedProcess[str]:
    """Load messages, and a state after them."""
    config = {"filepath": str(folder / "w.duckdb"), "default_target_schema": "o", **settings}
    (folder / "config.json").write_text(json.dumps(config))
    lines = [m if isinstance(m, str) else json.dumps(m) for m in messages]
    lines.append(json.dumps({"type": "STATE", "value": STATE}))
    return subprocess.run(
        [str(LOADER), "--config", str(folder / "config.json")],
        input="\n".join(lines) + "\n",
        capture_output=True,
        check=False,
        encoding="utf-8",
        errors="surrogateescape",  # "\udcff" is the byte 0xff
        env=environment(),
        timeout=PATIENCE,
    )


def load(folder: Path, *messages: Message, **settings: t.Any) -> str:
    """Load messages that are all right; give what was said."""
    done = run(folder, *messages, **settings)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == STATE
    return done.stderr


def query(folder: Path, sql: str) -> list[t.Any]:
    """Ask the file."""
    with duckdb.connect(str(folder / "w.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()


TEXT = {"type": ["string", "null"]}
WHOLE = {"type": ["integer", "null"]}
NUMBER = {"type": ["number", "null"]}
TIME = {"type": ["string", "null"], "format": "date-time"}
OBJECT = {"type": ["object", "null"]}
LIST = {"type": ["array", "null"]}


def stopped(folder: Path, done: subprocess.CompletedProcess[str], *places: str) -> None:
    """One line says where; no value, no row, no state."""
    assert done.returncode == 1, done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert all(place in done.stderr for place in places), done.stderr
    assert PRIVATE not in done.stderr
    assert done.stdout == ""
    for (table,) in query(folder, "SELECT table_name FROM duckdb_tables()"):
        assert query(folder, f"SELECT count(*) FROM o.{table}") == [(0,)]
