"""A copy of the Meltano project, with a state, a database and runs of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import typing as t
from contextlib import suppress

import yaml

from tests.support import programs
from tests.support.kills import wait_for
from tests.support.programs import KEY, MELTANO, PATIENCE, ROOT, Run

if t.TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

State: t.TypeAlias = dict[str, t.Any]


def blocks(page: str, language: str, heading: str = "") -> list[str]:
    """Give the blocks of code in a page of docs/, or below a heading of it, in order."""
    text = ROOT.joinpath("docs", page).read_text("utf-8")
    if heading:
        sections = re.split(r"^##+ ", text, flags=re.MULTILINE)
        (text,) = (section for section in sections if section.startswith(f"{heading}\n"))
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def singer_state(text: str) -> State:
    """Give what a file of Meltano's state backend has kept; nothing, while it is being written."""
    with suppress(ValueError):
        found = json.loads(text)
        kept = found.get("completed") or found.get("partial") or {}
        return t.cast("State", kept.get("singer_state", {}))
    return {}


def saved_state(folder: Path) -> State:
    """Give what Meltano has kept in a folder of the run of the first pair of plugins."""
    for file in folder.glob("*/state.json"):
        return singer_state(file.read_text())
    return {}


class Project:
    """The project in an empty folder, with the sandbox at `url` and with more plugins.

    Those of this project are installed there as well.
    """

    def __init__(
        self, folder: Path, url: str, plugins: State | None = None, **variables: str
    ) -> None:
        """Copy the project."""
        self.folder = folder
        self.log = folder / "log"
        self.database = folder / "output/warehouse.duckdb"
        self.pace = {"TAP_ONCEHUB_RATE_LIMIT_PER_SECOND": "0"}
        self._variables = {
            "TAP_ONCEHUB_API_KEY": KEY,
            "TAP_ONCEHUB_API_URL": url,
            "TAP_ONCEHUB_RATE_LIMIT_PER_WINDOW": "0",
            "MELTANO_STATE_BACKEND_URI": (folder / "state").as_uri(),
            **variables,
        }
        content = yaml.safe_load(ROOT.joinpath("meltano.yml").read_text("utf-8"))
        for kind, added in (plugins or {}).items():
            content["plugins"][kind] += added
        for name in ("output", "state", ".meltano"):
            (folder / name).mkdir(parents=True)
        for kind in ("extractors", "loaders"):
            (folder / ".meltano" / kind).symlink_to(ROOT / ".meltano" / kind)
        (folder / "meltano.yml").write_text(yaml.safe_dump(content))

    @property
    def state(self) -> State:
        """What Meltano has kept."""
        return saved_state(self.folder / "state")

    def run(self, *arguments: str) -> Run:
        """Run to the end; a run that was killed before does not count as under way."""
        with self._start(arguments) as process:
            status = process.wait(PATIENCE)
        return Run(status, b"", self.log.read_text())

    def meltano(self, *arguments: str) -> Run:
        """Run any command of Meltano."""
        command = [str(MELTANO), "--log-level=warning", *arguments]
        return programs.run(command, self.folder, **self._variables, **self.pace)

    def kill(
        self,
        when: Callable[[], t.Any],
        *arguments: str,
        late: bool = False,
        number: signal.Signals = signal.SIGKILL,
    ) -> bool:
        """Send a signal to Meltano, the tap and the loader, when the moment has come.

        Gives whether there was one: where it may be `late`, the run may have ended before.
        """
        with self._start(arguments) as process:
            try:
                wait_for(lambda: when() or (late and process.poll() is not None), process, self.log)
                in_time = process.poll() is None
                if in_time:
                    os.killpg(process.pid, number)
                    process.wait(PATIENCE)
                return in_time
            finally:
                process.kill()

    def _start(self, arguments: tuple[str, ...]) -> subprocess.Popen[bytes]:
        plugins = arguments or ("tap-oncehub", "target-duckdb")
        command = [str(MELTANO), "--log-format=plain", "run", "--force", *plugins]
        return programs.start(command, self.folder, self.log, **self._variables, **self.pace)
