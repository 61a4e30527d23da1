"""`meltano run` as a process, its log made readable."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import typing as t

from scripts.console import parse, readable

if t.TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from scripts.lock import RunLock

_STATE_ID = "dev:tap-oncehub-to-target-duckdb"
INTERRUPTED = 130
"""Exit status after Ctrl-C."""
_SIGNALLED = 128


class Meltano:
    """The project's Meltano, in the environment dev."""

    def __init__(
        self, project: Path, settings: Mapping[str, str], say: Callable[[str], None]
    ) -> None:
        """Name the project.

        Args:
            project: Its folder.
            settings: Environment variables for this run only.
            say: Shows a line.
        """
        self._project = project
        self._command = (str(project / ".venv/bin/meltano"), "--environment=dev")
        self._environment = {**os.environ, **settings}
        self._say = say
        self._colours = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._tap: int | None = None

    def clear_state(self) -> None:
        """Forget what earlier runs have loaded."""
        quiet = ("--log-level=warning", "state", "clear", "--force", _STATE_ID)
        subprocess.run(
            (*self._command, *quiet),
            cwd=self._project,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            check=True,
        )

    def run(self, lock: RunLock, suffix: str | None, options: Sequence[str]) -> int:
        """Run the tap into the loader.

        Args:
            lock: Held until Meltano has ended.
            suffix: Keeps this run's state apart from that of others.
            options: More options.

        Returns:
            The exit status.
        """
        if suffix:
            options = [f"--state-id-suffix={suffix}", *options]
        if lock.was_killed:
            # Meltano believes for five minutes that the killed run goes on.
            options = ["--force", *options]
        plugins = ("tap-oncehub", "target-duckdb")
        process = subprocess.Popen(
            (*self._command, "--log-format=json", "run", *options, *plugins),
            cwd=self._project,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[lock.descriptor],
            start_new_session=True,  # Ctrl-C is for us: see below
            encoding="utf-8",
            errors="replace",
        )
        try:
            status = self._follow(process)
            lock.leave_mark = status < 0
        except KeyboardInterrupt:
            # The tap alone is ended, so that the loader still writes what it has
            # and Meltano keeps the state. A second Ctrl-C ends everything.
            if self._tap is None:
                process.terminate()
            else:
                os.kill(self._tap, signal.SIGTERM)
            self._follow(process)
            status = INTERRUPTED
        finally:
            process.terminate()
            process.wait()
        return status if status >= 0 else _SIGNALLED - status

    def _follow(self, process: subprocess.Popen[str]) -> int:
        for line in process.stdout or ():
            entry = parse(line.rstrip("\n"))
            if entry.get("producer"):
                self._tap = entry.get("pid", self._tap)
            for text in readable(entry, colours=self._colours):
                self._say(text)
        return process.wait()
