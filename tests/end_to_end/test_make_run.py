"""`make run`, `make status` and `make check`, as processes, in a path with a blank."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from sandbox import Account, Sandbox
from tests.observed.shown import not_to_be_shown
from tests.support import kills, programs
from tests.support.postgres import Postgres
from tests.support.project import Project

pytestmark = pytest.mark.timeout(240)


class Runner:
    """A project of its own, with Meltano's usual state, and an account."""

    def __init__(self, folder: Path, api: Sandbox) -> None:
        project = Project(folder, api.url, TAP_ONCEHUB_PAGE_SIZE="20")
        self.folder, self.account, self.api = project.folder, project.variables, api
        self.log = project.log
        del self.account["MELTANO_STATE_BACKEND_URI"]

    def start(self, module: str = "run", **variables: str) -> subprocess.Popen[bytes]:
        command, path = [sys.executable, "-m", "scripts", module], str(programs.ROOT)
        return programs.start(command, self.folder, self.log, PYTHONPATH=path, **variables)

    def run(self, module: str = "run", *, status: int = 0, **variables: str) -> str:
        with self.start(module, **variables) as process:
            run = programs.Run(process.wait(programs.PATIENCE), b"", self.log.read_text())
        assert run.status == status, run.log
        return run.log

    def bookings(self, file: str) -> int:
        with duckdb.connect(str(self.folder / "output" / file), read_only=True) as connection:
            ((found,),) = connection.execute("SELECT count(*) FROM oncehub.bookings").fetchall()
        return int(found)


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    with Sandbox(Account(seed=6, bookings=90), key=programs.KEY) as api:
        yield Runner(tmp_path / "a project", api)


def test_sample_data_and_an_account_have_a_file_and_a_state_each(runner: Runner) -> None:
    assert runner.run("status", status=1) == "Nothing has run yet: `make run`\n"
    shown = runner.run(HTTP_PROXY="http://127.0.0.1:9")  # nothing for a loopback address
    assert "SAMPLE DATA" in shown
    private = [*runner.folder.glob("output/*"), runner.folder / ".meltano"]
    assert not [file for file in private if file.stat().st_mode & 0o077]
    lines = shown.splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 120
    assert re.search(r"^bookings +2,000 +2,000 +\d{4}-", shown, re.MULTILINE)
    assert re.search(r"^webhook_events +not in this account$", shown, re.MULTILINE)
    assert re.search(r"^\d+ requests; the next run needs at least \d+\.$", shown, re.MULTILINE)
    assert not_to_be_shown(lines) == []
    assert "SAMPLE DATA" not in runner.run(**runner.account)
    assert (runner.bookings("demo.duckdb"), runner.bookings("warehouse.duckdb")) == (2000, 90)
    shown = runner.run("status")
    for text in ("dev:tap-oncehub", "demo:tap-oncehub", "success", "2,000", "up to (UTC)"):
        assert text in shown
    # While the file is open elsewhere; the assistant only reads, as status does.
    patience = runner.account | {"TARGET_DUCKDB_LOCK_WAIT_SECONDS": "1"}
    who = rf"output/warehouse\.duckdb is open in python\S* \(PID {os.getpid()}\)"
    for read_only, modules in ((True, ("run",)), (False, ("models", "assistant"))):
        file = str(runner.folder / "output/warehouse.duckdb")
        with closing(duckdb.connect(file, read_only=read_only)):
            for module in modules:
                waiting, told = runner.run(module, status=1, **patience).splitlines()
                assert re.fullmatch(f"{who}, waiting up to 1 seconds?", waiting)
                assert re.fullmatch(f"{who}: close it there and run again; nothing is lost", told)
            assert read_only != bool(re.search(who, runner.run("status", **patience)))


@pytest.mark.slow
def test_stopped_run_resumes_and_a_file_that_is_gone_is_read_anew(runner: Runner) -> None:
    for number in (signal.SIGKILL, signal.SIGTERM):  # a shell may have switched off Ctrl-C
        with (
            kills.holding_back(runner.api, "/bookings", 3) as asked,
            runner.start(**runner.account) as run,  # at once, though one was killed
        ):
            kills.wait_for(asked, run)
            children = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
            run.send_signal(number)
            for child in children * (number == signal.SIGKILL):
                os.killpg(int(child), number)
            run.wait(programs.PATIENCE)
    shown = runner.log.read_text()
    assert run.returncode == 130
    assert re.fullmatch("Interrupted; .* resumes .*", shown.splitlines()[-1])
    assert len(re.findall("nterrupt", shown)) == 1
    runner.run(**runner.account)
    assert re.search(r"^bookings +\d+ +90 ", runner.run(**runner.account), re.MULTILINE)
    # The state says that everything is there; the file that held it is gone.
    (runner.folder / "output/warehouse.duckdb").unlink()
    shown = runner.run(**runner.account)
    assert "output/warehouse.duckdb has no rows: reading the whole account" in shown
    assert runner.bookings("warehouse.duckdb") == 90
    # What another file has got since is missing here.
    runner.run(**runner.account, TARGET_DUCKDB_FILEPATH="output/other.duckdb")
    shown = runner.run(**runner.account)
    assert "output/warehouse.duckdb is not the file of the last run: reading" in shown


def test_check_of_the_key_and_of_postgres(runner: Runner, postgres_server: Postgres) -> None:
    right = runner.account | postgres_server.variables
    key, database = runner.run("check", **right).splitlines()
    assert key == "The API key is valid."
    assert database.startswith("PostgreSQL: loader may load into ")
    assert [entry.path for entry in runner.api.log] == ["/v2/test"]
    for of_key, says, of_database, why in (
        ("another", "does not accept the API key", {"PASSWORD": "not-this"}, "password authentic"),
        ("", "KEY is not set: `make run` loads", {"PORT": "9"}, "Connection refused"),
    ):
        wrong = {f"TARGET_POSTGRES_{name}": value for name, value in of_database.items()}
        wrong["TAP_ONCEHUB_API_KEY"] = of_key
        key, database = runner.run("check", status=1, **right | wrong).splitlines()
        assert says in key
        assert why in database
        assert not {right["TARGET_POSTGRES_PASSWORD"], "not-this"} & set(database.split())
