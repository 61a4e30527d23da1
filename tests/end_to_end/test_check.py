"""`make check`: a line on the key, and one on PostgreSQL."""

import sys
from pathlib import Path

import pytest

from sandbox import Account, Sandbox
from tests.support import programs
from tests.support.postgres import Postgres
from tests.support.project import Project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = Project(tmp_path_factory.mktemp("check") / "project", "").folder
    (folder / ".venv").symlink_to(programs.ROOT / ".venv")
    return folder


def check(project: Path, **variables: str) -> programs.Run:
    command = [sys.executable, "-m", "scripts.check"]
    return programs.run(command, project, PYTHONPATH=str(programs.ROOT), **variables)


def test_check_key(project: Path) -> None:
    with Sandbox(Account(seed=1, bookings=1), key=programs.KEY) as api:
        address = {"TAP_ONCEHUB_API_URL": api.url}
        works = check(project, TAP_ONCEHUB_API_KEY=programs.KEY, **address)
        assert [entry.path for entry in api.log] == ["/v2/test"]
        fails = check(project, TAP_ONCEHUB_API_KEY="another-key", **address)
    assert (works.status, works.output, works.log) == (0, b"The API key is valid.\n", "")
    (line,) = fails.log.splitlines()
    assert fails.status == 1
    assert "OnceHub does not accept the API key" in line


def test_check_postgres(project: Path, postgres_server: Postgres) -> None:
    variables = postgres_server.variables
    right = check(project, **variables)
    assert right.status == 0, right.log
    assert b"PostgreSQL: loader may load into " in right.output
    for name, value, says in (
        ("PASSWORD", "not-this", "password authentication failed"),
        ("DATABASE", "nowhere", 'database "nowhere" does not exist'),
        ("PORT", "9", "Connection refused"),
    ):
        done = check(project, **variables | {f"TARGET_POSTGRES_{name}": value})
        (line,) = done.log.splitlines()
        assert done.status == 1
        assert says in line
        for secret in (variables["TARGET_POSTGRES_PASSWORD"], "not-this"):
            assert secret not in line
