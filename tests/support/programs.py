"""The real programs: the tap, the loader and Meltano, as processes."""

import importlib
import json
import multiprocessing
import os
import re
import subprocess
import sys
import threading
import time
import typing as t
from dataclasses import dataclass
from functools import cached_property
from multiprocessing.connection import wait
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TAP = Path(sys.prefix, "bin", "tap-oncehub")
LOADER = ROOT / ".meltano/loaders/target-duckdb/venv/bin/target-duckdb"
MELTANO = Path(sys.prefix, "bin", "meltano")
UV = str(ROOT / ".tools/uv/bin/uv")
KEY = "sandbox-key-7c1f9a"
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")
sys.path.append(str(ROOT / "load/target_duckdb"))  # a fork server begins with another path
_STATUSES = threading.Lock()  # start() reads those of all processes, and each can be read once
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    ["pytest", "tests.support.programs", "tap_oncehub.tap", "target_duckdb.__main__"]
)
NO_LIMITS = {"rate_limit_per_second": 0, "rate_limit_per_window": 0}
PATIENCE = 120
Row: t.TypeAlias = dict[str, t.Any]


def pages_of(objects: int, size: int = 100) -> int:
    """Return the requests for a list: pages overlap by one, and a full last one is asked on."""
    return 1 if objects < size else 2 + (objects - size) // (size - 1)


@dataclass
class Run:
    """What a run left behind; no log of any program may hold the key or a customer's address."""

    status: int
    output: bytes
    log: str
    ended: str = ""  # of a run inside this process: well, failed, interrupted or killed

    def __post_init__(self) -> None:
        assert KEY not in self.log, "the log holds the API key"
        assert KEY.encode() not in self.output, "the output holds the API key"
        assert not _ADDRESS.search(self.log), "the log holds an address"

    @cached_property
    def messages(self) -> list[Row]:
        """The Singer messages; a line that was cut short is none."""
        whole = self.output[: self.output.rfind(b"\n") + 1]
        return [json.loads(line) for line in whole.splitlines()]

    @property
    def states(self) -> list[Row]:
        return [m["value"] for m in self.messages if m["type"] == "STATE"]

    @property
    def state(self) -> Row:
        return self.states[-1] if self.states else {}

    def records(self, stream: str) -> list[Row]:
        found = (m for m in self.messages if m["type"] == "RECORD")
        return [m["record"] for m in found if m["stream"] == stream]

    def versions(self, stream: str) -> list[tuple[str, int | None]]:
        """The version messages of a stream and the versions of its records."""
        found = [m for m in self.messages if m["type"] in {"RECORD", "ACTIVATE_VERSION"}]
        return [(m["type"], m.get("version")) for m in found if m["stream"] == stream]

    @property
    def errors(self) -> list[str]:
        return [line for line in self.log.splitlines() if "| ERROR" in line]


def check_out(folder: Path) -> None:
    """Copy what belongs to the project, as git would, changes that are not committed included."""
    listed = "git ls-files -z --cached --others --exclude-standard"
    copied = f"{listed} | tar --ignore-failed-read -c --null -T - | tar -x -C"
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["/bin/sh", "-c", f"{copied} '{folder}'"], cwd=ROOT, check=True)


def environment(**more: str) -> dict[str, str]:
    """This machine's environment without settings of a tap or a proxy."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TAP_", "TARGET_", "MELTANO_"))
        and not name.lower().endswith("_proxy")
    }
    return kept | more


def run(
    command: list[str], folder: Path | None = None, given: bytes = b"", **variables: str
) -> Run:
    """Run a program to its end, in a folder, with what it is given on its standard input."""
    more = {"cwd": folder, "env": environment(**variables), "timeout": PATIENCE}
    done = subprocess.run(command, input=given, capture_output=True, check=False, **more)
    return Run(done.returncode, done.stdout, done.stderr.decode())


def start(command: list[str], folder: Path, log: Path, **variables: str) -> subprocess.Popen[bytes]:
    """Start a program in a process group of its own; what it says goes into a file."""
    more = {"cwd": folder, "env": environment(**variables), "start_new_session": True}
    with log.open("wb") as said:
        pipes = {"stdin": subprocess.DEVNULL, "stdout": said, "stderr": said}
        return subprocess.Popen(command, **more, **pipes)


def install(venv: Path, *packages: str, python: str | None = None) -> Path:
    """Make a virtual environment with these packages; gives the folder of its programs."""
    env, command = environment(UV_PYTHON_PREFERENCE="system"), ["venv", "--no-project", str(venv)]
    if python:  # pyenv shows one version, unless it is told to show all
        env["PYENV_VERSION"] = ":".join(p.name for p in Path.home().glob(".pyenv/versions/*"))
        command += ["--python", python]
    if subprocess.run([UV, "--quiet", *command], check=not python, env=env).returncode:
        pytest.skip(f"Python {python} cannot be had here")
    into = [UV, "--quiet", "pip", "install", f"--python={venv}"]
    subprocess.run([*into, *packages], check=True, env=env)
    return venv / "bin"


def tap_command(folder: Path, settings: Row, *arguments: str, **files: Row | None) -> list[str]:
    """Write the tap's files, as a state and a catalog, and give the command that uses them."""
    command = [str(TAP)]
    for name, content in {"config": settings, **files}.items():
        if content is not None:
            command += [f"--{name}", str(write(folder / f"{name}.json", content))]
    return [*command, *arguments]


def run_tap(folder: Path, settings: Row, *arguments: str, env: t.Any = None, **files: t.Any) -> Run:
    """Run the tap to its end, with a state and a catalog, if they are given."""
    _, *command = tap_command(folder, settings, *arguments, **files)
    return fork("tap_oncehub", folder, *command, **(env or {}))


def fork(package: str, folder: Path, *arguments: str, given: bytes = b"", **env: str) -> Run:
    """Run a program as a process forked from one that has imported it, which takes a second."""
    read, written, log = files = [folder / f"fork.{name}" for name in ("in", "out", "log")]
    read.write_bytes(given)
    made = _FORKS.Process(target=_become, args=(package, arguments, environment(**env), files))
    with _STATUSES:
        made.start()
    wait([made.sentinel], PATIENCE)
    with _STATUSES:
        status = made.exitcode
    assert status is not None, log.read_text()
    return Run(status, written.read_bytes(), log.read_text())


def _become(package: str, arguments: list[str], variables: Row, files: list[Path]) -> None:
    os.environ.clear()
    os.environ.update(variables)
    time.tzset()
    for number, file in enumerate(files):
        mode = os.O_WRONLY | os.O_CREAT | os.O_TRUNC if number else os.O_RDONLY
        os.dup2(os.open(file, mode), number)
    sys.argv = [package, *arguments]
    importlib.import_module(f"{package}.__main__").main()


def run_meltano(project: Path, url: str, *arguments: str, **variables: str) -> Run:
    """Run Meltano on a project, with the sandbox as the account."""
    given = {f"TAP_ONCEHUB_{name.upper()}": str(v) for name, v in settings_for(url).items()}
    return run([str(MELTANO), "--log-format=plain", *arguments], project, **given, **variables)


def settings_for(url: str, **more: t.Any) -> Row:
    """Settings for a sandbox without limits, in which every run reads every stream."""
    every_stream = {"per_object_refresh_hours": 0}
    return {"api_key": KEY, "api_url": url, **NO_LIMITS, **every_stream, **more}


def load(folder: Path, output: bytes, **more: t.Any) -> str:
    """Load messages into ``warehouse.duckdb``; gives the state."""
    file = str(folder / "warehouse.duckdb")
    settings = {"filepath": file, "default_target_schema": "oncehub", **more}
    return run_loader(str(LOADER), write(folder / "loader.json", settings), output)


def run_loader(program: str, config: Path, output: bytes) -> str:
    """Load messages with a real loader; gives the last state that it wrote."""
    done = run([program, "--config", str(config)], config.parent, output)
    assert done.status == 0, done.log
    return done.output.decode().strip().rpartition("\n")[2]


def write(path: Path, content: t.Any) -> Path:
    path.write_text(json.dumps(content))
    return path
