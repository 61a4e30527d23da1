"""`dlt-export`: settings come from the environment, as Meltano hands them over."""

import os
import shutil
import signal
import sys
from pathlib import Path

import duckdb

from dlt_export.export import export, reason, refuse

_REQUIRED = ("filepath", "schema", "destination")
_SETTINGS = (*_REQUIRED, "dataset", "hard_delete", "full", "loader_hard_delete")
_KNOWN = ("bigquery", "databricks", "delta", "duckdb", "redshift", "snowflake")
_REFUSED = {
    "postgres": "it would hold NULL for empty texts, use target-postgres",
    "filesystem": "plain files would hold rows twice, use delta or parquet-export",
    "iceberg": "a new column would end the export, use delta",
}


def main() -> None:
    """Export, and say what was written; an error is one line."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    settings = {name: os.environ.get(f"DLT_EXPORT_{name.upper()}", "") for name in _SETTINGS}
    file, destination = Path(settings["filepath"]), settings["destination"]
    work = file.parent / f"{file.name}.{destination}.tmp"
    try:
        if missing := [name for name in _REQUIRED if not settings[name]]:
            refuse(f"{', '.join(missing)} must be set")
        if destination not in _KNOWN:
            why = _REFUSED.get(destination, f"known are {', '.join(_KNOWN)}")
            refuse(f"cannot export to {destination}: {why}")
        if settings["loader_hard_delete"].lower() == "true" != settings["full"].lower():
            refuse("target-duckdb has hard_delete, so deletes cannot be seen; set full")
        with duckdb.connect(str(file), read_only=True) as connection:
            shutil.rmtree(work, ignore_errors=True)  # a run that was killed has left it
            work.mkdir(mode=0o700)
            try:
                for line in export(connection, settings, file.stem, str(work)):
                    print(line, flush=True)  # noqa: T201
            finally:
                shutil.rmtree(work, ignore_errors=True)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - dlt's for a signal is one
        sys.exit(f"dlt-export: {reason(error)}")


if __name__ == "__main__":
    main()
