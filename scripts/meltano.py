"""Meltano as a process, and what of its log a person sees."""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import typing as t
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

MELTANO = str(Path(sys.executable).with_name("meltano"))
PLUGINS = ("tap-oncehub", "target-duckdb")
_ERRORS = ("error", "critical")
_ROUTINE = re.compile(
    "METRIC|Skipping (parse|deselected)|Beginning sync of |Force option is |No state was found"
)
"""What Meltano and the tap's SDK say at every run."""
_FRAME = '  File "{filename}", line {lineno}, in {function}\n    {line}'


def start(
    project: Path, settings: Mapping[str, str], *arguments: str, **more: t.Any
) -> subprocess.Popen[str]:
    """Start a command of Meltano; all that it says comes by its standard output."""
    return subprocess.Popen(
        (MELTANO, *arguments),
        cwd=project,
        env={"PYTHONWARNINGS": "ignore", **os.environ, **settings},  # they are for developers
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        **more,
    )


def ask(project: Path, query: str, *parameters: str) -> list[tuple[t.Any, ...]]:
    """Return what Meltano's own database answers; nothing, where there is none."""
    address = f"{(project / '.meltano/meltano.db').as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True)) as connection:
            return connection.execute(query, parameters).fetchall()
    except sqlite3.Error:
        return []


def say(text: str) -> None:
    """Print lines; one that is too wide goes on below."""
    width = shutil.get_terminal_size((120, 0)).columns
    wrapper = textwrap.TextWrapper(width, subsequent_indent=" " * 10, break_on_hyphens=False)
    for line in text.splitlines():
        print(wrapper.fill(line), flush=True)


@dataclass
class RunLog:
    """The log of `meltano run`: shows what is for people, keeps what the summary needs."""

    streams: dict[str, dict[str, t.Any]] = field(default_factory=dict)
    """How many records each had, and whether this account has none of its kind."""
    run_stats: dict[str, int] = field(default_factory=dict)
    """What the run cost, and what the next one needs; empty after an error."""
    is_interrupted: bool = False
    """From now on, only what went wrong is of interest."""
    _tap: int = 0
    _of_meltano: list[str] = field(default_factory=list)
    _plugins_said_why: bool = False

    def follow(self, process: subprocess.Popen[str]) -> int:
        """Read to the end; return the exit status.

        At the first Ctrl-C the tap alone is ended, so that the loader still writes what it has
        and Meltano keeps the state. A second one ends everything.
        """
        try:
            status = self._read(process)
        except KeyboardInterrupt:
            self.is_interrupted = True
            os.kill(self._tap or process.pid, signal.SIGTERM)
            self._read(process)
            raise
        finally:
            process.terminate()
            process.wait()
        if status and not self._plugins_said_why and not self.is_interrupted:
            say("\n".join(self._of_meltano))
        return status if status >= 0 else 128 - status

    def _read(self, process: subprocess.Popen[str]) -> int:
        for line in process.stdout or ():
            self._take(parse(line.rstrip("\n")))
        return process.wait()

    def _take(self, entry: dict[str, t.Any]) -> None:
        if entry.get("producer"):
            self._tap = entry.get("pid", self._tap)
        is_error = entry.get("level") in _ERRORS
        if stats := entry.get("stream_stats"):
            self.streams[stats["stream"]] = stats
        elif "run_stats" in entry:
            self.run_stats = entry["run_stats"]
        elif is_error and entry.get("name") is None:
            # What a plugin says of the same failure is of more use.
            self._of_meltano += _readable(entry)
        elif is_error or not self.is_interrupted:
            for text in _readable(entry):
                say(text)
                self._plugins_said_why |= is_error or entry.get("name") == PLUGINS[1]


def parse(line: str) -> dict[str, t.Any]:
    """Return the entry that a line of Meltano's JSON log holds; any other line as its event."""
    try:
        entry = json.loads(line)
    except ValueError:
        entry = None
    return entry if isinstance(entry, dict) else {"event": line, "raw": True}


def _readable(entry: dict[str, t.Any]) -> Iterator[str]:
    """Yield the lines to show for an entry; none, if it is only of use to a machine."""
    level, name, text = entry.get("level", "info"), entry.get("name"), str(entry.get("event"))
    if "raw" in entry:
        yield text
        return
    time = datetime.fromisoformat(str(entry["timestamp"]).replace("Z", "+00:00")).astimezone()
    if level in _ERRORS or (level == "warning" and not _ROUTINE.match(text)):
        yield f"{time:%H:%M:%S}  {level.upper()}: {text}"
        if bug := entry.get("plugin_exception"):
            for frame in bug.get("traceback") or ():
                yield _FRAME.format(**frame)
            yield f"{bug['type']}: {bug['message']}"
    elif level == "info" and name and not _ROUTINE.match(text):
        yield f"{time:%H:%M:%S}  {text}"
