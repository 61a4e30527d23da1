"""Airflow and Dagster run the files of orchestrate/ for real."""

import os
from pathlib import Path

import pytest

from sandbox import Account, Sandbox
from tests.support import programs, warehouse
from tests.support.project import Project


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("package", "file", "delay", "command"),
    [
        ("apache-airflow==3.3.2", "airflow_dag.py", "minutes=10", "airflow dags test oncehub"),
        (
            "dagster==1.13.29",
            "dagster_job.py",
            "delay=600",
            "dagster job execute -f dags/dagster_job.py -j load_oncehub",
        ),
    ],
)
def test_retry_loads_what_is_left_and_gives_up_in_the_end(
    tmp_path: Path, package: str, file: str, delay: str, command: str
) -> None:
    venv = programs.install(tmp_path / "venv", package)
    account = Account(seed=3, bookings=30)
    with Sandbox(account, key=programs.KEY) as api:
        project = Project(tmp_path / "project", api.url)
        (project.folder / ".venv").symlink_to(programs.ROOT / ".venv")
        dags = tmp_path / "dags"
        dags.mkdir()
        text = programs.ROOT.joinpath("orchestrate", file).read_text("utf-8")
        at_once = text.replace(delay, {"minutes=10": "seconds=1"}.get(delay, "delay=1"))
        assert at_once != text
        (dags / file).write_text(at_once)

        def run(command: str) -> tuple[int, str]:
            log = tmp_path / "log"
            program, *arguments = command.split()
            with programs.start(
                [str(venv / program), *arguments],
                tmp_path,
                log,
                **project.variables,
                ONCEHUB_PROJECT=str(project.folder),
                AIRFLOW_HOME=str(tmp_path),
                AIRFLOW__CORE__DAGS_FOLDER=str(dags),
                AIRFLOW__CORE__LOAD_EXAMPLES="False",
                DAGSTER_HOME=str(tmp_path),
                DAGSTER_DISABLE_TELEMETRY="true",
                PATH=f"{venv}:{os.environ['PATH']}",
            ) as process:
                return process.wait(300), log.read_text()

        if "airflow" in package:
            assert run("airflow db migrate")[0] == 0
        fault = api.faults.add("400", "/bookings", times=1)
        status, log = run(command)
        assert status == 0, log
        assert fault.hits == 1
        assert api.count("/teams") == 2, "the second try loads every list anew"
        warehouse.assert_equal(project.database, "bookings", account.objects("bookings"))
        api.faults.add("400", "/bookings", times=None)
        status, log = run(command)
        assert status != 0, log
        assert api.count("/teams") == 2 + 3, "a try and two retries"
