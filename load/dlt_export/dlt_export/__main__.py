"""`dlt-export`: settings come from the environment, as Meltano hands them over."""

import os
import shutil
import signal
import sys
from pathlib import Path

import duckdb

from dlt_export.export import export, refuse

_SETTINGS = ("filepath", "schema", "destination", "dataset", "hard_delete", "full")
_KNOWN = ("bigquery", "databricks", "delta", "duckdb", "redshift", "snowflake")
# dlt would write NULL for empty texts to PostgreSQL, and rows twice to plain files; a new column
# ends its export to Iceberg.
_OTHERS = "for PostgreSQL use target-postgres, for Parquet parquet-export, for Iceberg delta"


def main() -> None:
    """Export, and say what was written; an error is one line."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.environ.pop("PROGRESS", None)  # dlt would read it
    settings = {name: os.environ.get(f"DLT_EXPORT_{name.upper()}", "") for name in _SETTINGS}
    file, destination = Path(settings["filepath"]), settings["destination"]
    work = file.parent / f"{file.name}.{destination}.tmp"
    try:
        if destination not in _KNOWN:
            known = ", ".join(_KNOWN)
            refuse(f"cannot export to {destination!r}: known are {known}; {_OTHERS}")
        with duckdb.connect(str(file), read_only=True) as duck:
            shutil.rmtree(work, ignore_errors=True)  # a run that was killed has left it
            work.mkdir(mode=0o700)
            for line in export(duck, settings, work):
                print(line, flush=True)  # noqa: T201
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - dlt's for a signal is one
        sys.exit(f"dlt-export: {_reason(error)}")
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _reason(error: BaseException) -> str:
    """Return what is at the bottom of an error, in one line."""
    while inner := getattr(error, "exception", None) or error.__cause__:
        error = inner
    if missing := getattr(error, "fields", None):
        return f"dlt's configuration lacks {', '.join(missing)}; see docs/destinations.md"
    return next((line.strip() for line in str(error).splitlines() if line.strip()), repr(error))


if __name__ == "__main__":
    main()
