"""Record what Meltano, the SDK, DuckDB and dbt say in real runs, as each of the files here.

`.venv/bin/python -m tests.observed.record` records anew; test_observed.py says what has changed.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import yaml

from sandbox import Account, Sandbox
from tests.support import files, kills, programs
from tests.support.project import Project

FOLDER = Path(__file__).parent
DBT = programs.ROOT / ".meltano/utilities/dbt-duckdb/venv/bin/dbt"
PAIR = ("tap-oncehub", "target-duckdb")
KEPT = ("name", "level", "event", "metric_info", "plugin_exception")
CHANGES = (
    (re.escape(os.path.realpath(sys.executable)), "PYTHON"),
    (r"[\w/.:-]*(?=/(project|output|\.meltano|\.venv|site-packages)\b)", ""),
    (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}\b|\breq_\w+|\b[A-Z]+-[0-9A-Z]{4,}\b", "ID"),
    (r"\d{4}-\d\d-\d\d[T ][\d:.]+(Z|[+-]\d\d:?\d\d)?", "TIME"),
    (r"Linux \(\w+\)", "SYSTEM"),
    (r"\d[\d,.]*\d|\d", "N"),
    (r"N (record|request)\b", r"N \1s"),
)
"""What differs from run to run, and what stands for it."""
BUG = f"""#!{sys.executable}
from tap_oncehub.__main__ import main
from tap_oncehub.tap import TapOnceHub

TapOnceHub.sync_all = None
main()
"""


def plain(text: str) -> str:
    """Give a text without what is of one run only."""
    for pattern, stands_for in CHANGES:
        text = re.sub(pattern, stands_for, text)
    return text


def entry(line: str) -> str:
    """Give what a line of a log in JSON says to people, in one form; of a plain line all."""
    try:
        found = json.loads(line)
        if "info" in found:  # dbt's
            info = found["info"]
            said = info["msg"] if info["level"] in {"warn", "error"} else ""
            return plain(f"dbt {info['level']} {info['name']} {said}")
        kept = {key: found[key] for key in KEPT if key in found}
    except (ValueError, TypeError):
        return plain(line)
    if stats := found.get("stream_stats"):
        kept["stream_stats"] = {key: stats[key] for key in ("stream", "is_absent")}
    kept |= {key: {} for key in ("run_stats", "progress") if key in found}
    if metric := kept.pop("metric_info", None):
        kept["metric_info"] = metric["metric"]
    if exception := kept.pop("plugin_exception", None):
        kept["plugin_exception"] = {key: exception[key] for key in ("type", "message")}
    return plain(json.dumps(kept))


class Recorder:
    """A project, its account, and where to write what was said."""

    def __init__(self, folder: Path, api: Sandbox, into: Path) -> None:
        """Copy the project."""
        self._into = into
        self._project = Project(folder / "project", api.url)
        self._project.pace["TARGET_DUCKDB_LOCK_WAIT_SECONDS"] = "0"
        self._project.pace["TAP_ONCEHUB_MAX_WAIT_SECONDS"] = "1"
        self._api = api

    def all(self) -> None:
        """Let happen what may."""
        project, api = self._project, self._api
        self._run("first")
        self._run("second")
        self._run("wrong_key", TAP_ONCEHUB_API_KEY="another")
        fault = api.faults.add("503", "/teams", times=None)
        self._run("failing_stream")
        fault.times = 0
        with files.held(project.database):
            self._run("loader_refused")
        self._interrupt("interrupted")
        self._break()
        self._run("bug")
        self._duckdb("held_file")
        self._dbt("dbt_build")
        project.database.unlink()
        self._dbt("dbt_without_tables")

    def _command(self, *arguments: str) -> list[str]:
        return [str(programs.MELTANO), *arguments]

    def _environment(self) -> dict[str, str]:
        return self._project._variables | self._project.pace

    def _run(self, name: str, **more: str) -> None:
        command = self._command("--log-format=json", "run", "--force", *PAIR)
        run = programs.run(command, self._project.folder, **self._environment() | more)
        self._keep(name, run.log + run.output.decode())

    def _interrupt(self, name: str) -> None:
        command = self._command("--log-format=json", "run", "--full-refresh", "--force", *PAIR)
        log = self._project.log
        with (
            kills.holding_back(self._api, "/bookings", 0) as has_come,
            programs.start(command, self._project.folder, log, **self._environment()) as run,
        ):
            kills.wait_for(has_come, run, log)
            told = [json.loads(line) for line in log.read_text().splitlines()]
            os.kill(next(line["pid"] for line in told if line.get("producer")), signal.SIGTERM)
            run.wait(programs.PATIENCE)
        self._keep(name, log.read_text())

    def _break(self) -> None:
        program = self._project.folder / "broken-tap"
        program.write_text(BUG)
        program.chmod(0o700)
        file = self._project.folder / "meltano.yml"
        content = yaml.safe_load(file.read_text("utf-8"))
        content["plugins"]["extractors"][0]["executable"] = str(program)
        file.write_text(yaml.safe_dump(content))

    def _duckdb(self, name: str) -> None:
        code = "import duckdb, sys; duckdb.connect(sys.argv[1])"
        command = [sys.executable, "-c", code, str(self._project.database)]
        with duckdb.connect(str(self._project.database)):
            run = subprocess.run(command, check=False, capture_output=True, encoding="utf-8")
        self._keep(name, run.stderr.splitlines()[-1])

    def _dbt(self, name: str) -> None:
        folder, database = str(self._project.folder / "dbt"), str(self._project.database)
        run = programs.run(
            [str(DBT), "--log-format=json", "build"],
            programs.ROOT / "transform",
            DBT_TARGET="duckdb",
            DBT_TARGET_PATH=folder,
            DBT_LOG_PATH=folder,
            DBT_DUCKDB_FILEPATH=database,
        )
        self._keep(name, run.log + run.output.decode())

    def _keep(self, name: str, log: str) -> None:
        said = dict.fromkeys(map(entry, log.splitlines()))
        (self._into / f"{name}.txt").write_text("\n".join([*said, ""]), "utf-8")


def record(into: Path) -> None:
    """Record all runs, each as a file."""
    account = Account(seed=1, bookings=30, nasty=False, now="2026-03-01T12:00:00Z")
    with TemporaryDirectory() as folder, Sandbox(account, key=programs.KEY) as api:
        Recorder(Path(folder), api, into).all()


if __name__ == "__main__":
    record(FOLDER)
