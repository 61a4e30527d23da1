"""OnceHub with dlt's REST API source, into DuckDB.

    python -m benchmarks.others.dlt_pipeline VARIANT URL KEY FOLDER

`default` is what dlt does when only the address, the name of the key's header, the
paths and the primary keys are given. `best` reads pages of 100 and only what has
changed, merges by primary key, puts JSONL files between dlt and DuckDB, where dlt's
default is INSERT statements, which cost DuckDB far more, and keeps nested values in
JSON columns, as the tap does, where dlt's default is a table for each nested list.
"""

import sys
import typing as t
from pathlib import Path

import dlt
from dlt.sources.rest_api import rest_api_source

from benchmarks.account import EPOCH, LISTS, List

DATASET = "oncehub"
DATABASE = "warehouse.duckdb"


def main(variant: str, url: str, key: str, folder: str) -> None:
    """Load all lists, going on from what the folder holds."""
    resources = [
        _default(name, endpoint) if variant == "default" else _tuned(name, endpoint)
        for name, endpoint in LISTS.items()
    ]
    auth = {"type": "api_key", "name": "API-Key", "api_key": key, "location": "header"}
    config: t.Any = {"client": {"base_url": url, "auth": auth}, "resources": resources}
    source = rest_api_source(config)
    if variant == "best":
        source.max_table_nesting = 0
    pipeline = dlt.pipeline(
        "oncehub",
        pipelines_dir=str(Path(folder, "pipelines")),
        destination=dlt.destinations.duckdb(str(Path(folder, DATABASE))),
        dataset_name=DATASET,
    )
    files: t.Any = "jsonl" if variant == "best" else None
    pipeline.run(source, loader_file_format=files)


def _default(name: str, endpoint: List) -> dict[str, t.Any]:
    return {
        "name": name,
        "primary_key": "id",
        "write_disposition": "replace",
        "endpoint": {"path": endpoint.path},
    }


def _tuned(name: str, endpoint: List) -> dict[str, t.Any]:
    asked: dict[str, t.Any] = {
        "path": endpoint.path,
        "params": {"limit": 100},
        "paginator": "header_link",
        "data_selector": "data",
    }
    if endpoint.replication_key:
        asked["incremental"] = {
            "cursor_path": endpoint.replication_key,
            "initial_value": EPOCH,
            "start_param": f"{endpoint.replication_key}.gt",
        }
    disposition = "merge" if endpoint.replication_key else "replace"
    return {
        "name": name,
        "primary_key": "id",
        "write_disposition": disposition,
        "endpoint": asked,
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
