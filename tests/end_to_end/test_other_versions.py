"""A state goes on with the tap of 028a1c7, the last one before the engine, and back."""

import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from sandbox import Account, Sandbox
from tests.support import inside, programs

OLD = "028a1c7"
STREAMS = ("bookings", "booking_hosts", "users", "user_scheduling_availability")
BY_TIME = {
    "version": 1795971147945,
    "replication_key": "last_updated_time",
    "replication_key_value": "2026-02-25T15:30:00.442Z",
    "start_date": None,
}
COMPLETE = {
    "test_auth": {"account": "8cc7b95ec037af82"},
    "booking_hosts": BY_TIME,
    "bookings": BY_TIME,
    "users": {"version": 1795971150285},
    "user_scheduling_availability": {"version": 1795971150285},
}
"""What it wrote at the end of a run over `made()`."""
KILLED = {
    "bookings": {
        "checkpoint": {
            "version": 1795971151642,
            "streams": ["bookings"],
            "kind": "last_updated_time",
            "began": "2026-11-29T16:52:29.972Z",
            "newest": "2026-02-25T15:30:00.442Z",
            "cursors": ["BKNG-520F913E7B23", "BKNG-BB8E235E40D3", "BKNG-250CB4FD14C3"],
            "firsts": [
                ["BKNG-B31DA117A61A", "2025-10-31T15:00:19.488Z"],
                ["BKNG-1C9C33347DB8", "2025-07-04T10:30:41.030Z"],
                ["BKNG-861AC565331A", "2025-02-06T15:45:18.546Z"],
            ],
        }
    }
}
"""What it wrote before it was killed on its fourth page."""


def made() -> Account:
    return Account(seed=4, bookings=60, users=9, nasty=False, now="2026-03-01T12:00:00Z")


def test_its_bookmarks_go_on() -> None:
    account = made()
    settings = {"page_size": 10, "emit_activate_version_messages": True}
    with Sandbox(account, key=programs.KEY) as api:
        made_for = programs.settings_for(api.url, **settings)
        edited = account.edit("bookings", account.objects("bookings")[30]["id"], subject="edited")
        run = inside.run(made_for, inside.catalog(*STREAMS), {"bookmarks": COMPLETE})
        assert api.count("/bookings") == 1 + 9  # and one for each host
    assert run.ended == "well"
    assert edited in {row["id"] for row in run.records("bookings")}
    assert len(run.records("bookings")) < 10
    assert len(run.records("users")) == 9
    # A full pass is due in full_pass_days, and not at once.
    assert "ACTIVATE_VERSION" not in dict(run.versions("bookings"))
    assert run.states[-1]["bookmarks"]["bookings"]["full_pass"]


def test_its_checkpoint_is_ignored() -> None:
    account = made()
    with Sandbox(account, key=programs.KEY) as api:
        settings = programs.settings_for(api.url, page_size=10)
        run = inside.run(settings, inside.catalog("bookings"), {"bookmarks": KILLED})
    assert run.ended == "well"
    assert len(run.records("bookings")) == 60
    assert "checkpoint" not in str(run.states)


@pytest.mark.parametrize("after", [None, 30])
def test_it_goes_on_from_our_state(tmp_path: Path, after: int | None) -> None:
    archive = ["/usr/bin/env", "git", "archive", "--format=tar", OLD, "tap_oncehub"]
    found = subprocess.run(archive, cwd=programs.ROOT, check=False, capture_output=True)
    if found.returncode:
        pytest.skip(f"{OLD} is not in this copy of the repository")
    subprocess.run(["/bin/tar", "-x", "-C", tmp_path], input=found.stdout, check=True)
    account = made()
    account.clock.offset_seconds = -3600
    with Sandbox(account, key=programs.KEY) as api:
        settings = programs.settings_for(api.url, page_size=10)
        catalog = inside.catalog(*STREAMS)
        ours = inside.run(settings, catalog, kill_after=after)
        account.clock.offset_seconds += timedelta(minutes=5).total_seconds()
        edited = account.edit("bookings", account.objects("bookings")[30]["id"], subject="edited")
        env = {"PYTHONPATH": str(tmp_path)}
        theirs = programs.run_tap(
            tmp_path, settings, state=ours.states[-1], catalog=catalog, env=env
        )
        assert theirs.status == 0, theirs.log
        again = inside.run(settings, catalog, theirs.state)
    assert again.ended == "well"
    loaded = inside.Warehouse()
    for messages in (ours.messages, theirs.messages, again.messages):
        loaded.load(messages)
    loaded.assert_current("bookings", account.objects("bookings"))
    rows = {row["id"] for row in theirs.records("bookings")}
    assert edited in rows
    assert len(rows) == 60 if after else len(rows) < 10
