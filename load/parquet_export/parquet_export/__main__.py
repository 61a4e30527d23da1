"""`parquet-export`: settings come from the environment, as Meltano hands them over."""

import json
import os
import sys
import typing as t
from collections.abc import Mapping

import duckdb

from parquet_export.export import export
from parquet_export.places import Place, UnknownPlaceError

_PREFIX = "PARQUET_EXPORT_"


def main() -> None:
    """Export, and say what was written; an error is one line."""
    sys.exit(run(os.environ, print))


def run(environment: Mapping[str, str], say: t.Callable[[str], None]) -> int:
    """Export.

    Args:
        environment: Holds the settings.
        say: Shows a line.

    Returns:
        The exit status.
    """
    settings = {name: environment.get(f"{_PREFIX}{name}".upper(), "") for name in _SETTINGS}
    missing = [name for name in ("filepath", "schema", "destination") if not settings[name]]
    if missing:
        say(f"parquet-export: {', '.join(missing)} must be set")
        return 1
    try:
        options = json.loads(settings["storage_options"] or "{}")
        place = Place.at(settings["destination"], options)
        with duckdb.connect(settings["filepath"], read_only=True) as connection:
            for table in export(connection, settings["schema"], place):
                say(f"{table.name}: {table.rows} rows in {table.files} files")
    except (UnknownPlaceError, duckdb.Error, OSError, ValueError) as error:
        say(f"parquet-export: {error}")
        return 1
    return 0


_SETTINGS = ("filepath", "schema", "destination", "storage_options")

if __name__ == "__main__":
    main()
