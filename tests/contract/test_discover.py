"""What the tap says it offers, as users' selections and SQL depend on it.

After a wanted change: `.venv/bin/python -m tests.contract.test_discover`
"""

from __future__ import annotations

import json
import typing as t
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.contract.test_schemas import fields, type_of
from tests.support import programs

SNAPSHOT = Path(__file__).parent / "discover.json"


def offers(folder: Path) -> dict[str, t.Any]:
    """Give what a user sees of each stream, without what only its schema file says."""
    found = json.loads(programs.run_tap(folder, {}, "--discover").output)
    return {entry["stream"]: offer(entry) for entry in found["streams"]}


def offer(entry: dict[str, t.Any]) -> dict[str, t.Any]:
    metadata = {tuple(part["breadcrumb"]): part["metadata"] for part in entry["metadata"]}
    top = metadata.pop(())
    automatic = [path[-1] for path, its in metadata.items() if its["inclusion"] == "automatic"]
    return {
        "key": entry["key_properties"],
        "replication_key": entry.get("replication_key"),
        "method": entry["replication_method"],
        "selected": top["selected"],
        "automatic": automatic,
        "columns": {field.path: type_of(field.schema) for field in fields(entry["schema"])},
    }


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, t.Any]:
    return offers(tmp_path_factory.mktemp("discover"))


KNOWN: dict[str, t.Any] = json.loads(SNAPSHOT.read_text("utf-8"))


def test_discovery_has_the_streams_it_had(found: dict[str, t.Any]) -> None:
    assert list(found) == list(KNOWN)


@pytest.mark.parametrize("stream", KNOWN)
def test_discovery_of_a_stream_is_as_it_was(found: dict[str, t.Any], stream: str) -> None:
    assert found[stream] == KNOWN[stream]
    assert list(found[stream]["columns"]) == list(KNOWN[stream]["columns"])


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        SNAPSHOT.write_text(json.dumps(offers(Path(folder)), indent=1) + "\n", "utf-8")
