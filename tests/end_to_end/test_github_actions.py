"""The steps of orchestrate/github_actions.yml, run as a runner does, with the state in an S3."""

from __future__ import annotations

import re
import shutil
import typing as t

import pytest
import requests
import yaml

from sandbox import Account, Sandbox
from tests.support import emulators, kills, postgres, programs
from tests.support.project import singer_state

if t.TYPE_CHECKING:
    import subprocess
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

WORKFLOW = programs.ROOT / "orchestrate/github_actions.yml"
HURRY = "import singer_sdk.target_base as base; base.Target._MAX_RECORD_AGE_IN_MINUTES = 0"
"""Makes target-postgres tell the state at every record, and not at the first after five minutes."""
SECRET = re.compile(r"\$\{\{ secrets\.(\w+) \}\}")


class Runner:
    """A machine with a checkout, the repository's secrets, and ways to the tests' own servers."""

    def __init__(self, folder: Path, secrets: dict[str, str], **variables: str) -> None:
        """Check out."""
        self.project = folder / "project"
        self.log = folder / "log"
        self._secrets = secrets
        self._variables = variables
        programs.check_out(self.project)
        job = yaml.safe_load(WORKFLOW.read_text("utf-8"))["jobs"]["load"]
        self._steps = {step["name"]: step for step in job["steps"] if "run" in step}

    def start(self, name: str) -> subprocess.Popen[bytes]:
        """Start a step."""
        step = self._steps[name]
        values = {
            key: SECRET.sub(lambda found: self._secrets[found[1]], value)
            for key, value in step.get("env", {}).items()
        }
        # A new runner knows nothing of runs before.
        self.project.joinpath(".meltano/meltano.db").unlink(missing_ok=True)
        command = ["/bin/bash", "-e", "-c", step["run"]]
        return programs.start(command, self.project, self.log, **values, **self._variables)

    def run(self, name: str) -> None:
        """Run a step to its end."""
        with self.start(name) as process:
            status = process.wait(300)
        assert status == 0, self.log.read_text()


def test_the_next_runner_goes_on_where_one_was_killed(tmp_path: Path) -> None:
    account = Account(seed=3, bookings=450)
    with (
        postgres.running() as server,
        emulators.s3(tmp_path) as store,
        Sandbox(account, key=programs.KEY) as api,
    ):
        database = server.new_database("actions")
        name = "dev:tap-oncehub-to-target-postgres"
        state = f"{store['AWS_ENDPOINT_URL']}/{emulators.BUCKET}/oncehub/{name}/state.json"

        def asked(runner: Runner) -> int:
            before = len(api.log)
            runner.run("Load")
            log = api.log.copy()[before:]
            return sum(entry.path.endswith("/bookings") for entry in log)

        runner = Runner(
            tmp_path,
            {"TAP_ONCEHUB_API_KEY": programs.KEY, **store, **database.variables},
            AWS_ENDPOINT_URL=store["AWS_ENDPOINT_URL"],
            TARGET_POSTGRES_PORT=str(database.port),
            TAP_ONCEHUB__SELECT='["bookings.*"]',
            TAP_ONCEHUB_API_URL=api.url,
            TAP_ONCEHUB_RATE_LIMIT_PER_SECOND="0",
            TAP_ONCEHUB_RATE_LIMIT_PER_WINDOW="0",
        )
        runner.run("Install")
        packages = ".meltano/loaders/target-postgres/venv/lib/python*/site-packages"
        next(runner.project.glob(packages)).joinpath("hurry.pth").write_text(HURRY)
        kills.kill_in_the_bookings(
            api,
            lambda: runner.start("Load"),
            lambda: singer_state(requests.get(state, timeout=9).text),
        )

        whole = programs.pages_of(450)
        assert 0 < asked(runner) < whole
        keys = {row["id"] for row in database.rows("oncehub.bookings", "id")}
        assert keys == {booking["id"] for booking in account.objects("bookings")}

        edited = account.objects("bookings")[7]["id"]
        account.edit("bookings", edited, subject="edited")
        assert asked(runner) == 1
        found = {row["id"]: row["subject"] for row in database.rows("oncehub.bookings")}
        assert found[edited] == "edited"
    shutil.rmtree(runner.project)
