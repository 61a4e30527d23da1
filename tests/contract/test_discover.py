"""What the tap says it offers, as users' selections and SQL depend on it.

After a wanted change: `.venv/bin/python -m tests.contract.test_discover`
"""

import json
import typing as t
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.contract.test_schemas import fields, type_of
from tests.support import programs

SNAPSHOT = Path(__file__).parent / "discover.json"


def offers() -> str:
    """Give what a user sees of each stream, in order, without what only its schema file says."""
    with TemporaryDirectory() as folder:
        found = json.loads(programs.run_tap(Path(folder), {}, "--discover").output)
    offers = {entry["stream"]: offer(entry) for entry in found["streams"]}
    return json.dumps(offers, indent=1) + "\n"


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


def test_discovery_offers_what_it_offered() -> None:
    assert offers().splitlines() == SNAPSHOT.read_text("utf-8").splitlines()


if __name__ == "__main__":
    SNAPSHOT.write_text(offers(), "utf-8")
