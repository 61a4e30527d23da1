"""The figures, kept in results.json after every run, so that nothing measured is lost."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import typing as t
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

from benchmarks import places
from benchmarks.runs import FailedRunError

if t.TYPE_CHECKING:
    from collections.abc import Iterator

Figures: t.TypeAlias = dict[str, t.Any]

_PACKAGES = {
    places.PYTHON: ("tap-oncehub", "singer-sdk", "msgspec"),
    places.LOADER.with_name("python"): ("target-duckdb", "duckdb"),
    places.PROJECT / ".tools/meltano/bin/python": ("meltano",),
    places.DLT: ("dlt", "duckdb"),
    places.AIRBYTE: ("airbyte-cdk",),
}
_VERSIONS = """
import sys, json, importlib.metadata as m
print(json.dumps([f"{name} {m.version(name)}" for name in sys.argv[1:]]))
"""


class Results:
    """All figures, read from the last run and written after each change."""

    def __init__(self, folder: Path) -> None:
        """Go on with what is there.

        Args:
            folder: Where results.json is.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.failed = False
        self._load = round(os.getloadavg()[0], 1)
        self._file = folder / "results.json"
        self.figures: Figures = json.loads(self._file.read_text()) if self._file.exists() else {}

    def begin(self, piece: str, size: int | None = None) -> Figures:
        """Forget a measure's figures; give the place for new ones."""
        whole: Figures = self.figures.setdefault(piece, {})
        self.figures.setdefault("dates", {})[piece] = _today()
        self.figures["machine"] = {**machine(), "load_before": self._load}
        self.figures["versions"] = versions()
        if size is None:
            whole.clear()
            return whole
        whole[str(size)] = {}
        return t.cast("Figures", whole[str(size)])

    def at(self, piece: str, size: int) -> Figures:
        """Give the figures of a measure, to read or to add."""
        whole: Figures = self.figures.setdefault(piece, {})
        return t.cast("Figures", whole.setdefault(str(size), {}))

    @contextmanager
    def failures(self, size: int) -> Iterator[None]:
        """Note that a run failed, and go on with the next one.

        Args:
            size: Bookings of the account that was read.
        """
        try:
            yield
        except FailedRunError as error:
            sys.stderr.write(f"{error}\n")
            self.failed = True
            first = str(error).partition("\n")[0]
            self.figures.setdefault("failures", []).append(f"{size:,} bookings: {first}")

    def save(self) -> None:
        """Write results.json."""
        text = json.dumps(self.figures, indent=1, sort_keys=True)
        partial = self._file.with_suffix(".part")
        partial.write_text(text + "\n")
        partial.replace(self._file)


def _today() -> str:
    return datetime.now(timezone.utc).date().isoformat()


def machine() -> Figures:
    """Describe this machine, without its name."""
    models = [
        line.partition(":")[2].strip()
        for line in _text("/proc/cpuinfo").splitlines()
        if line.startswith("model name")
    ]
    total = next((x for x in _text("/proc/meminfo").splitlines() if x.startswith("MemTotal")), "")
    kib = int(total.split()[1]) if total else 0
    return {
        "cores": os.cpu_count(),
        "processor": models[0] if models else platform.machine(),
        "memory_gib": round(kib / (1 << 20)),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
    }


def versions() -> list[str]:
    """List what is measured with."""
    found: dict[str, None] = {}
    for python, names in _PACKAGES.items():
        done = subprocess.run(  # noqa: S603
            [str(python), "-c", _VERSIONS, *names], capture_output=True, check=True
        )
        listed = json.loads(done.stdout)
        if python == places.DLT:
            listed = [f"{listed[0]} with {listed[1]}"]
        found.update(dict.fromkeys(listed))
    return list(found)


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
