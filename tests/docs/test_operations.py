"""docs/operations.md: its commands, queries and log lines, in real runs."""

from __future__ import annotations

import re
import subprocess
import sys
import typing as t
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone

import duckdb
import pytest
import yaml

from sandbox import Account, Sandbox
from tests.support import programs
from tests.support.project import Project, blocks

if t.TYPE_CHECKING:
    from pathlib import Path

PAGE = programs.ROOT.joinpath("docs/operations.md").read_text("utf-8")
LINES = re.findall(r"^\| (ERROR|WARNING) \| `(.+?)` \|", PAGE, re.MULTILINE)
CRON = re.search(r"^ {4}(\S+ \S+ \S+ \S+ \S+) (cd .*)$", PAGE, re.MULTILINE)
BUG = """
from tap_oncehub.__main__ import main
from tap_oncehub.tap import TapOnceHub

TapOnceHub.sync_all = None
main()
"""
TYPOS = {"start_dat": "2026-01-01", "start_date": "2999-01-01"}
NULLS = {"TAP_ONCEHUB_STREAM_MAPS": '{"teams.name": null}'}
"""As Meltano passes them on."""
WRONG = (  # settings, switches of the sandbox, what all requests are answered with
    ({"api_key": "another"}, {}, None),
    ({}, {"plan_without_api": True}, None),
    ({}, {}, 429),
    ({"api_url": "http://127.0.0.1:9"}, {}, None),
)


def play(folder: Path, settings: dict[str, t.Any], switches: dict[str, t.Any], fault: t.Any) -> str:
    with Sandbox(Account(seed=1, bookings=20), key=programs.KEY, **switches) as api:
        if fault:
            api.faults.add(fault, times=None)
        made = {"max_wait_seconds": 1, "rate_limit_window_seconds": 1} | settings
        return programs.run_tap(folder, programs.settings_for(api.url, **made)).log


def play_much_at_once(folder: Path) -> str:
    account = Account(seed=1, bookings=20)
    account.edit("contacts", account.objects("contacts")[0]["id"], employees="many", colour="red")
    account.edit("webhooks", account.objects("webhooks")[0]["id"], id=None)
    with Sandbox(account, key=programs.KEY) as api:
        api.faults.add("503", "/teams", times=None)
        settings = programs.settings_for(api.url, max_wait_seconds=1)
        state = {"bookmarks": {"users": {"resume": {"of": "another program"}}}}
        log = programs.run_tap(folder, settings, state=state).log
        command = programs.tap_command(folder, settings | TYPOS)[1:]
        return log + programs.run([sys.executable, "-c", BUG, *command], **NULLS).log


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the tap says where much goes wrong."""
    with ThreadPoolExecutor(3) as pool:
        runs = [pool.submit(play, tmp_path_factory.mktemp("wrong"), *wrong) for wrong in WRONG]
        much = play_much_at_once(tmp_path_factory.mktemp("much"))
        return "\n".join([much, *(run.result() for run in runs)])


@pytest.mark.parametrize(("level", "text"), LINES)
def test_a_line_worth_an_alert_is_said_with_its_level(log: str, level: str, text: str) -> None:
    said = [line for line in log.splitlines() if text in line]
    assert said, log
    assert all(f"| {level}" in line for line in said)


@pytest.mark.slow
def test_cron_starts_the_schedule(tmp_path: Path) -> None:
    assert CRON
    minute, *rest = CRON[1].split()
    assert 0 <= int(minute) < 60
    assert rest == ["*"] * 4
    with Sandbox(Account(seed=1, bookings=20), key=programs.KEY) as api:
        project = Project(tmp_path / "project", api.url)
        (project.folder / ".venv").symlink_to(programs.ROOT / ".venv")
        command = CRON[2].replace("/path/to/project", str(project.folder))
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            capture_output=True,
            check=False,
            env=programs.environment(**project._variables, **project.pace),
            timeout=programs.PATIENCE,
        )
    log = (project.folder / "output/run.log").read_text()
    assert (done.returncode, done.stdout) == (0, b""), log
    assert project.state["bookmarks"]["bookings"]["replication_key_value"]
    with duckdb.connect(str(project.database), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM oncehub.bookings").fetchall() == [(20,)]


def test_the_schedule_and_its_job_are_there() -> None:
    project = yaml.safe_load(programs.ROOT.joinpath("meltano.yml").read_text("utf-8"))
    names = {item["name"] for kind in ("jobs", "schedules") for item in project[kind]}
    assert {"oncehub-hourly", "oncehub-to-duckdb"} <= names


def test_the_queries_for_freshness(tmp_path: Path) -> None:
    fresh, alarm = blocks("operations.md", "sql")
    account = Account(seed=2, bookings=30, nasty=False)
    file = tmp_path / "warehouse.duckdb"
    with Sandbox(account, key=programs.KEY) as api:
        settings = programs.settings_for(api.url)
        first = programs.run_tap(tmp_path, settings)
        programs.load(tmp_path, first.output)
        before = answers(file, fresh)
        began = datetime.now(timezone.utc).replace(tzinfo=None)
        second = programs.run_tap(tmp_path, settings, state=first.state)
        programs.load(tmp_path, second.output)
    after = answers(file, fresh)
    newest = max(item["last_updated_time"] for item in account.objects("bookings"))
    assert after["bookings"][1].isoformat()[:19] == newest[:19]
    assert set(after) == {"users", "bookings", "contacts", "sms_notifications"}
    # Nothing has changed since, and yet every stream says that there was a run.
    for stream, (loaded, latest) in after.items():
        assert loaded > began > before[stream][0]
        assert latest == before[stream][1]
    with duckdb.connect(str(file)) as connection:
        assert connection.execute(alarm).fetchall() == []
        old = "SET _sdc_extracted_at = _sdc_extracted_at - INTERVAL 3 HOURS"
        connection.execute(f"UPDATE oncehub.users {old}")
        assert len(connection.execute(alarm).fetchall()) == 1


def answers(file: Path, query: str) -> dict[str, list[datetime]]:
    with duckdb.connect(str(file), read_only=True) as connection:
        return {row[0]: list(row[1:]) for row in connection.execute(query).fetchall()}
