"""Streams, columns and single bookings as the settings choose them."""

from __future__ import annotations

import json
import re
import shlex
import typing as t

import duckdb
import pytest
import yaml

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


def test_a_new_field_inside_an_object_that_becomes_columns() -> None:
    account = Account(seed=1, bookings=3, nasty=False)
    first = account.objects("bookings")[0]["id"]
    account.edit("bookings", first, external_calendar={"id": "X", "colour": {"r": 1}})
    settings = {"flattening_enabled": True, "flattening_max_depth": 1}
    with Sandbox(account, key=programs.KEY) as api:
        run = inside.run(programs.settings_for(api.url, **settings), inside.catalog("bookings"))
    (row,) = [row for row in run.records("bookings") if row["id"] == first]
    assert row["external_calendar__id"] == "X"
    assert json.loads(row["_extra"]) == {"external_calendar": {"colour": {"r": 1}}}
    (schema,) = [m["schema"] for m in run.messages if m["type"] == "SCHEMA"]
    sent = {name for name, value in row.items() if value is not None}
    assert sent <= schema["properties"].keys()


def test_what_meltano_makes_of_settings(tmp_path: Path) -> None:
    """A fraction, a misspelt variable, a null that Meltano drops, an extractor that inherits."""
    eu = {"name": "tap-oncehub-eu", "inherit_from": "tap-oncehub"}
    with Sandbox(Account(seed=1, bookings=5, nasty=False), key=programs.KEY) as api:
        project = Project(
            tmp_path / "project",
            api.url,
            {"extractors": [eu]},
            TAP_ONCEHUB__SELECT='["users.*"]',
            TAP_ONCEHUB_MAX_WAIT_SECONDS="2.5",
            TAP_ONCEHUB_START_DAT="2026-01-31",
        )
        project.pace = {"TAP_ONCEHUB_RATE_LIMIT_PER_SECOND": "999.5"}
        project.meltano("config", "set", "tap-oncehub", "request_timeout_seconds", "9.5")
        file = project.folder / "meltano.yml"
        content = yaml.safe_load(file.read_text())
        content["plugins"]["extractors"][0]["config"]["stream_maps"] = {"users": {"email": None}}
        file.write_text(yaml.safe_dump(content))
        runs = [project.run(tap, "target-duckdb") for tap in ("tap-oncehub", "tap-oncehub-eu")]
    for run in runs:
        assert run.status == 0, run.log
        (warned,) = [line for line in run.log.splitlines() if "Ignoring unknown settings" in line]
        assert "TAP_ONCEHUB_START_DAT (did you mean TAP_ONCEHUB_START_DATE?)" in warned
        assert "TAP_ONCEHUB_EU" not in warned
        assert "Nulls in stream_maps were dropped and remove nothing; write __NULL__" in run.log


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
