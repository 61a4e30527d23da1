"""`dlt-export`: settings come from the environment, as Meltano hands them over."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

import duckdb

from dlt_export.export import DESTINATIONS, export, reason, refuse

_SETTINGS = (
    *("filepath", "schema", "destination", "dataset"),
    *("hard_delete", "full", "loader_hard_delete"),
)
_REFUSED = {
    "postgres": "it would hold NULL for empty texts, use target-postgres",
    "filesystem": "plain files would hold rows twice, use delta or parquet-export",
    "iceberg": "a new column would end the export, use delta",
}


def main() -> None:
    """Export, and say what was written; an error is one line."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    settings = {name: os.environ.get(f"DLT_EXPORT_{name.upper()}", "") for name in _SETTINGS}
    try:
        _run(settings, settings["destination"], Path(settings["filepath"]))
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - dlt's for a signal is one
        sys.exit(f"dlt-export: {reason(error)}")


def _run(settings: dict[str, str], destination: str, file: Path) -> None:
    if missing := [name for name in _SETTINGS[:3] if not settings[name]]:
        refuse(f"{', '.join(missing)} must be set")
    if destination not in DESTINATIONS:
        known = f"known are {', '.join(DESTINATIONS)}"
        refuse(f"cannot export to {destination}: {_REFUSED.get(destination, known)}")
    if settings["loader_hard_delete"].lower() == "true" != settings["full"].lower():
        refuse("target-duckdb has hard_delete, so deletes cannot be seen; set full")
    work = file.with_name(f"{file.name}.{destination}.tmp")
    shutil.rmtree(work, ignore_errors=True)  # a run that was killed has left it
    try:
        with duckdb.connect(str(file), read_only=True) as connection:
            work.mkdir(mode=0o700)
            for line in export(connection, settings, file.stem, str(work)):
                print(line, flush=True)  # noqa: T201
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
