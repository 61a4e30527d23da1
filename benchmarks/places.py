"""Where things are, and the folders that runs are made in."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).parent.parent
PYTHON = PROJECT / ".venv/bin/python"
TAP = PROJECT / ".venv/bin/tap-oncehub"
MELTANO = PROJECT / ".venv/bin/meltano"
PLUGINS = PROJECT / ".meltano"
OWN_LOADER, PYPI_LOADER = "target-duckdb", "bench-pypi"
DLT = PROJECT / ".tools/bench-dlt/bin/python"
AIRBYTE = PROJECT / ".tools/bench-airbyte/bin/source-declarative-manifest"
SCRATCH = PROJECT / ".tools/bench"


def loader(name: str) -> Path:
    """Return the program of a loader: Meltano's, or PyPI's to compare it with."""
    home = {PYPI_LOADER: PROJECT / ".tools" / PYPI_LOADER}.get(
        name, PLUGINS / f"loaders/{name}/venv"
    )
    return home / "bin/target-duckdb"


def environment(**more: str) -> dict[str, str]:
    """Give this machine's environment without what could change a contender."""
    foreign = ("TAP_", "TARGET_", "MELTANO_", "DLT_", "AIRBYTE_", "COVERAGE_", "PYTHON")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(foreign) and not name.lower().endswith("_proxy")
    }
    return {
        **kept,
        "MELTANO_CLI_DISABLE_VERSION_CHECK": "true",
        "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false",
        "PYTHONPATH": str(PROJECT),
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        **more,
    }


@contextmanager
def scratch() -> Iterator[Path]:
    """Make a folder for one run; it is gone afterwards."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=SCRATCH))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
