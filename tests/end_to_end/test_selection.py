"""Streams, columns and single bookings as the settings choose them."""

from __future__ import annotations

import re
import shlex
import typing as t

import duckdb
import pytest

from sandbox import Account, Sandbox
from tests.support import inside, programs
from tests.support.project import Project
from tests.support.streams import ALL

if t.TYPE_CHECKING:
    from pathlib import Path

PAGE = programs.ROOT.joinpath("docs/settings.md").read_text("utf-8")
COMMAND = re.search(r"^ +(TAP_ONCEHUB__SELECT=.*) \.venv/bin/meltano (run .*)$", PAGE, re.MULTILINE)


def test_a_stream_map_that_removes_a_parent_leaves_its_children() -> None:
    chosen = {"users": "user_scheduling_availability", "bookings": "booking"}
    catalog = inside.catalog(*chosen, *chosen.values())
    with Sandbox(Account(seed=1, bookings=9, users=9), key=programs.KEY) as api:
        settings = programs.settings_for(api.url, stream_maps=dict.fromkeys(chosen))
        run = inside.run(settings, catalog)
        whole = inside.run(programs.settings_for(api.url), catalog)
    for parent, child in chosen.items():
        assert run.records(parent) == []
        assert run.records(child) == whole.records(child) != []


@pytest.mark.parametrize("depth", [1, 5])
def test_objects_become_columns_on_request(depth: int) -> None:
    settings = {"flattening_enabled": True, "flattening_max_depth": depth}
    with Sandbox(Account(seed=1, bookings=9), key=programs.KEY) as api:
        made = programs.settings_for(api.url, **settings)
        run = inside.run(made, inside.catalog(*ALL))
        plain = inside.run(programs.settings_for(api.url), inside.catalog(*ALL))
    assert run.ended == "well"
    for stream in ALL:
        assert len(run.records(stream)) == len(plain.records(stream)), stream
    assert {"external_calendar__id", "form_submission__email"} <= run.records("bookings")[0].keys()


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
