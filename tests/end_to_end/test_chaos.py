"""Twenty runs killed at random moments while the account changes: nothing is lost.

Moments are counted in requests, so that a slow machine sees the same confusion.
"""

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
import pytest

from sandbox import Account, Sandbox
from tests.support import programs, warehouse
from tests.support.project import Project
from tests.support.streams import LISTS

VICTIMS = (("", signal.SIGKILL), ("", signal.SIGINT))  # Meltano, the tap and the loader
VICTIMS += (("bin/tap-oncehub", signal.SIGKILL), ("bin/target-duckdb", signal.SIGKILL))
VICTIMS += (("bin/tap-oncehub", signal.SIGTERM),)


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


def send(number: signal.Signals, group: int, program: str) -> None:
    """Send a signal to the processes of a group that run a program."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if os.getpgid(int(process.name)) == group and program in (
                process.joinpath("cmdline").read_text()
            ):
                os.kill(int(process.name), number)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_run_of_meltano_killed_twenty_times(tmp_path: Path) -> None:
    # No list may lose half of its objects, which is taken for a fault (docs/state.md).
    sizes = dict.fromkeys(LISTS, 100) | {"contacts": 800, "sms_notifications": 400}
    account = Account(seed=30, **sizes | {"bookings": 3000})
    rng, ended = random.Random(4), Counter[str]()  # chaos that can be repeated
    small = {"TAP_ONCEHUB_PAGE_SIZE": "20", "TARGET_DUCKDB_BATCH_SIZE_ROWS": "100"}
    with Sandbox(account, key=programs.KEY) as api:
        project = Project(tmp_path / "project", api.url, **small)
        # OnceHub's limits never let the tap outrun the loader; nor does this.
        project.variables["TAP_ONCEHUB_RATE_LIMIT_PER_SECOND"] = "20"
        for turn in range(20):
            program, number = VICTIMS[turn % len(VICTIMS)]
            when = api.count() + rng.randint(1, 60)
            with life(account, rng), project.start() as process:
                while api.count() < when and process.poll() is None:  # it may be done by then
                    time.sleep(0.02)
                if process.poll() is None:
                    send(number, process.pid, program)
                    ended[f"{program} {number}"] += 1
                process.wait(programs.PATIENCE)
        project.variables["TAP_ONCEHUB_RATE_LIMIT_PER_SECOND"] = "0"
        for days in (0, 8):  # finish, then an undisturbed full pass
            account.clock.offset_seconds += days * 86_400
            run = project.run()
            assert run.status == 0, run.log
    assert len(ended) == len(VICTIMS), ended
    with duckdb.connect(str(project.database)) as connection:
        for stream in LISTS:
            gone = f"DELETE FROM oncehub.{stream} WHERE _sdc_deleted_at IS NOT NULL"
            connection.execute(gone)
    for stream in LISTS:
        warehouse.assert_equal(project.database, stream, account.objects(stream))
