"""What `make run` and its like decide and show; as processes: tests/end_to_end/test_make_run.py."""

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from scripts import warehouse
from scripts.warehouse import KEY
from tests.support.programs import ROOT

FILE = "TARGET_DUCKDB_FILEPATH"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "meltano.yml", tmp_path)
    return tmp_path


# What is exported, what stands in .env, and the environment and file that follow, or an error.
ACCOUNTS: list[tuple[dict[str, str], str, str, str]] = [
    ({}, "", "demo", "output/demo.duckdb"),
    ({}, f"{KEY}=k", "dev", "output/warehouse.duckdb"),
    ({KEY: ' "" '}, f"{KEY}=k", "demo", "output/demo.duckdb"),
    ({"MELTANO_ENVIRONMENT": "prod"}, "", "prod", "output/warehouse_prod.duckdb"),
    ({KEY: "k", "MELTANO_ENVIRONMENT": "demo"}, "", "demo", "output/demo.duckdb"),
    ({KEY: "k", FILE: "a b.duckdb"}, "", "dev", "a b.duckdb"),
    ({FILE: "mine.duckdb"}, "", "demo", "output/demo.duckdb"),
    ({"MELTANO_ENVIRONMENT": "staging"}, "", "", "no environment 'staging'"),
    ({KEY: "k", FILE: "md:mine"}, "", "", "md:mine is not a DuckDB file"),
]


def test_account_is_the_environments(project: Path) -> None:
    for exported, in_file, environment, file in ACCOUNTS:
        (project / ".env").write_text(in_file)
        with pytest.MonkeyPatch.context() as patch:
            for name in (KEY, "MELTANO_ENVIRONMENT", FILE):
                patch.setenv(name, exported.get(name, ""))
                if name not in exported:
                    patch.delenv(name)  # until .env is read
            if environment:
                assert warehouse.chosen(project) == (environment, project / file)
            else:
                with pytest.raises(SystemExit, match=file):
                    warehouse.chosen(project)


def test_status_into_a_closed_pipe(project: Path) -> None:
    (project / ".meltano").mkdir()
    with closing(sqlite3.connect(project / ".meltano/meltano.db")) as connection:
        connection.executescript(
            "CREATE TABLE runs (job_name, state, started_at, ended_at, payload);"
            "CREATE TABLE state (state_id, completed_state, partial_state);"
            "INSERT INTO runs SELECT 'demo:tap-oncehub-to-target-duckdb', value, key, NULL, NULL "
            """FROM json_each('["SUCCESS", "FAIL"]')"""
        )
    command, pipe = [sys.executable, "-m", "scripts", "status"], subprocess.PIPE
    more = {"cwd": project, "env": {"PYTHONPATH": str(ROOT)}, "stdout": pipe, "stderr": pipe}
    with subprocess.Popen(command, **more) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
