"""A copy of the Meltano project, with a state, a database and runs of its own."""

import json
import re
import subprocess
import typing as t
from pathlib import Path

import yaml

from tests.support import programs
from tests.support.programs import KEY, MELTANO, PATIENCE, ROOT, Row, Run

PAIR = ("tap-oncehub", "target-duckdb")


def blocks(page: str, language: str) -> list[str]:
    """Give the blocks of code in a page of docs/, in order."""
    text = ROOT.joinpath("docs", page).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


class Project:
    """The project in an empty folder, with the sandbox at `url` and with more plugins.

    Those of this project are installed there as well.
    """

    def __init__(self, folder: Path, url: str, plugins: Row | None = None, **more: str) -> None:
        self.folder = folder
        self.log = folder / "log"
        self.database = folder / "output/warehouse.duckdb"
        self.variables = {
            "TAP_ONCEHUB_API_KEY": KEY,
            "TAP_ONCEHUB_API_URL": url,
            "TAP_ONCEHUB_RATE_LIMIT_PER_SECOND": "0",
            "TAP_ONCEHUB_RATE_LIMIT_PER_WINDOW": "0",
            "MELTANO_STATE_BACKEND_URI": (folder / "state").as_uri(),
            **more,
        }
        content = yaml.safe_load(ROOT.joinpath("meltano.yml").read_text("utf-8"))
        for kind, added in (plugins or {}).items():
            content["plugins"][kind] += added
        for name in ("output", "state", ".meltano"):
            (folder / name).mkdir(parents=True)
        for name in (".meltano/extractors", ".meltano/loaders", ".venv"):
            (folder / name).symlink_to(ROOT / name)
        (folder / "meltano.yml").write_text(yaml.safe_dump(content))

    @property
    def state(self) -> Row:
        """What Meltano has kept of the first pair of plugins; nothing, while it is written."""
        for file in (self.folder / "state").glob("*/state.json"):
            try:
                found = json.loads(file.read_text())
            except ValueError:
                return {}
            kept = found.get("completed") or found.get("partial") or {}
            return t.cast("Row", kept.get("singer_state", {}))
        return {}

    def run(self, *plugins: str) -> Run:
        """Run to the end; a run that was killed before does not count as under way."""
        with self.start(*plugins) as process:
            status = process.wait(PATIENCE)
        return Run(status, b"", self.log.read_text())

    def meltano(self, *arguments: str, **more: str) -> Run:
        command = [str(MELTANO), "--log-level=warning", *arguments]
        return programs.run(command, self.folder, **self.variables | more)

    def start(self, *plugins: str) -> subprocess.Popen[bytes]:
        command = [str(MELTANO), "--log-format=plain", "run", "--force", *(plugins or PAIR)]
        return programs.start(command, self.folder, self.log, **self.variables)
