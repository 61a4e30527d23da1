"""What `make run` and its like decide and show; as processes: tests/end_to_end/test_make_run.py."""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from scripts import warehouse
from scripts.meltano import parse, say
from scripts.warehouse import KEY
from tests.support.programs import ROOT

FILE = "TARGET_DUCKDB_FILEPATH"


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr("os.environ", os.environ.copy())  # .env is read into it
    for name in (KEY, "MELTANO_ENVIRONMENT", FILE):
        monkeypatch.delenv(name, raising=False)
    shutil.copy(ROOT / "meltano.yml", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("exported", "in_file", "chosen"),
    [
        ({}, "", ("demo", "output/demo.duckdb")),
        ({}, f"{KEY}=k", ("dev", "output/warehouse.duckdb")),
        ({KEY: ' "" '}, f"{KEY}=k", ("demo", "output/demo.duckdb")),
        ({"MELTANO_ENVIRONMENT": "prod"}, "", ("prod", "output/warehouse_prod.duckdb")),
        ({KEY: "k", "MELTANO_ENVIRONMENT": "demo"}, "", ("demo", "output/demo.duckdb")),
        ({KEY: "k", FILE: "a b.duckdb"}, "", ("dev", "a b.duckdb")),
        ({FILE: "mine.duckdb"}, "", ("demo", "output/demo.duckdb")),
        ({"MELTANO_ENVIRONMENT": "staging"}, "", None),
        ({KEY: "k", FILE: "md:mine"}, "", None),
    ],
)
def test_account_is_the_environments(
    monkeypatch: pytest.MonkeyPatch,
    project: Path,
    exported: dict[str, str],
    in_file: str,
    chosen: tuple[str, str] | None,
) -> None:
    (project / ".env").write_text(in_file)
    for name, value in exported.items():
        monkeypatch.setenv(name, value)
    if chosen:
        environment, file = chosen
        assert warehouse.chosen(project) == (environment, project / file)
    else:
        with pytest.raises(SystemExit, match=r"staging|md:mine"):
            warehouse.chosen(project)


@pytest.mark.parametrize("line", ["Traceback (most recent call last):", "[1]", "{", "12"])
def test_line_that_is_no_entry_is_shown_as_it_is(line: str) -> None:
    assert parse(line) == {"event": line, "raw": True}


def test_said_line_width(capsys: pytest.CaptureFixture[str]) -> None:
    say("12:00:00  ERROR: " + "word " * 60)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 120
    assert " ".join(lines).split() == ["12:00:00", "ERROR:", *["word"] * 60]


def test_status_into_a_closed_pipe(project: Path) -> None:
    (project / ".meltano").mkdir()
    with closing(sqlite3.connect(project / ".meltano/meltano.db")) as connection:
        connection.executescript(
            "CREATE TABLE runs (job_name, state, started_at, ended_at, payload);"
            "CREATE TABLE state (state_id, completed_state, partial_state);"
            "INSERT INTO runs SELECT 'demo:tap-oncehub-to-target-duckdb', value, key, NULL, NULL "
            """FROM json_each('["SUCCESS", "FAIL"]')"""
        )
    command, environment = [sys.executable, "-m", "scripts", "status"], {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=project, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
