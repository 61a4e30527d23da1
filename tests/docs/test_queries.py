"""docs/operations.md: its query of what is fresh, in what a real run has loaded."""

import json
import re
import typing as t
from datetime import datetime, timezone
from pathlib import Path

import duckdb

from sandbox import Account, Sandbox
from tests.docs.pages import PAGES, blocks
from tests.support import inside, programs

STREAMS = {"bookings", "contacts", "sms_notifications", "users"}


def test_freshness(tmp_path: Path) -> None:
    (query,) = (block.code for block in blocks() if block[:2] == ("docs/operations.md", "sql"))
    (limit,) = re.findall(r"`(now\(\) .*?)`", PAGES["docs/operations.md"])
    account = Account(seed=2, bookings=80, nasty=False)
    state: dict[str, t.Any] | None = None
    with Sandbox(account, key=programs.KEY) as api:
        for _ in range(2):
            began = datetime.now(timezone.utc).replace(tzinfo=None)
            run = inside.run(programs.settings_for(api.url), inside.catalog(*STREAMS), state)
            state = json.loads(programs.load(tmp_path, run.output))
    with duckdb.connect(str(tmp_path / "warehouse.duckdb"), read_only=True) as connection:
        found = {stream: times for stream, *times in connection.execute(query).fetchall()}
        ((earliest,),) = connection.execute(f"SELECT {limit}").fetchall()
    assert found.keys() == STREAMS
    newest = max(item["last_updated_time"] for item in account.objects("bookings"))
    assert found["bookings"][1].isoformat()[:19] == newest[:19]
    # Nothing has changed since, and yet every stream says that there was a run.
    assert all(loaded > began > earliest for loaded, _ in found.values())
