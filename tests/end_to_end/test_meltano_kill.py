"""A whole `meltano run`, killed and run again."""

from __future__ import annotations

import signal
import typing as t

import duckdb
import pytest

from sandbox import Account, Sandbox
from tests.support import kills, warehouse
from tests.support.programs import pages_of
from tests.support.project import Project

if t.TYPE_CHECKING:
    from pathlib import Path


SMALL = {
    "TAP_ONCEHUB_API_KEY": "k",
    "TAP_ONCEHUB_PAGE_SIZE": "10",
    "TARGET_DUCKDB_BATCH_SIZE_ROWS": "20",
}


def test_a_killed_run_goes_on_where_the_loader_was(tmp_path: Path) -> None:
    account = Account(seed=6, bookings=145)
    with Sandbox(account, key="k") as api:
        project = Project(tmp_path / "project", api.url, **SMALL)
        with kills.holding_back(api, "/bookings", 11) as asked:
            # Five batches are loaded, with a state from before the row that filled the last.
            loaded = account.objects("bookings")[89]["id"]
            project.kill(lambda: asked() and loaded in cursors(project))
        run = project.run()
        assert run.status == 0, run.log
        assert not cursors(project)
        a_batch = 20 // 9 + 1
        assert api.count("/bookings") <= pages_of(145, 10) + 1 + a_batch
    for stream in ("bookings", "contacts", "users"):
        warehouse.assert_equal(project.database, stream, account.objects(stream))


@pytest.mark.slow
def test_ctrl_c_says_what_is_true(tmp_path: Path) -> None:
    account = Account(seed=6, bookings=145)
    with Sandbox(account, key="k") as api:
        project = Project(tmp_path / "project", api.url, **SMALL)
        with kills.holding_back(api, "/bookings", 11) as asked:
            project.kill(lambda: asked() and cursors(project), number=signal.SIGINT)
        log = project.log.read_text()
        assert "Interrupted: the next run resumes from the last state that was saved." in log
        assert "Traceback" not in log
        ids = [item["id"] for item in account.objects("bookings")]
        with duckdb.connect(str(project.database), read_only=True) as connection:
            found = connection.execute("SELECT id FROM oncehub.bookings").fetchall()
        saved = ids.index(cursors(project)[-1]) + 1
        assert set(ids[:saved]) <= {row[0] for row in found}
        before = api.count("/bookings")
        run = project.run()
        assert run.status == 0, run.log
        assert api.count("/bookings") - before <= (len(ids) - saved) // 9 + 2
    warehouse.assert_equal(project.database, "bookings", account.objects("bookings"))


def cursors(project: Project) -> list[str]:
    bookmark = project.state.get("bookmarks", {}).get("bookings", {})
    positions = (bookmark.get("resume") or [[]])[-1]
    return [position[0] for position in positions]
