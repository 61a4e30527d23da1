"""What the tap says it offers, as users' selections and SQL depend on it.

After a wanted change: `.venv/bin/tap-oncehub --discover > tests/contract/discover.json`
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.support import programs

SNAPSHOT = Path(__file__).parent / "discover.json"


def test_discovery_is_as_it_was(tmp_path: Path) -> None:
    found = json.loads(programs.run_tap(tmp_path, {}, "--discover").output)
    known = json.loads(SNAPSHOT.read_text())
    for now, before in zip(found["streams"], known["streams"], strict=True):
        assert now == before
    assert found == known
