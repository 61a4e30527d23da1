"""Airflow and Dagster run the pipeline of orchestrate/ for real."""

from __future__ import annotations

import os
import sqlite3
import typing as t
from contextlib import closing

import pytest

from sandbox import Account, Sandbox
from tests.support import kills, programs
from tests.support.project import Project
from tests.support.warehouse import rows

if t.TYPE_CHECKING:
    import subprocess
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PACKAGES = {"airflow": "apache-airflow==3.3.2", "dagster": "dagster==1.13.29"}
FILES = {"airflow": "airflow_dag.py", "dagster": "dagster_job.py"}
COMMANDS = {
    "airflow": ("airflow", "dags", "test", "oncehub"),
    "dagster": ("dagster", "job", "execute", "-f", "dags/dagster_job.py", "-j", "load_oncehub"),
}
SOON = {"airflow": ("minutes=10", "seconds=1"), "dagster": ("delay=600", "delay=1")}
"""A test does not wait ten minutes for a retry."""


class Orchestrator:
    """A program in an environment of its own, and a project that it runs."""

    def __init__(self, name: str, folder: Path, programs_of_it: Path, url: str) -> None:
        """Copy the project."""
        self.project = Project(folder / "project", url)
        (self.project.folder / ".venv").symlink_to(programs.ROOT / ".venv")
        (folder / "dags").mkdir()
        text = programs.ROOT.joinpath("orchestrate", FILES[name]).read_text("utf-8")
        assert SOON[name][0] in text
        (folder / "dags" / FILES[name]).write_text(text.replace(*SOON[name]))
        (folder / "home").mkdir()
        self.folder = folder
        program, *arguments = COMMANDS[name]
        self.command = [str(programs_of_it / program), *arguments]
        self.variables = {
            **self.project._variables,
            "TAP_ONCEHUB_RATE_LIMIT_PER_SECOND": "0",
            "TARGET_DUCKDB_BATCH_SIZE_ROWS": "50",
            "ONCEHUB_PROJECT": str(self.project.folder),
            "AIRFLOW_HOME": str(folder / "home"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
            "SCARF_ANALYTICS": "False",
            "DAGSTER_HOME": str(folder / "home"),
            "DAGSTER_DISABLE_TELEMETRY": "true",
            "PATH": f"{programs_of_it}:{os.environ['PATH']}",
        }
        if name == "airflow":
            migrate = [str(programs_of_it / "airflow"), "db", "migrate"]
            made = programs.run(migrate, folder, **self.variables)
            assert made.status == 0, made.log

    def start(self) -> subprocess.Popen[bytes]:
        """Start a run."""
        return programs.start(self.command, self.folder, self.folder / "log", **self.variables)

    def run(self) -> tuple[int, str]:
        """Run to the end."""
        with self.start() as process:
            status = process.wait(300)
        return status, (self.folder / "log").read_text()

    def pass_ten_minutes(self) -> None:
        """Make Meltano see its latest run as if it was ten minutes ago."""
        with closing(sqlite3.connect(self.project.folder / ".meltano/meltano.db")) as database:
            earlier = "datetime(last_heartbeat_at, '-10 minutes')"
            assert database.execute(f"UPDATE runs SET last_heartbeat_at = {earlier}").rowcount
            database.commit()


@pytest.fixture(params=list(PACKAGES), scope="module")
def installed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    venv = tmp_path_factory.mktemp(request.param) / "venv"
    return request.param, programs.install(venv, PACKAGES[request.param])


def test_it_runs_fails_and_goes_on_after_a_kill(
    installed: tuple[str, Path], tmp_path: Path
) -> None:
    name, programs_of_it = installed
    account = Account(seed=3, bookings=450)
    with Sandbox(account, key=programs.KEY) as api:
        orchestrator = Orchestrator(name, tmp_path, programs_of_it, api.url)
        kills.kill_in_the_bookings(api, orchestrator.start, lambda: orchestrator.project.state)
        before = len(api.log)
        status, log = orchestrator.run()
        assert status != 0, log
        assert len(api.log) == before, "beside one that may still be in progress"
        orchestrator.pass_ten_minutes()
        status, log = orchestrator.run()
        assert status == 0, log
        asked = [entry for entry in api.log.copy()[before:] if entry.path.endswith("/bookings")]
        assert 0 < len(asked) < 5
        found = rows(orchestrator.project.database, "bookings")
        assert {key for (key,) in found} == {b["id"] for b in account.objects("bookings")}

        fault = api.faults.add("400", "/users", times=2)
        api.reset_log()
        status, log = orchestrator.run()
        assert (status, fault.hits, api.count("/test")) == (0, 2, 3), log  # by two retries
