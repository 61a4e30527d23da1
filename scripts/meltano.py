"""`meltano run` as a process, its log made readable."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import typing as t
from contextlib import closing
from datetime import datetime
from pathlib import Path

from dotenv import dotenv_values

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import TextIO

    from scripts.screen import Screen

INTERRUPTED = 130
"""Exit status after Ctrl-C."""
DATABASE = ".meltano/meltano.db"
PLUGINS = ("tap-oncehub", "target-duckdb")
_SIGNALLED = 128
_QUIET = {"debug", "info"}
_BEGINS = re.compile(r"Beginning sync of '(\w+)'")
_ROUTINE = re.compile(
    r"(Schema|Table) '.* (exists|does not exist)|Loading \d+ rows into "
    r"|Skipping parse of env|Added '\w+' as child stream|tap-oncehub v\S+, Meltano SDK v"
    r"|(Beginning sync of|Skipping deselected stream) '|\w+: this account has no such endpoint"
)
"""What the Singer SDK, the tap and target-duckdb say at every run."""
_EXPECTED = {
    "No state was found, complete import.",
    "Force option is enabled, ignoring stale job check.",
    "Block run completed",
}


class Meltano:
    """A project's Meltano, in one of its environments."""

    def __init__(self, project: Path, environment: str, settings: Mapping[str, str]) -> None:
        """Name the project."""
        self._project = project
        self._state_id = _state_id(environment)
        program = str(Path(sys.executable).with_name("meltano"))
        self._command = (program, f"--environment={environment}")
        self._environment = {**os.environ, **settings}

    def has_state(self) -> bool:
        """Return whether there may be a state: only Meltano knows that of an external backend."""
        settings = self._environment.keys() | dotenv_values(self._project / ".env").keys()
        if {"MELTANO_STATE_BACKEND_URI", "MELTANO_DATABASE_URI"} & settings:
            return True
        database = self._project / DATABASE
        if not database.exists():
            return False
        query = "SELECT count(*) FROM state WHERE state_id = ?"
        try:
            with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
                return bool(connection.execute(query, [self._state_id]).fetchone()[0])
        except sqlite3.Error:
            return True

    def clear_state(self) -> None:
        """Forget what earlier runs have loaded."""
        subprocess.run(
            (*self._command, "--log-level=warning", "state", "clear", "--force", self._state_id),
            cwd=self._project,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            check=True,
        )

    def run(self, lock: TextIO, options: Sequence[str], log: RunLog) -> int:
        """Run the tap into the loader; the file stays locked until Meltano has ended."""
        process = subprocess.Popen(
            (*self._command, "--log-format=json", "run", *options, *PLUGINS),
            cwd=self._project,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[lock.fileno()],
            start_new_session=True,  # Ctrl-C is for us: see below
            encoding="utf-8",
            errors="replace",
        )
        try:
            status = log.follow(process)
        except KeyboardInterrupt:
            # The tap alone is ended, so that the loader still writes what it has
            # and Meltano keeps the state. A second Ctrl-C ends everything.
            log.is_interrupted = True
            os.kill(log.tap or process.pid, signal.SIGTERM)
            log.follow(process)
            return INTERRUPTED
        finally:
            process.terminate()
            process.wait()
        return status if status >= 0 else _SIGNALLED - status


class RunLog:
    """Meltano's log of a run: shows what is for people, keeps what the summary needs.

    Attributes:
        tap: The tap's process.
        absent: The streams that this account does not have.
        run_stats: What the run cost, and what the next one needs; empty after an error.
        is_interrupted: From now on, only what went wrong is of interest.
    """

    def __init__(self, screen: Screen) -> None:
        """Begin without any lines."""
        self.tap: int | None = None
        self.absent: set[str] = set()
        self.run_stats: dict[str, int] = {}
        self.is_interrupted = False
        self._screen = screen
        self._of_meltano: list[str] = []
        self._plugins_said_why = False

    def follow(self, process: subprocess.Popen[str]) -> int:
        """Read to the end; return the exit status."""
        for line in process.stdout or ():
            self._take(parse(line.rstrip("\n")))
        status = process.wait()
        if status and not self._plugins_said_why and not self.is_interrupted:
            for text in self._of_meltano:
                self._screen.line(text)
        return status

    def _take(self, entry: dict[str, t.Any]) -> None:
        if entry.get("producer"):
            self.tap = entry.get("pid", self.tap)
        if self._screen.is_live and (begins := _BEGINS.match(str(entry.get("event")))):
            self._screen.doing(f"{begins[1]}: reading")
        if stats := entry.get("stream_stats"):
            if stats["is_absent"]:
                self.absent.add(stats["stream"])
        elif "run_stats" in entry:
            self.run_stats = entry["run_stats"]
        elif "progress" in entry and self._screen.is_live:
            self._screen.progress(entry["progress"])
        else:
            self._show(entry)

    def _show(self, entry: dict[str, t.Any]) -> None:
        is_error = entry.get("level", "info") not in {*_QUIET, "warning"}
        if is_error and entry.get("name") is None:
            # What a plugin says of the same failure is of more use.
            self._of_meltano += readable(entry)
        elif is_error or not self.is_interrupted:
            for text in readable(entry):
                self._screen.line(text)
                self._plugins_said_why |= is_error or entry.get("name") == PLUGINS[1]


def last_result(project: Path, environment: str) -> str | None:
    """Return how the last run in an environment ended, in a word; None if there was none."""
    query = "SELECT state FROM runs WHERE job_name = ? ORDER BY started_at DESC LIMIT 1"
    address = f"{(project / DATABASE).as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True)) as connection:
            found = connection.execute(query, [_state_id(environment)]).fetchone()
    except sqlite3.Error:
        return None
    return str(found[0]).lower() if found else None


def _state_id(environment: str) -> str:
    return f"{environment}:{'-to-'.join(PLUGINS)}"


def parse(line: str) -> dict[str, t.Any]:
    """Return the entry that a line of Meltano's JSON log holds; any other line as its event."""
    try:
        entry = json.loads(line)
    except ValueError:
        entry = None
    return entry if isinstance(entry, dict) else {"event": line, "raw": True}


def readable(entry: dict[str, t.Any]) -> Iterator[str]:
    """Yield the lines to show for an entry; none, if it is only of use to a machine."""
    if "raw" in entry:
        yield entry["event"]
    elif not _is_noise(entry):
        level, text = entry.get("level", "info"), str(entry.get("event"))
        if level not in _QUIET:
            text = f"{level.upper()}: {text}"
        yield f"{_local_time(entry.get('timestamp'))}  {text}"
        yield from _traceback(entry.get("plugin_exception"))


def _is_noise(entry: dict[str, t.Any]) -> bool:
    plugin, event = entry.get("name"), str(entry.get("event"))
    if "metric_info" in entry or entry.get("type") == "discovery":
        return True
    if plugin is None:
        return entry.get("level") in _QUIET or event in _EXPECTED
    return _ROUTINE.match(event) is not None


def _local_time(timestamp: str | None) -> str:
    try:
        time = datetime.fromisoformat(str(timestamp).replace("Z", "+00:00"))
    except ValueError:
        return " " * 8
    return f"{time.astimezone():%H:%M:%S}"


def _traceback(exception: dict[str, t.Any] | None) -> Iterator[str]:
    if not exception:
        return
    for frame in exception.get("traceback") or ():
        yield f'  File "{frame["filename"]}", line {frame["lineno"]}, in {frame["function"]}'
        yield f"    {frame['line'].strip()}"
    yield f"{exception['type']}: {exception['message']}"
