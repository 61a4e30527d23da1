"""What the tap says it offers, as users' selections and SQL depend on it.

After a wanted change: `.venv/bin/tap-oncehub --discover > tests/contract/discover.json`
"""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

from tests.support import programs

if t.TYPE_CHECKING:
    from collections.abc import Iterator

SNAPSHOT = Path(__file__).parent / "discover.json"


def types(schema: dict[str, t.Any], path: str = "") -> Iterator[tuple[str, str]]:
    for name, part in schema.get("properties", {}).items():
        kind = part["type"] if isinstance(part["type"], str) else "+".join(part["type"])
        yield f"{path}{name}", f"{kind} {part.get('format', '')}".strip()
        yield from types(part, f"{path}{name}.")
        yield from types(part.get("items", {}), f"{path}{name}[].")


def test_discovery_is_as_it_was(tmp_path: Path) -> None:
    found = json.loads(programs.run_tap(tmp_path, {}, "--discover").output)
    known = json.loads(SNAPSHOT.read_text())
    for now, before in zip(found["streams"], known["streams"], strict=True):
        assert now["tap_stream_id"] == before["tap_stream_id"]
        assert dict(types(now["schema"])) == dict(types(before["schema"]))
    assert found == known
