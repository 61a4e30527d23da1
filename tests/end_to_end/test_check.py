"""`make check`: a line on the key, and one on PostgreSQL."""

from __future__ import annotations

import sys
import typing as t

import pytest

from sandbox import Account, Sandbox
from tests.support import programs
from tests.support.postgres import free_port
from tests.support.project import Project

if t.TYPE_CHECKING:
    from pathlib import Path

    from tests.support.postgres import Postgres


def check(folder: Path, **variables: str) -> programs.Run:
    project = Project(folder / "project", "").folder
    (project / ".venv").symlink_to(programs.ROOT / ".venv")
    command = [sys.executable, "-m", "scripts.check"]
    return programs.run(command, project, PYTHONPATH=str(programs.ROOT), **variables)


def test_check_key(tmp_path: Path) -> None:
    with Sandbox(Account(seed=1, bookings=1), key=programs.KEY) as api:
        address = {"TAP_ONCEHUB_API_URL": api.url}
        works = check(tmp_path / "right", TAP_ONCEHUB_API_KEY=programs.KEY, **address)
        assert [entry.path for entry in api.log] == ["/v2/test"]
        fails = check(tmp_path / "wrong", TAP_ONCEHUB_API_KEY="another-key", **address)
    assert (works.status, works.output, works.log) == (0, b"The API key is valid.\n", "")
    (line,) = fails.log.splitlines()
    assert fails.status == 1
    assert "OnceHub does not accept the API key" in line


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({}, ""),
        ({"PASSWORD": "not-this"}, "password authentication failed"),
        ({"DATABASE": "nowhere"}, 'database "nowhere" does not exist'),
        ({"PORT": str(free_port())}, "Connection refused"),
    ],
    ids=["right", "password", "database", "port"],
)
def test_check_postgres(
    tmp_path: Path, database: Postgres, wrong: dict[str, str], says: str
) -> None:
    changed = {f"TARGET_POSTGRES_{name}": value for name, value in wrong.items()}
    done = check(tmp_path, **(database.variables | changed))
    assert done.status == bool(wrong)
    if wrong:
        (line,) = done.log.splitlines()
        assert says in line
    else:
        assert b"PostgreSQL: loader may load into " in done.output
    for secret in (database.variables["TARGET_POSTGRES_PASSWORD"], "not-this"):
        assert secret not in done.log
