"""`dlt-export`: settings come from the environment, as Meltano hands them over."""

import os
import shutil
import signal
import sys
from pathlib import Path

import duckdb

from dlt_export.export import export, refuse

_SETTINGS = ("filepath", "schema", "destination", "dataset", "hard_delete", "full")
_KNOWN = "bigquery, databricks, delta, duckdb, redshift, snowflake"
_OTHERS = "for PostgreSQL use target-postgres, for Parquet parquet-export, for Iceberg delta"


def main() -> None:
    """Export, and say what was written; an error is one line."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.environ.pop("PROGRESS", None)  # dlt would read it
    settings = {name: os.environ.get(f"DLT_EXPORT_{name.upper()}", "") for name in _SETTINGS}
    file, destination = Path(settings["filepath"]), settings["destination"]
    work = file.parent / f"{file.name}.{destination}.tmp"
    try:
        if destination not in _KNOWN.split(", "):
            refuse(f"cannot export to {destination!r}: known are {_KNOWN}; {_OTHERS}")
        with duckdb.connect(str(file), read_only=True) as duck:
            shutil.rmtree(work, ignore_errors=True)  # a run that was killed has left it
            work.mkdir(mode=0o700)
            for line in export(duck, settings, work):
                print(line, flush=True)  # noqa: T201
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - dlt's for a signal is one
        reason: BaseException = error
        while inner := getattr(reason, "exception", None) or reason.__cause__:
            reason = inner
        sys.exit(f"dlt-export: {(str(reason).strip() or repr(reason)).splitlines()[0]}")
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
