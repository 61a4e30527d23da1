"""Who is measured, and how each is run, asked for its state, and checked."""

from __future__ import annotations

import json
import shutil
import subprocess
import typing as t
from dataclasses import dataclass, field
from functools import cache

from benchmarks import places
from benchmarks.account import LISTS
from benchmarks.others import airbyte_manifest, fast_clock
from benchmarks.sandboxes import KEY

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    Command: t.TypeAlias = list[str]

OUTPUT = "output.jsonl"
_COUNT = "benchmarks.others.count_rows"


@dataclass(frozen=True)
class Job:
    """One run of a contender.

    Attributes:
        folder: Its files; a second sync finds those of the first one.
        url: Address of the API.
        second: Whether it is a second sync.
        clock_factor: How much faster the rate limits' clock runs; 0 is no limits.
        scaled_waits: Whether others' waits are to be shortened as well.
    """

    folder: Path
    url: str
    second: bool = False
    clock_factor: float = 0.0
    scaled_waits: bool = True

    def write(self, name: str, content: object) -> str:
        """Write a JSON file into the folder."""
        path = self.folder / name
        path.write_text(json.dumps(content))
        return str(path)

    @property
    def tap_settings(self) -> dict[str, t.Any]:
        """Settings of tap-oncehub."""
        factor = self.clock_factor
        return {
            "api_key": KEY,
            "api_url": self.url,
            "rate_limit_per_second": 5 * factor,
            "rate_limit_per_window": 200 if factor else 0,
            "rate_limit_window_seconds": 300 / factor if factor else 300,
        }


@dataclass(frozen=True)
class Contender:
    """Who is measured.

    Attributes:
        name: Its name in commands and in results.json.
        label: Its name for people.
        commands: Makes its files and gives the pipeline.
        environment: Gives variables that it needs.
        loads: Whether it loads into DuckDB; otherwise its output is counted.
        largest: The most bookings that it is measured with; more would take an hour.
        runs: The most runs with one size.
    """

    name: str
    label: str
    commands: Callable[[Job], list[Command]]
    environment: Callable[[Job], dict[str, str]] = field(default=lambda _: {})
    loads: bool = False
    largest: int = 1 << 40
    runs: int = 1 << 40

    def arrived(self, job: Job, mark: str = "") -> dict[str, int]:
        """Count all records that arrived, and the bookings with a mark."""
        if not self.loads:
            return _in_output(job.folder / OUTPUT, mark)
        database = _database(job)
        if not database.exists():
            return {"records": 0, "marked": 0}
        done = subprocess.run(  # noqa: S603
            [str(places.DLT), "-m", _COUNT, str(database), mark, *LISTS],
            env=places.environment(),
            stdout=subprocess.PIPE,
            check=True,
        )
        found: dict[str, int] = json.loads(done.stdout)
        return found


def _database(job: Job) -> Path:
    project = job.folder / "project/output/warehouse.duckdb"
    return project if project.exists() else job.folder / "warehouse.duckdb"


def _in_output(file: Path, mark: str) -> dict[str, int]:
    found = {"records": 0, "marked": 0}
    with file.open("rb") as lines:
        for line in lines:
            record = line.startswith(b'{"type":"RECORD"')
            found["records"] += record
            found["marked"] += bool(mark) and record and mark.encode() in line
    return found


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


def _schemas() -> dict[str, t.Any]:
    return {entry["tap_stream_id"]: entry["schema"] for entry in _discovered()["streams"]}


def _singer(job: Job, *program: str, settings: dict[str, t.Any]) -> Command:
    command = [*program, f"--config={job.write('tap.json', settings)}"]
    command.append(f"--catalog={job.write('catalog.json', _discovered())}")
    if job.second:
        command.append(f"--state={job.write('state.json', _singer_state(job))}")
    return command


def _singer_state(job: Job) -> t.Any:
    """Give the last state that the loader wrote, or the tap itself."""
    last = None
    for line in _lines(job):
        if line.startswith(b'{"type":"STATE"'):
            last = json.loads(line)["value"]
        elif line.startswith(b'{"bookmarks"'):
            last = json.loads(line)
    return last


def _lines(job: Job) -> Iterable[bytes]:
    with job.folder.joinpath(OUTPUT).open("rb") as lines:
        yield from lines


def _tap(job: Job) -> list[Command]:
    return [_singer(job, str(places.TAP), settings=job.tap_settings)]


def _tap_into_duckdb(job: Job) -> list[Command]:
    batches = job.folder / "batches"
    batches.mkdir(exist_ok=True)
    loader = {
        # As meltano.yml has it.
        "filepath": str(job.folder / "warehouse.duckdb"),
        "default_target_schema": "oncehub",
        "batch_size_rows": 5_000,
        "flush_all_streams": True,
        "add_metadata_columns": True,
        "temp_dir": str(batches),
    }
    return [*_tap(job), [str(places.LOADER), f"--config={job.write('loader.json', loader)}"]]


def _meltano(job: Job) -> list[Command]:
    project = job.folder / "project"
    if not project.exists():
        shutil.copytree(_project_template(), project, symlinks=True)
    options = [f"--cwd={project}", "--environment=dev", "--log-format=plain"]
    return [[str(places.MELTANO), *options, "run", "tap-oncehub", "target-duckdb"]]


def _meltano_environment(job: Job) -> dict[str, str]:
    settings = {f"TAP_ONCEHUB_{k.upper()}": str(v) for k, v in job.tap_settings.items()}
    # Meltano takes it for an integer.
    settings["TAP_ONCEHUB_RATE_LIMIT_PER_SECOND"] = str(int(5 * job.clock_factor))
    settings["TAP_ONCEHUB__SELECT"] = json.dumps([f"{name}.*" for name in LISTS])
    return settings


@cache
def _project_template() -> Path:
    """Make a Meltano project that has been used before, so that its database is there."""
    project = places.SCRATCH / "meltano"
    shutil.rmtree(project, ignore_errors=True)
    for folder in (".meltano/run", "output"):
        project.joinpath(folder).mkdir(parents=True)
    for kind in ("extractors", "loaders"):
        project.joinpath(".meltano", kind).symlink_to(places.PLUGINS / kind)
    shutil.copy(places.PROJECT / "meltano.yml", project)
    subprocess.run(  # noqa: S603
        [str(places.MELTANO), f"--cwd={project}", "--environment=dev", "state", "list"],
        env=places.environment(),
        capture_output=True,
        check=True,
    )
    return project


def _sdk_defaults(job: Job) -> list[Command]:
    settings = {name: job.tap_settings[name] for name in ("api_key", "api_url")}
    program = (str(places.PYTHON), "-m", "benchmarks.others.sdk_defaults")
    return [_singer(job, *program, settings=settings)]


def _dlt(variant: str) -> Callable[[Job], list[Command]]:
    def commands(job: Job) -> list[Command]:
        program = [str(places.DLT), "-m", "benchmarks.others.dlt_pipeline"]
        return [[*program, variant, job.url, KEY, str(job.folder)]]

    return commands


def _airbyte(job: Job) -> list[Command]:
    config = job.write("config.json", airbyte_manifest.config(job.url, KEY, _schemas()))
    catalog = job.write("catalog.json", airbyte_manifest.catalog(_schemas()))
    program = [str(places.AIRBYTE), "-m", "benchmarks.others.airbyte_read", "read"]
    command = [*program, "--config", config, "--catalog", catalog]
    if job.second:
        command += ["--state", job.write("state.json", _airbyte_state(job))]
    return [command]


def _airbyte_state(job: Job) -> list[t.Any]:
    states = {}
    for line in _lines(job):
        if line.startswith(b'{"type":"STATE"'):
            state = json.loads(line)["state"]
            states[state["stream"]["stream_descriptor"]["name"]] = state
    return list(states.values())


def _waits(job: Job) -> dict[str, str]:
    factor = job.clock_factor if job.scaled_waits else 0
    return {fast_clock.VARIABLE: str(factor or 1)}


CONTENDERS = {
    contender.name: contender
    for contender in (
        Contender("tap", "tap-oncehub alone", _tap),
        Contender("sdk", "the same on the SDK's defaults", _sdk_defaults),
        Contender("airbyte", "Airbyte CDK alone", _airbyte, _waits),
        Contender("pipe", "tap-oncehub into target-duckdb", _tap_into_duckdb, loads=True),
        Contender("meltano", "meltano run", _meltano, _meltano_environment, loads=True),
        Contender("dlt-tuned", "dlt, tuned", _dlt("tuned"), _waits, loads=True, runs=2),
        Contender(
            "dlt-files", "dlt, tuned, JSONL files", _dlt("files"), _waits,
            loads=True, largest=20_000, runs=2,
        ),
        Contender(
            "dlt-best", "dlt, tuned, JSONL files, JSON columns", _dlt("best"), _waits,
            loads=True, runs=2,
        ),
        Contender(
            "dlt-default", "dlt, default settings", _dlt("default"), _waits,
            loads=True, largest=20_000, runs=1,
        ),
    )
}  # fmt: skip
