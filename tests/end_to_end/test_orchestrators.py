"""Airflow, Dagster, and a runner's shell run the files of orchestrate/ for real."""

import os
import re
from pathlib import Path

import pytest
import yaml

from sandbox import Account, Sandbox
from tests.support import emulators, programs, warehouse
from tests.support.postgres import Postgres
from tests.support.project import Project

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ORCHESTRATE = programs.ROOT / "orchestrate"


AIRFLOW = ("apache-airflow==3.3.2", "airflow_dag.py", "minutes=10", "seconds=1")
DAGSTER = ("dagster==1.13.29", "dagster_job.py", "delay=600", "delay=1")
EXECUTE = "dagster job execute -f dags/dagster_job.py -j load_oncehub"


@pytest.mark.parametrize(
    ("files", "commands"),
    [
        (AIRFLOW, ["airflow db migrate", "airflow dags test oncehub"]),
        (DAGSTER, [EXECUTE]),
    ],
    ids=["airflow", "dagster"],
)
def test_retry_loads_what_is_left_and_gives_up_in_the_end(
    tmp_path: Path, files: tuple[str, str, str, str], commands: list[str]
) -> None:
    package, file, delay, at_once = files
    venv = programs.install(tmp_path / "venv", package)
    text = ORCHESTRATE.joinpath(file).read_text("utf-8")
    assert delay in text
    dags, log = tmp_path / "dags", tmp_path / "log"
    dags.mkdir()
    (dags / file).write_text(text.replace(delay, at_once))
    account = Account(seed=3, bookings=30)
    with Sandbox(account, key=programs.KEY) as api:
        project = Project(tmp_path / "project", api.url)
        homes = dict.fromkeys(("AIRFLOW_HOME", "DAGSTER_HOME"), str(tmp_path))
        dags_here = {"AIRFLOW__CORE__DAGS_FOLDER": str(dags), "DAGSTER_DISABLE_TELEMETRY": "true"}
        quiet = {"AIRFLOW__CORE__LOAD_EXAMPLES": "False", "PATH": f"{venv}:{os.environ['PATH']}"}
        variables = project.variables | homes | dags_here | quiet

        def run(command: str) -> tuple[int, str]:
            program, *arguments = command.split()
            words, more = (
                [str(venv / program), *arguments],
                {"ONCEHUB_PROJECT": str(project.folder)},
            )
            with programs.start(words, tmp_path, log, **variables, **more) as process:
                return process.wait(300), log.read_text()

        *before, command = commands
        assert [run(one)[0] for one in before] == [0] * len(before)
        fault = api.faults.add("400", "/bookings", times=1)
        status, said = run(command)
        assert (status, fault.hits) == (0, 1), said
        assert api.count("/teams") == 2, "the second try loads every list anew"
        warehouse.assert_equal(project.database, "bookings", account.objects("bookings"))
        api.faults.add("400", "/bookings", times=None)
        status, said = run(command)
        assert status != 0, said
        assert api.count("/teams") == 2 + 3, "a try and two retries"


def test_the_next_runner_of_github_reads_what_is_new(tmp_path: Path, database: Postgres) -> None:
    """The steps of github_actions.yml, with the state in an S3."""
    text = ORCHESTRATE.joinpath("github_actions.yml").read_text("utf-8")
    job = yaml.safe_load(text)["jobs"]["load"]
    steps = {step["name"]: step for step in job["steps"] if "run" in step}
    account = Account(seed=3, bookings=150)
    project, log = tmp_path / "project", tmp_path / "log"
    programs.check_out(project)
    with emulators.s3(tmp_path) as store, Sandbox(account, key=programs.KEY) as api:
        secrets = {"TAP_ONCEHUB_API_KEY": programs.KEY, **store, **database.variables}
        elsewhere = {
            "AWS_ENDPOINT_URL": store["AWS_ENDPOINT_URL"],
            "TARGET_POSTGRES_PORT": str(database.port),
            "TAP_ONCEHUB__SELECT": '["bookings.*"]',
            "TAP_ONCEHUB_API_URL": api.url,
        }

        def run(name: str) -> int:
            """Run a step to its end, on a runner that knows nothing; gives what was asked."""
            project.joinpath(".meltano/meltano.db").unlink(missing_ok=True)
            variables = {
                key: re.sub(r"\$\{\{ secrets\.(\w+) \}\}", lambda found: secrets[found[1]], value)
                for key, value in steps[name].get("env", {}).items()
            }
            command, before = ["/bin/bash", "-e", "-c", steps[name]["run"]], api.count("/bookings")
            with programs.start(command, project, log, **variables, **elsewhere) as process:
                assert process.wait(500) == 0, log.read_text()
            return api.count("/bookings") - before

        run("Install")
        assert run("Load") == programs.pages_of(150)
        edited = account.objects("bookings")[7]["id"]
        account.edit("bookings", edited, subject="edited")
        assert run("Load") == 1
    found = {row["id"]: row["subject"] for row in database.rows("oncehub.bookings")}
    assert found.keys() == {booking["id"] for booking in account.objects("bookings")}
    assert found[edited] == "edited"
