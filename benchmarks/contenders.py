"""Who is measured, and how each is run, asked for its state, and checked."""

import json
import shutil
import subprocess
import typing as t
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import duckdb

from benchmarks import places
from benchmarks.account import LISTS
from benchmarks.others import airbyte_manifest
from benchmarks.sandboxes import KEY

Command: t.TypeAlias = list[str]


OUTPUT = "output.jsonl"


@dataclass(frozen=True)
class Job:
    """One run of a contender."""

    folder: Path
    """Its files; a second sync finds those of the first one."""
    url: str
    messages: Path
    """What the tap writes at a first sync."""
    second: bool = False

    def write(self, name: str, content: object) -> str:
        """Write a JSON file into the folder."""
        path = self.folder / name
        path.write_text(json.dumps(content))
        return str(path)

    @property
    def tap_settings(self) -> dict[str, t.Any]:
        """Settings of tap-oncehub."""
        return {
            "api_key": KEY,
            "api_url": self.url,
            "rate_limit_per_second": 0,
            "rate_limit_per_window": 0,
            "emit_activate_version_messages": True,
        }


@dataclass(frozen=True)
class Contender:
    """Who is measured."""

    label: str
    commands: Callable[[Job], list[Command]]
    """Makes its files and gives the pipeline."""
    environment: Callable[[Job], dict[str, str]] = field(default=lambda _: {})
    loads: bool = False
    """Whether it loads into DuckDB; otherwise its output is counted."""
    syncs_again: bool = True
    largest: int = 1 << 40
    """The most bookings that it is measured with."""

    def arrived(self, job: Job, mark: str = "") -> int:
        """Count all records that arrived, or the bookings with a mark."""
        if self.loads:
            return _in_database(job, mark)
        with job.folder.joinpath(OUTPUT).open("rb") as lines:
            return len(
                {
                    _key(json.loads(line))
                    for line in lines
                    if line.startswith(b'{"type":"RECORD"') and mark.encode() in line
                }
            )


def _key(message: dict[str, t.Any]) -> tuple[str, str]:
    """Tell one object from the others: what is read twice counts once."""
    record = message["record"]
    return message.get("stream") or record["stream"], record.get("data", record)["id"]


def _in_database(job: Job, mark: str) -> int:
    project = job.folder / "project/output/warehouse.duckdb"
    file = project if project.exists() else job.folder / "warehouse.duckdb"
    tables = ["bookings"] if mark else [*LISTS]
    condition = "subject = ?" if mark else "?=''"
    with duckdb.connect(str(file), read_only=True) as connection:
        return sum(
            connection.execute(
                f"SELECT count(*) FROM oncehub.{table} WHERE {condition}",  # noqa: S608
                [mark],
            ).fetchall()[0][0]
            for table in tables
        )


@cache
def _discovered() -> dict[str, t.Any]:
    with places.scratch() as folder:
        config = folder / "config.json"
        config.write_text('{"api_key": "none"}')
        done = subprocess.run(  # noqa: S603
            [str(places.TAP), f"--config={config}", "--discover"], capture_output=True, check=True
        )
    found: dict[str, t.Any] = json.loads(done.stdout)
    found["streams"] = [s for s in found["streams"] if s["tap_stream_id"] in LISTS]
    return found


def _last_state(job: Job) -> t.Any:
    """Return the last state that the loader wrote, or the tap itself."""
    last = None
    with job.folder.joinpath(OUTPUT).open("rb") as lines:
        for line in lines:
            if line.startswith(b'{"type":"STATE"'):
                last = json.loads(line)["value"]
            elif line.startswith(b'{"bookmarks"'):
                last = json.loads(line)
    return last


def tap(job: Job) -> list[Command]:
    """Return the pipeline of the tap alone."""
    command = [str(places.TAP), f"--config={job.write('tap.json', job.tap_settings)}"]
    command.append(f"--catalog={job.write('catalog.json', _discovered())}")
    if job.second:
        command.append(f"--state={job.write('state.json', _last_state(job))}")
    return [command]


def _loader(job: Job, name: str) -> Command:
    settings: dict[str, t.Any] = {
        "filepath": str(job.folder / "warehouse.duckdb"),
        "default_target_schema": "oncehub",
    }
    if name == places.PYPI_LOADER:  # as meltano.yml has it
        job.folder.joinpath("batches").mkdir(exist_ok=True)
        settings |= {"batch_size_rows": 5_000, "flush_all_streams": True}
        settings |= {"add_metadata_columns": True, "temp_dir": str(job.folder / "batches")}
    return [str(places.loader(name)), f"--config={job.write('loader.json', settings)}"]


def _meltano(job: Job) -> list[Command]:
    project = job.folder / "project"
    if not project.exists():
        for folder in (".meltano/run", "output"):
            project.joinpath(folder).mkdir(parents=True)
        for kind in ("extractors", "loaders"):
            project.joinpath(".meltano", kind).symlink_to(places.PLUGINS / kind)
        shutil.copy(places.PROJECT / "meltano.yml", project)
        # It has been used before, so that its own database is there.
        command = [str(places.MELTANO), f"--cwd={project}", "--environment=dev", "state", "list"]
        subprocess.run(command, env=places.environment(), capture_output=True, check=True)  # noqa: S603
    options = [f"--cwd={project}", "--environment=dev", "--log-format=plain"]
    return [[str(places.MELTANO), *options, "run", "tap-oncehub", "target-duckdb"]]


def _meltano_environment(job: Job) -> dict[str, str]:
    settings = {f"TAP_ONCEHUB_{k.upper()}": str(v) for k, v in job.tap_settings.items()}
    settings["TAP_ONCEHUB__SELECT"] = json.dumps([f"{name}.*" for name in LISTS])
    return settings


def _dlt(variant: str) -> Callable[[Job], list[Command]]:
    program = [str(places.DLT), "-m", "benchmarks.others.dlt_pipeline", variant]
    return lambda job: [[*program, job.url, KEY, str(job.folder)]]


def _airbyte(job: Job) -> list[Command]:
    schemas = {entry["tap_stream_id"]: entry["schema"] for entry in _discovered()["streams"]}
    config = job.write("config.json", airbyte_manifest.config(job.url, KEY, schemas))
    catalog = job.write("catalog.json", airbyte_manifest.catalog(schemas))
    command = [str(places.AIRBYTE), "read", "--config", config, "--catalog", catalog]
    if job.second:
        command += ["--state", job.write("state.json", _airbyte_state(job))]
    return [command]


def _airbyte_state(job: Job) -> list[t.Any]:
    states = {}
    with job.folder.joinpath(OUTPUT).open("rb") as lines:
        for line in lines:
            if line.startswith(b'{"type":"STATE"'):
                state = json.loads(line)["state"]
                states[state["stream"]["stream_descriptor"]["name"]] = state
    return list(states.values())


_OURS, _PYPIS = places.OWN_LOADER, places.PYPI_LOADER
CONTENDERS = {
    "tap": Contender("tap-oncehub alone", tap),
    "airbyte": Contender("Airbyte CDK alone", _airbyte, largest=20_000),
    "pipe": Contender(
        "tap-oncehub into target-duckdb", lambda job: [*tap(job), _loader(job, _OURS)], loads=True
    ),
    "pipe-pypi": Contender(
        "tap-oncehub into PyPI's target-duckdb",
        lambda job: [*tap(job), _loader(job, _PYPIS)],
        loads=True,
        largest=20_000,
    ),
    "meltano": Contender("meltano run", _meltano, _meltano_environment, loads=True),
    "dlt-best": Contender("dlt, tuned, JSONL files, JSON columns", _dlt("best"), loads=True),
    "dlt-default": Contender("dlt, default settings", _dlt("default"), loads=True, largest=2_000),
    "loader": Contender(
        "target-duckdb alone",
        lambda job: [["cat", str(job.messages)], _loader(job, _OURS)],
        loads=True,
        syncs_again=False,
    ),
    "loader-pypi": Contender(
        "PyPI's target-duckdb alone",
        lambda job: [["cat", str(job.messages)], _loader(job, _PYPIS)],
        loads=True,
        syncs_again=False,
        largest=20_000,
    ),
}
