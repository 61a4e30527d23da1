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

WRONG: list[tuple[dict[str, str], str]] = [
    ({"PASSWORD": "not-this"}, "password authentication failed"),
    ({"DATABASE": "nowhere"}, 'database "nowhere" does not exist'),
    ({"PORT": str(free_port())}, "Connection refused"),
]


def check(folder: Path, **variables: str) -> programs.Run:
    command = [sys.executable, "-m", "scripts.check"]
    return programs.run(command, folder, PYTHONPATH=str(programs.ROOT), **variables)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    project = Project(tmp_path / "project", "").folder
    (project / ".venv").symlink_to(programs.ROOT / ".venv")
    return project


def test_check_key_and_postgres(project: Path, database: Postgres) -> None:
    with Sandbox(Account(seed=1, bookings=1), key=programs.KEY) as api:
        address = {"TAP_ONCEHUB_API_URL": api.url}
        works = check(project, TAP_ONCEHUB_API_KEY=programs.KEY, **address, **database.variables)
        assert [entry.path for entry in api.log] == ["/v2/test"]
        fails = check(project, TAP_ONCEHUB_API_KEY="another-key", **address)
    assert (works.status, works.log) == (0, "")
    valid, may_load = works.output.decode().splitlines()
    assert valid == "The API key is valid."
    assert may_load.startswith("PostgreSQL: loader may load into ")
    (line,) = fails.log.splitlines()
    assert fails.status == 1
    assert "OnceHub does not accept the API key" in line


@pytest.mark.parametrize(
    ("wrong", "says"),
    [WRONG[0], *(pytest.param(*wrong, marks=pytest.mark.slow) for wrong in WRONG[1:])],
    ids=["password", "database", "port"],
)
def test_check_postgres_in_vain(
    project: Path, database: Postgres, wrong: dict[str, str], says: str
) -> None:
    changed = {f"TARGET_POSTGRES_{name}": value for name, value in wrong.items()}
    done = check(project, **(database.variables | changed))
    assert done.status == 1
    (line,) = done.log.splitlines()
    assert says in line
    assert not any(secret in line for secret in (database.settings["password"], "not-this"))
