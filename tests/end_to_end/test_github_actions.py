"""The steps of orchestrate/github_actions.yml, run as a runner does, with the state in an S3."""

import re
from pathlib import Path

import pytest
import yaml

from sandbox import Account, Sandbox
from tests.support import emulators, programs
from tests.support.postgres import Postgres

WORKFLOW = programs.ROOT / "orchestrate/github_actions.yml"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_next_runner_reads_what_is_new(tmp_path: Path, database: Postgres) -> None:
    job = yaml.safe_load(WORKFLOW.read_text("utf-8"))["jobs"]["load"]
    steps = {step["name"]: step for step in job["steps"] if "run" in step}
    account = Account(seed=3, bookings=150)
    with (
        emulators.s3(tmp_path) as store,
        Sandbox(account, key=programs.KEY) as api,
    ):
        secrets = {"TAP_ONCEHUB_API_KEY": programs.KEY, **store, **database.variables}
        elsewhere = {
            "AWS_ENDPOINT_URL": store["AWS_ENDPOINT_URL"],
            "TARGET_POSTGRES_PORT": str(database.port),
            "TAP_ONCEHUB__SELECT": '["bookings.*"]',
            "TAP_ONCEHUB_API_URL": api.url,
        }
        project = tmp_path / "project"
        programs.check_out(project)

        def run(name: str) -> int:
            """Run a step to its end, on a runner that knows nothing; gives what was asked."""
            project.joinpath(".meltano/meltano.db").unlink(missing_ok=True)
            variables = {
                key: re.sub(r"\$\{\{ secrets\.(\w+) \}\}", lambda found: secrets[found[1]], value)
                for key, value in steps[name].get("env", {}).items()
            }
            command, before = ["/bin/bash", "-e", "-c", steps[name]["run"]], api.count("/bookings")
            log = tmp_path / "log"
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
