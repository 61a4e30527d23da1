"""Singer messages for target-duckdb, through the real process into a real file."""

import json
import os
import select
import subprocess
import typing as t
from contextlib import suppress
from pathlib import Path

import duckdb
from typing_extensions import override

from tests.support import programs
from tests.support.programs import LOADER, PATIENCE, environment, write

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
    return {"type": "RECORD", "stream": stream, "record": values}


def config(folder: Path, **settings: t.Any) -> Path:
    found = {"filepath": str(folder / "w.duckdb"), "default_target_schema": "o", **settings}
    return write(folder / "config.json", found)


def lines(*messages: Message) -> str:
    return "".join((m if isinstance(m, str) else json.dumps(m)) + "\n" for m in messages)


def run(folder: Path, *messages: Message, **settings: t.Any) -> subprocess.CompletedProcess[str]:
    """Load messages, and a state after them, whose line has no end."""
    # "\udcff" is the byte 0xff.
    given = lines(*messages, {"type": "STATE", "value": STATE})[:-1]
    arguments = ("--config", str(config(folder, **settings)))
    sent = given.encode(errors="surrogateescape")
    done = programs.fork("target_duckdb", folder, *arguments, given=sent)
    return subprocess.CompletedProcess([], done.status, done.output.decode(), done.log)


class Loading(subprocess.Popen[bytes]):
    """A loader that waits for messages; `changed` is Python that makes its limits smaller."""

    def __init__(
        self, folder: Path, changed: str = "", settings: t.Any = None, **variables: str
    ) -> None:
        code = f"import target_duckdb.__main__ as m, target_duckdb.loader as l\n{changed}\nm.main()"
        command = [str(LOADER.with_name("python")), "-c", code]
        command += ["--config", str(config(folder, **(settings or {})))]
        pipe, env = subprocess.PIPE, environment(**variables)
        super().__init__(command, stdin=pipe, stdout=pipe, stderr=pipe, env=env)
        self.input, self.output, self.errors = self.stdin, self.stdout, self.stderr

    @override
    def __exit__(self, *error: object) -> None:
        self.kill()
        with suppress(BrokenPipeError):
            self.input.close()
        self.stdin = None
        super().__exit__(*error)

    def write(self, *messages: Message) -> None:
        self.input.write(lines(*messages).encode())
        self.input.flush()

    def end(self, *messages: Message) -> tuple[int, str, str]:
        """Give it the last messages; its status, what it wrote, and what it said."""
        output, log = self.communicate(lines(*messages).encode(), timeout=PATIENCE)
        return self.returncode, output.decode(), log.decode()

    @property
    def states(self) -> list[t.Any]:
        """The states that it has written by now."""
        found = b""
        while select.select([self.output], [], [], 0)[0]:
            if not (chunk := os.read(self.output.fileno(), 1 << 16)):
                break
            found += chunk
        return [json.loads(line) for line in found.splitlines()]


def load(folder: Path, *messages: Message, **settings: t.Any) -> str:
    """Load messages that are all right; give what was said."""
    done = run(folder, *messages, **settings)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == STATE
    return done.stderr


def query(folder: Path, sql: str) -> list[t.Any]:
    with duckdb.connect(str(folder / "w.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def ids(folder: Path) -> list[int] | None:
    """Give the ids of the stream s, or None while the loader has the file open."""
    with suppress(duckdb.Error):
        return [number for (number,) in query(folder, "SELECT id FROM o.s ORDER BY 1")]
    return None


TEXT = {"type": ["string", "null"]}
WHOLE = {"type": ["integer", "null"]}
NUMBER = {"type": ["number", "null"]}
TIME = {"type": ["string", "null"], "format": "date-time"}
OBJECT = {"type": ["object", "null"]}
LIST = {"type": ["array", "null"]}


def make(folder: Path, *statements: str) -> None:
    """Do something to the file, as its user does."""
    with duckdb.connect(str(folder / "w.duckdb")) as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS o")
        for statement in statements:
            connection.execute(statement)


def stopped(
    folder: Path, done: subprocess.CompletedProcess[str], *places: str, rows: int = 0
) -> None:
    """One line says where; no value, no state, and no row besides those that were there."""
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert all(place in done.stderr for place in places), done.stderr
    assert PRIVATE not in done.stderr
    for (table,) in query(folder, "SELECT table_name FROM duckdb_tables()"):
        assert query(folder, f"SELECT count(*) FROM o.{table}") == [(rows,)]
