"""`make run`, `make status` and `make check`, as processes, in a path with a blank."""

import os
import re
import signal
import sqlite3
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
        del self.account["MELTANO_STATE_BACKEND_URI"]

    def start(self, module: str = "run", **variables: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "scripts", module],
            cwd=self.folder,
            env=programs.environment(PYTHONPATH=str(programs.ROOT), **variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )

    def run(self, module: str = "run", *, status: int = 0, **variables: str) -> str:
        with self.start(module, **variables) as process:
            output, _ = process.communicate(timeout=programs.PATIENCE)
        assert programs.Run(process.returncode, b"", output).status == status, output
        return output

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


@pytest.mark.slow
def test_stopped_run_resumes_and_a_file_that_is_gone_is_read_anew(runner: Runner) -> None:
    for number in (
        signal.SIGKILL,
        signal.SIGTERM,
    ):  # as Ctrl-C, which a shell may have switched off
        with (
            kills.holding_back(runner.api, "/bookings", 3) as asked,
            runner.start(**runner.account) as run,  # at once, though one was killed
        ):
            kills.wait_for(asked, run)
            children = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
            run.send_signal(number)
            if number == signal.SIGKILL:
                for child in children:
                    os.killpg(int(child), number)
            shown, _ = run.communicate(timeout=programs.PATIENCE)
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


def test_a_file_that_is_open_elsewhere(runner: Runner) -> None:
    file = runner.folder / "output/warehouse.duckdb"
    duckdb.connect(str(file)).close()
    patience = {"TARGET_DUCKDB_LOCK_WAIT_SECONDS": "2", "TAP_ONCEHUB_API_KEY": "any"}
    with closing(sqlite3.connect(runner.folder / ".meltano/meltano.db")) as connection:
        connection.executescript(
            "CREATE TABLE runs (job_name, state, started_at, ended_at, payload);"
            "CREATE TABLE state (state_id, completed_state, partial_state);"
            "INSERT INTO runs VALUES ('x', 'SUCCESS', '2026-01-01', NULL, NULL)"
        )
    who = rf"output/warehouse\.duckdb is open in python\S* \(PID {os.getpid()}\)"
    # The assistant only reads, as status does.
    for read_only, modules in ((True, ("run",)), (False, ("models", "assistant"))):
        with closing(duckdb.connect(str(file), read_only=read_only)):
            for module in modules:
                waiting, told = runner.run(module, status=1, **patience).splitlines()
                assert re.fullmatch(f"{who}, waiting up to 2 seconds", waiting)
                assert re.fullmatch(f"{who}: close it there and run again; nothing is lost", told)
            shown = runner.run("status", **patience)
            assert read_only != bool(re.search(who, shown))


def test_check_of_the_key(runner: Runner) -> None:
    assert runner.run("check", **runner.account) == "The API key is valid.\n"
    assert [entry.path for entry in runner.api.log] == ["/v2/test"]
    wrong = runner.account | {"TAP_ONCEHUB_API_KEY": "another-key"}
    (line,) = runner.run("check", status=1, **wrong).splitlines()
    assert "OnceHub does not accept the API key" in line


def test_check_of_postgres(runner: Runner, postgres_server: Postgres) -> None:
    right = postgres_server.variables
    assert "PostgreSQL: loader may load into " in runner.run("check", **right)
    for name, value, says in (
        ("PASSWORD", "not-this", "password authentication failed"),
        ("PORT", "9", "Connection refused"),
    ):
        wrong = right | {f"TARGET_POSTGRES_{name}": value}
        _, line = runner.run("check", status=1, **wrong).splitlines()  # the key, PostgreSQL
        assert says in line
        assert not {right["TARGET_POSTGRES_PASSWORD"], "not-this"} & set(line.split())
