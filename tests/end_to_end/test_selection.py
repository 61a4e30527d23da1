"""Streams and single bookings chosen in the environment, with the README's command."""

from __future__ import annotations

import re
import shlex
import typing as t

import duckdb

from sandbox import Account, Sandbox
from tests.support import programs
from tests.support.project import Project

if t.TYPE_CHECKING:
    from pathlib import Path

README = programs.ROOT.joinpath("README.md").read_text("utf-8")
COMMAND = re.search(
    r"^ +(TAP_ONCEHUB__SELECT=.*) \.venv/bin/meltano (run .*)$", README, re.MULTILINE
)


def test_the_command_for_single_bookings(tmp_path: Path) -> None:
    assert COMMAND
    account = Account(seed=1, bookings=5, nasty=False)
    wanted = account.objects("bookings")[2]["id"]
    variables = dict(v.split("=", 1) for v in shlex.split(COMMAND[1].replace("BKNG-1", wanted)))
    with Sandbox(account, key=programs.KEY) as api:
        project = Project(
            tmp_path / "project", api.url, TAP_ONCEHUB__LOAD_SCHEMA="scheduling", **variables
        )
        run = project.run(*COMMAND[2].split()[1:])
        assert run.status == 0, run.log
    with duckdb.connect(str(project.database), read_only=True) as connection:
        assert connection.execute("SELECT id FROM scheduling.booking").fetchall() == [(wanted,)]
        found = connection.execute(
            "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'scheduling'"
        ).fetchall()
    assert found == [(1,)]
