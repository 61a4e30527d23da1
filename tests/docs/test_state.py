"""docs/state.md: its commands, run as they stand there, and what it says of deletes."""

from __future__ import annotations

import json
import shlex
import typing as t

import pytest

from sandbox import Account, Sandbox
from tests.support import gone, inside, programs, warehouse
from tests.support.project import Project

if t.TYPE_CHECKING:
    from pathlib import Path

PAGE = programs.ROOT.joinpath("docs/state.md").read_text("utf-8")
COMMANDS = [shlex.split(x)[1:] for x in PAGE.splitlines() if x.startswith("    .venv/bin/meltano")]


def delete(account: Account, stream: str, *places: int) -> set[str]:
    ids = [item["id"] for item in account.objects(stream)]
    return {account.delete(stream, ids[place]) for place in places}


def found(file: Path, stream: str) -> set[str]:
    return {key[0] for key in warehouse.rows(file, stream)}


@pytest.mark.slow
def test_the_commands(tmp_path: Path) -> None:
    project = Project(tmp_path / "project", "http://127.0.0.1:9")
    get, merge, clear = COMMANDS
    before = {"users": {}, "bookings": {"replication_key_value": "2026-05-05T00:00:00Z"}}
    file = tmp_path / "before.json"
    file.write_text(json.dumps({"singer_state": {"bookmarks": before}}))
    for command in ([*get[:2], "set", "--force", f"--input-file={file}", get[-1]], merge):
        assert project.meltano(*command).status == 0
    after = json.loads(project.meltano(*get).output)["singer_state"]["bookmarks"]
    assert after == {"users": {}, "bookings": {"replication_key_value": "2026-01-31"}}
    assert project.meltano(*clear).status == 0
    assert not project.state


@pytest.mark.parametrize("killed", [False, True])
def test_what_is_gone_from_lists_that_are_read_in_full_is_marked(
    tmp_path: Path, *, killed: bool
) -> None:
    account = Account(seed=2, bookings=30, users=30)
    streams = ("users", "user_scheduling_availability", "teams")
    catalog = inside.catalog(*streams)
    file = tmp_path / "warehouse.duckdb"
    with Sandbox(account, key=programs.KEY) as api:
        settings = programs.settings_for(api.url, page_size=10, emit_activate_version_messages=True)
        first = programs.run_tap(tmp_path, settings, catalog=catalog)
        programs.load(tmp_path, first.output)
        deleted = delete(account, "users", 3, 25)
        state = first.state
        if killed:
            part = inside.run(settings, catalog, state, kill_after=25)
            assert part.states[-1]["bookmarks"]["users"]["resume"]
            state = json.loads(programs.load(tmp_path, part.output))
            deleted |= delete(account, "users", 20)
        whole = programs.run_tap(tmp_path, settings, catalog=catalog, state=state)
        programs.load(tmp_path, whole.output)
        assert deleted <= found(file, "users")
        gone.remove(file, *streams)
        for stream in ("users", "teams"):
            warehouse.assert_equal(file, stream, account.objects(stream))
        schedules = warehouse.rows(file, "user_scheduling_availability")
        users = [user["id"] for user in account.objects("users")]
        assert set(schedules) == {(u,) for u in users if account.scheduling_availability(u)}
