"""What `make run` and its like decide and show; as processes: tests/end_to_end/test_make_run.py."""

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from scripts import warehouse
from scripts.warehouse import KEY, Snapshot
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


def test_snapshot_counts_new_and_changed(tmp_path: Path) -> None:
    file = tmp_path / "it's.duckdb"
    before = Snapshot(file)
    with duckdb.connect(str(file)) as connection:
        connection.execute(
            "CREATE SCHEMA oncehub; CREATE TABLE oncehub.users AS "
            "SELECT i AS id, 'name' AS name, NULL::TIMESTAMP AS _sdc_deleted_at FROM range(9) t(i)"
        )
    assert before.changes(file) == {"users": 9}
    before = Snapshot(file)
    with duckdb.connect(str(file)) as connection:
        connection.execute(
            "UPDATE oncehub.users SET _sdc_deleted_at = now() WHERE id = 0;"
            "UPDATE oncehub.users SET name = if(id = 1, 'other', name);"
            "INSERT INTO oncehub.users VALUES (10, NULL, NULL);"
            "ALTER TABLE oncehub.users ADD COLUMN new TEXT; CREATE TABLE oncehub.teams (id INT)"
        )
    assert before.changes(file) == {"users": 2, "teams": 0}


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
