"""What `make run` decides and shows."""

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from scripts import account
from scripts.meltano import last_result, parse, readable
from scripts.screen import Screen
from scripts.warehouse import Snapshot

ROOT = Path(__file__).parents[2]
FILE = "TARGET_DUCKDB_FILEPATH"


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in (account.KEY, "MELTANO_ENVIRONMENT", FILE):
        monkeypatch.delenv(name, raising=False)
    shutil.copy(ROOT / "meltano.yml", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("variable", "key"),
    [("", ""), ("  ", ""), ('""', ""), (None, "from-file"), ("exported", "exported")],
)
def test_setting_key(
    monkeypatch: pytest.MonkeyPatch, project: Path, variable: str | None, key: str
) -> None:
    (project / ".env").write_text(f"{account.KEY}=from-file")
    if variable is not None:
        monkeypatch.setenv(account.KEY, variable)
    assert account.setting(project, account.KEY) == key


@pytest.mark.parametrize(
    ("variables", "chosen"),
    [
        ({}, ("demo", "output/demo.duckdb")),
        ({account.KEY: "k"}, ("dev", "output/warehouse.duckdb")),
        ({"MELTANO_ENVIRONMENT": "prod"}, ("prod", "output/warehouse_prod.duckdb")),
        ({account.KEY: "k", "MELTANO_ENVIRONMENT": "demo"}, ("demo", "output/demo.duckdb")),
        ({account.KEY: "k", FILE: "a b.duckdb"}, ("dev", "a b.duckdb")),
        ({FILE: "mine.duckdb"}, ("demo", "output/demo.duckdb")),
        ({"MELTANO_ENVIRONMENT": "staging"}, None),
        ({account.KEY: "k", FILE: "md:mine"}, None),
    ],
)
def test_account_is_the_environments(
    monkeypatch: pytest.MonkeyPatch,
    project: Path,
    variables: dict[str, str],
    chosen: tuple[str, str] | None,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    if chosen:
        environment, file = chosen
        assert account.chosen(project) == (environment, project / file)
    else:
        with pytest.raises(SystemExit, match=r"staging|md:mine"):
            account.chosen(project)


def test_bug_is_shown_with_its_traceback() -> None:
    frame = {"filename": "x.py", "lineno": 7, "function": "f", "line": "    1 / 0\n"}
    error = {"type": "ZeroDivisionError", "message": "division by zero", "traceback": [frame]}
    entry = {"event": "a bug", "level": "error", "name": "tap", "plugin_exception": error}
    entry["timestamp"] = "2026-03-01T12:00:00Z"
    text = "\n".join(readable(entry))
    assert text.index('File "x.py", line 7, in f') < text.index("1 / 0")
    assert text.endswith("\nZeroDivisionError: division by zero")


@pytest.mark.parametrize("line", ["Traceback (most recent call last):", "[1]", "{", "12"])
def test_line_that_is_no_entry_is_shown_as_it_is(line: str) -> None:
    assert list(readable(parse(line))) == [line]


def test_screen_width(capsys: pytest.CaptureFixture[str]) -> None:
    Screen().line("12:00:00  ERROR: " + "word " * 60)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 120
    assert " ".join(lines).split() == ["12:00:00", "ERROR:", *["word"] * 60]


def test_snapshot_counts_new_and_changed(tmp_path: Path) -> None:
    file = tmp_path / "it's.duckdb"
    before = Snapshot(file)
    with duckdb.connect(str(file)) as connection:
        connection.execute(
            "CREATE SCHEMA oncehub; CREATE TABLE oncehub.users AS "
            "SELECT i AS id, 'name' AS name, NULL::TIMESTAMP AS _sdc_deleted_at FROM range(9) t(i)"
        )
    assert before.changes() == {"users": 9}
    before = Snapshot(file)
    with duckdb.connect(str(file)) as connection:
        connection.execute(
            "UPDATE oncehub.users SET _sdc_deleted_at = now() WHERE id = 0;"
            "UPDATE oncehub.users SET name = 'other' WHERE id = 1;"
            "UPDATE oncehub.users SET name = 'name' WHERE id = 2;"
            "INSERT INTO oncehub.users VALUES (10, NULL, NULL);"
            "ALTER TABLE oncehub.users ADD COLUMN new TEXT; CREATE TABLE oncehub.teams (id INT)"
        )
    assert before.changes() == {"users": 2, "teams": 0}


@pytest.fixture
def runs(project: Path) -> Path:
    """A project in which the last of two runs has failed, as Meltano notes it."""
    database = project / ".meltano/meltano.db"
    database.parent.mkdir()
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE runs (job_name, state, started_at, ended_at, payload)")
        connection.execute("CREATE TABLE state (state_id, completed_state, partial_state)")
        for day, state in (("01", "SUCCESS"), ("02", "FAIL")):
            row = ("demo:tap-oncehub-to-target-duckdb", state, f"2026-11-{day} 10:00:00")
            connection.execute("INSERT INTO runs VALUES (?, ?, ?, NULL, NULL)", row)
        connection.commit()
    return project


def test_last_result(runs: Path) -> None:
    assert last_result(runs, "demo") == "fail"
    assert last_result(runs, "prod") is None


def test_status_into_a_closed_pipe(runs: Path) -> None:
    command = [sys.executable, "-m", "scripts.status"]
    environment = {"PYTHONPATH": str(ROOT)}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=runs, env=environment, stdout=pipe, stderr=pipe) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.stderr.read() == b""
