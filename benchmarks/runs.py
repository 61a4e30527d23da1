"""One run of a contender: measured from outside, and what arrived counted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import places
from benchmarks.contenders import OUTPUT

if t.TYPE_CHECKING:
    from benchmarks.contenders import Contender, Job

PATIENCE = 1800.0
_STOPWATCH = Path(__file__).with_name("stopwatch.py")
_LOG = "log.txt"
_TOLD = 2000
_TOLD_IN_SHORT = 150
# Whoever wants more fails, instead of this machine.
_SHARE_OF_MEMORY = 0.8


@dataclass(frozen=True)
class Sample:
    """What a run took.

    Attributes:
        seconds: From the start of the first program to the end of the last one.
        cpu_seconds: Processor time of all programs and what they started.
        peak_bytes: The most memory of any one process.
        programs: The most memory of any one process, for each program of a pipeline.
        status: The first exit status that is not 0; None where patience ran out.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    programs: list[int]
    status: int | None

    def as_dict(self) -> dict[str, t.Any]:
        """Give it as results.json holds it."""
        return asdict(self)


class FailedRunError(Exception):
    """A contender failed where it should not."""


def measure(
    commands: list[list[str]],
    folder: Path,
    environment: dict[str, str] | None = None,
    *,
    output: Path | None = None,
    patience: float = PATIENCE,
) -> Sample:
    """Run a pipeline.

    Args:
        commands: Its programs; each reads what the one before writes.
        folder: Where they run; the log is put there.
        environment: Variables beside the usual ones.
        output: Where the output goes; nowhere by default.
        patience: After so many seconds it is killed.
    """
    asked = {
        "commands": commands,
        "environment": places.environment(**(environment or {})),
        "folder": str(folder),
        "output": str(output or "/dev/null"),
        "log": str(folder / _LOG),
        "seconds": patience,
        "memory": int(_SHARE_OF_MEMORY * _memory()),
    }
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-I", "-S", str(_STOPWATCH)],
        input=json.dumps(asked).encode(),
        stdout=subprocess.PIPE,
        check=True,
    )
    found = json.loads(done.stdout)
    ended = found["programs"]
    return Sample(
        seconds=found["seconds"],
        cpu_seconds=sum(program["cpu_seconds"] for program in ended),
        peak_bytes=max(program["peak_bytes"] for program in ended),
        programs=[program["peak_bytes"] for program in ended],
        status=next((p["status"] for p in ended if p["status"] != 0), 0),
    )


def _memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def run(contender: Contender, job: Job, *, keep_output: bool, patience: float = PATIENCE) -> Sample:
    """Run a contender once.

    Args:
        contender: Who.
        job: What it is to do.
        keep_output: Whether its output is needed afterwards.
        patience: After so many seconds it is killed.
    """
    return measure(
        contender.commands(job),
        job.folder,
        contender.environment(job),
        output=job.folder / OUTPUT if keep_output else None,
        patience=patience,
    )


def must_succeed(sample: Sample, contender: Contender, job: Job) -> None:
    """Refuse a run that failed.

    Raises:
        FailedRunError: With the end of its log.
    """
    if sample.status != 0:
        log = job.folder.joinpath(_LOG).read_text(errors="replace")
        errors = [line.strip() for line in log.splitlines() if "Error" in line]
        why = errors[-1][:_TOLD_IN_SHORT] if errors else "no line of its log says why"
        msg = f"{contender.label} failed ({sample.status}): {why}\n{log[-_TOLD:]}"
        raise FailedRunError(msg)
