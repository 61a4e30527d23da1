"""Record what Meltano, the SDK, DuckDB and dbt say in real runs, as each of the files here.

`.venv/bin/python -m tests.observed.record` records anew; test_observed.py says what has changed.
"""

import json
import os
import re
import signal
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import yaml

from sandbox import Account, Sandbox
from tests.support import kills, programs
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


def record(into: Path) -> None:
    """Let happen what may, and record each run as a file."""
    account = Account(seed=1, bookings=30, nasty=False, now="2026-03-01T12:00:00Z")
    with TemporaryDirectory() as folder, Sandbox(account, key=programs.KEY) as api:
        waits = {"TARGET_DUCKDB_LOCK_WAIT_SECONDS": "0", "TAP_ONCEHUB_MAX_WAIT_SECONDS": "2.4"}
        project = Project(Path(folder, "project"), api.url, **waits)
        meltano = [str(programs.MELTANO), "--log-format=json", "run", "--force", *PAIR]

        def keep(name: str, log: str) -> None:
            said = dict.fromkeys(map(entry, log.splitlines()))
            (into / f"{name}.txt").write_text("\n".join([*said, ""]), "utf-8")

        def run(name: str, command: list[str] = meltano, **more: str) -> None:
            folder = project.folder if command == meltano else programs.ROOT / "transform"
            done = programs.run(command, folder, **project.variables | more)
            keep(name, done.log + done.output.decode())

        run("first")
        run("second")
        run("wrong_selection", TAP_ONCEHUB__SELECT='["bookngs.*"]')
        run("wrong_key", TAP_ONCEHUB_API_KEY="another")
        fault = api.faults.add("503", "/teams", times=None)
        run("failing_stream")
        fault.times = 0
        with kills.held(project.database):
            run("loader_refused")
        keep("interrupted", _interrupted(api, project, [*meltano, "--full-refresh"]))
        _break(project)
        run("bug")
        with duckdb.connect(str(project.database)):
            code = f"import duckdb; duckdb.connect({str(project.database)!r})"
            keep("held_file", programs.run([sys.executable, "-c", code]).log.splitlines()[-1])
        dbt = [str(DBT), "--log-format=json", "build"]
        made = dict.fromkeys(("DBT_TARGET_PATH", "DBT_LOG_PATH"), str(project.folder / "dbt"))
        made |= {"DBT_TARGET": "duckdb", "DBT_DUCKDB_FILEPATH": str(project.database)}
        run("dbt_build", dbt, **made)
        project.database.unlink()
        run("dbt_without_tables", dbt, **made)


def _interrupted(api: Sandbox, project: Project, command: list[str]) -> str:
    """Give what is said when the tap alone has a signal."""
    with (
        kills.holding_back(api, "/bookings", 0) as has_come,
        programs.start(command, project.folder, project.log, **project.variables) as run,
    ):
        kills.wait_for(has_come, run, project.log)
        told = [json.loads(line) for line in project.log.read_text().splitlines()]
        os.kill(next(line["pid"] for line in told if line.get("producer")), signal.SIGTERM)
        run.wait(programs.PATIENCE)
    return project.log.read_text()


def _break(project: Project) -> None:
    program = project.folder / "broken-tap"
    program.write_text(BUG)
    program.chmod(0o700)
    file = project.folder / "meltano.yml"
    content = yaml.safe_load(file.read_text("utf-8"))
    content["plugins"]["extractors"][0]["executable"] = str(program)
    file.write_text(yaml.safe_dump(content))


if __name__ == "__main__":
    record(FOLDER)
