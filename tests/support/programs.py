"""The real programs: the tap, the loader and Meltano, as processes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import typing as t
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
TAP = Path(sys.prefix, "bin", "tap-oncehub")
LOADER = ROOT / ".meltano/loaders/target-duckdb/venv/bin/target-duckdb"
MELTANO = Path(sys.prefix, "bin", "meltano")
KEY = "sandbox-key-7c1f9a"
NO_LIMITS = {"rate_limit_per_second": 0, "rate_limit_per_window": 0}
PATIENCE = 120


def pages_of(objects: int, size: int = 100) -> int:
    """Return the requests for a list: pages overlap by one, and a full last one is asked on."""
    return 1 if objects < size else 2 + (objects - size) // (size - 1)


class Output:
    """What a run of the tap wrote."""

    messages: list[dict[str, t.Any]]

    @property
    def states(self) -> list[dict[str, t.Any]]:
        """All states that were written."""
        return [m["value"] for m in self.messages if m["type"] == "STATE"]

    def records(self, stream: str) -> list[dict[str, t.Any]]:
        """The records of a stream, in the order in which they were written."""
        return [
            m["record"] for m in self.messages if m["type"] == "RECORD" and m["stream"] == stream
        ]


@dataclass
class Run(Output):
    """What a process left behind."""

    status: int
    output: bytes
    log: str

    @cached_property
    def messages(self) -> list[dict[str, t.Any]]:  # type: ignore[override]
        """The Singer messages; a line that was cut short is none."""
        whole = self.output[: self.output.rfind(b"\n") + 1]
        return [json.loads(line) for line in whole.splitlines()]

    @property
    def state(self) -> dict[str, t.Any]:
        """The last state that was written."""
        return self.states[-1] if self.states else {}

    @property
    def errors(self) -> list[str]:
        """The lines of the log that are errors."""
        return [line for line in self.log.splitlines() if "| ERROR" in line]


def check_out(folder: Path) -> None:
    """Copy what belongs to the project, as git would, changes that are not committed included."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True)
    for name in filter(None, done.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)


def environment(**more: str) -> dict[str, str]:
    """This machine's environment without settings of a tap or a proxy."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TAP_", "TARGET_", "MELTANO_"))
        and not name.lower().endswith("_proxy")
    }
    return kept | more


def tap_command(
    folder: Path,
    settings: dict[str, t.Any],
    *arguments: str,
    state: dict[str, t.Any] | None = None,
    catalog: dict[str, t.Any] | None = None,
) -> list[str]:
    """Write the tap's files into a folder, and give the command that uses them."""
    command = [str(TAP), "--config", str(_write(folder / "config.json", settings))]
    if state is not None:
        command += ["--state", str(_write(folder / "state.json", state))]
    if catalog is not None:
        command += ["--catalog", str(_write(folder / "catalog.json", catalog))]
    return [*command, *arguments]


def run_tap(
    folder: Path,
    settings: dict[str, t.Any],
    *arguments: str,
    state: dict[str, t.Any] | None = None,
    catalog: dict[str, t.Any] | None = None,
    env: dict[str, str] | None = None,
) -> Run:
    """Run the tap to its end."""
    done = subprocess.run(
        tap_command(folder, settings, *arguments, state=state, catalog=catalog),
        capture_output=True,
        check=False,
        env=environment(**(env or {})),
        timeout=PATIENCE,
    )
    return Run(done.returncode, done.stdout, done.stderr.decode())


def run_meltano(project: Path, url: str, *arguments: str, **variables: str) -> Run:
    """Run Meltano on a project, with the sandbox as the account."""
    done = subprocess.run(
        [str(MELTANO), "--log-format=plain", *arguments],
        capture_output=True,
        check=False,
        cwd=project,
        env=environment(
            TAP_ONCEHUB_API_KEY=KEY,
            TAP_ONCEHUB_API_URL=url,
            TAP_ONCEHUB_RATE_LIMIT_PER_SECOND="0",
            TAP_ONCEHUB_RATE_LIMIT_PER_WINDOW="0",
            TAP_ONCEHUB_PER_OBJECT_REFRESH_HOURS="0",
            **variables,
        ),
        timeout=PATIENCE,
    )
    return Run(done.returncode, done.stdout, done.stderr.decode())


def settings_for(url: str, **more: t.Any) -> dict[str, t.Any]:
    """Settings for a sandbox without limits, in which every run reads every stream."""
    every = {"per_object_refresh_hours": 0}
    return {"api_key": KEY, "api_url": url, **NO_LIMITS, **every, **more}


def load(folder: Path, output: bytes, **more: t.Any) -> str:
    """Load messages with the real loader, as meltano.yml sets it up."""
    done = subprocess.run(
        [str(LOADER), "--config", str(loader_config(folder, **more))],
        input=output,
        capture_output=True,
        check=False,
        env=environment(),
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip().rpartition("\n")[2]


def loader_config(folder: Path, **more: t.Any) -> Path:
    """Write the loader's settings; the database is ``warehouse.duckdb``."""
    settings = {
        "filepath": str(folder / "warehouse.duckdb"),
        "default_target_schema": "oncehub",
        **more,
    }
    return _write(folder / "loader.json", settings)


def _write(path: Path, content: t.Any) -> Path:
    path.write_text(json.dumps(content))
    return path
