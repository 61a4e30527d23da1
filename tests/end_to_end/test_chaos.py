"""Twenty runs killed at random moments while the account changes: nothing is lost.

Moments are counted in requests, so that a slow machine sees the same confusion.
"""

import json
import random
import signal
import subprocess
import threading
import typing as t
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandbox import Account, Sandbox
from tests.support import gone, programs, warehouse
from tests.support.kills import wait_for
from tests.support.project import Project
from tests.support.streams import LISTS

pytestmark = pytest.mark.slow

PAGE, BATCH = 20, 100
A_DAY = 86_400


@pytest.fixture
def account() -> Account:
    # No list may lose half of its objects, which is taken for a fault (docs/state.md).
    sizes = dict.fromkeys(LISTS, 100) | {"contacts": 800, "sms_notifications": 400}
    return Account(seed=30, **sizes | {"bookings": 3000})


@contextmanager
def life(account: Account, rng: random.Random) -> Iterator[None]:
    """Change the account a little all the time, and once more afterwards."""
    stop = threading.Event()

    def go_on() -> None:
        while not stop.wait(0.1):
            account.random_changes(rng, edits=2, adds=1, deletes=1, streams=LISTS)

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    account.random_changes(rng, edits=10, adds=5, deletes=5, streams=LISTS)


def pipe(folder: Path, url: str, end: t.Any = None) -> tuple[int, str]:
    """Run the tap into the loader; the state is what the loader gives back."""
    kept = folder / "kept.json"
    settings = programs.settings_for(url, page_size=PAGE, emit_activate_version_messages=True)
    # Slow enough that a kill finds the tap at work.
    settings |= {"rate_limit_per_second": 60} if end else {}
    state = json.loads(kept.read_text()) if kept.exists() else {}
    tap_command = programs.tap_command(folder, settings, state=state)
    config = programs.loader_config(folder, batch_size_rows=BATCH)
    loader_command = [str(programs.LOADER), "--config", str(config)]
    through, env = subprocess.PIPE, programs.environment()
    with (
        (folder / "log").open("wb") as log,
        (folder / "states").open("wb") as states,
        subprocess.Popen(tap_command, stdout=through, stderr=log, env=env) as tap,
        subprocess.Popen(
            loader_command, stdin=tap.stdout, stdout=states, stderr=subprocess.DEVNULL, env=env
        ) as into,
    ):
        t.cast("t.IO[bytes]", tap.stdout).close()
        if end:
            end(tap, into)
        status = tap.wait(programs.PATIENCE)
        into.wait(programs.PATIENCE)
    if lines := (folder / "states").read_bytes().splitlines():
        kept.write_bytes(lines[-1])
    return status, (folder / "log").read_text()


def test_the_tap_and_the_loader_killed_twenty_times(tmp_path: Path, account: Account) -> None:
    rng = random.Random(4)  # chaos that can be repeated
    ended = set()
    with Sandbox(account, key=programs.KEY) as api:

        def end(tap: subprocess.Popen[bytes], loader: subprocess.Popen[bytes]) -> None:
            # The tap may be done by then, or have nothing left to write.
            wait_for(lambda: api.count() >= when or tap.poll() is not None, tap)
            victim = loader if what == "loader" else tap
            victim.send_signal(signal.SIGTERM if what == "SIGTERM" else signal.SIGKILL)

        for number in range(20):
            when = api.count() + rng.randint(1, 60)
            what = ("SIGKILL", "SIGTERM", "loader")[min(number % 5 // 2, 2)]
            with life(account, rng):
                status, log = pipe(tmp_path, api.url, end)
            assert status in {{"SIGKILL": -9, "SIGTERM": 143, "loader": 1}[what], 0}, log
            ended.add(status)
            assert "Traceback" not in log
        for days in (0, 8):  # finish, then an undisturbed full pass
            account.clock.offset_seconds += days * A_DAY
            status, log = pipe(tmp_path, api.url)
            assert status == 0, log
        assert ended >= {-9, 143, 1}
    equal(tmp_path / "warehouse.duckdb", account)


def test_meltano_killed_ten_times(tmp_path: Path, account: Account) -> None:
    rng, killed = random.Random(5), 0
    sizes = {"TAP_ONCEHUB_PAGE_SIZE": str(PAGE), "TARGET_DUCKDB_BATCH_SIZE_ROWS": str(BATCH)}
    with Sandbox(account, key=programs.KEY) as api:
        project = Project(tmp_path / "project", api.url, **sizes)
        # OnceHub's limits never let the tap outrun the loader; nor does this.
        full_speed, project.pace = project.pace, {"TAP_ONCEHUB_RATE_LIMIT_PER_SECOND": "20"}
        for _ in range(10):
            when = api.count() + rng.randint(1, 60)
            with life(account, rng):
                killed += project.kill(lambda moment=when: api.count() >= moment, late=True)
        project.pace = full_speed
        for days in (0, 8):
            account.clock.offset_seconds += days * A_DAY
            run = project.run()
            assert run.status == 0, run.log
    assert killed, "every run ended before its moment"
    equal(project.database, account)


def equal(file: Path, account: Account) -> None:
    """Compare, once what is marked as gone is removed."""
    gone.remove(file, *LISTS)
    for stream in LISTS:
        warehouse.assert_equal(file, stream, account.objects(stream))
