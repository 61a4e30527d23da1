"""`make run`: load an account into DuckDB and show what arrived.

With TAP_ONCEHUB_API_KEY in the environment or in .env it is that account, in Meltano's
environment dev; without it a sample account that the sandbox serves, in the environment demo.
"""

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, timedelta, timezone
from os.path import relpath
from pathlib import Path

from sandbox import Account, Sandbox
from scripts import meltano, warehouse
from scripts.warehouse import FILE, KEY, SAMPLE, SCHEMA, setting

_SAMPLE_NOTE = f"""\
This is SAMPLE DATA: {KEY} is not set, so the sandbox serves a made-up account.
For your own account: put a key into .env, as the README says, and `make run` again.
"""
_STATE = "SELECT 1 FROM state WHERE state_id = ?"
_KILLED = "SELECT 1 FROM runs WHERE job_name = ? AND trigger = 'make run' AND state = 'RUNNING'"


def main(project: Path, *options: str) -> None:
    """Load and summarise; end with the exit status of `meltano run`."""
    environment, file = warehouse.chosen(project)
    log, lock = meltano.RunLog(), _lock(project / ".meltano")
    job = f"{environment}:{'-to-'.join(meltano.PLUGINS)}"  # also the name of its state
    loaded = warehouse.tables(file, mode="READ_WRITE")
    why = "" if any(rows for _, rows, *_ in loaded) else "has no rows"
    last = project / ".meltano" / f"make-run.{environment}"  # whose state it is
    if last.exists() and last.read_text("utf-8") != str(file):
        why = "is not the file of the last run"
    settings = {FILE: str(file), "TARGET_DUCKDB_DEFAULT_TARGET_SCHEMA": SCHEMA}
    settings["MELTANO_JOB_TRIGGER"] = "make run"

    def call(*arguments: str) -> int:
        command = f"--environment={environment}", "--log-format=json", *arguments
        # In a session of its own, since Ctrl-C is for us; the file stays locked until it ends.
        own = {"pass_fds": [lock], "start_new_session": True}
        return log.follow(meltano.start(project, settings, *command, **own))

    with ExitStack() as stack:
        if environment == SAMPLE:
            settings |= stack.enter_context(_sample_account())
        print("Ctrl-C stops it; the next `make run` resumes.", flush=True)
        status = 0
        # Of a state that is kept elsewhere, only Meltano knows.
        elsewhere = map(setting, ("MELTANO_STATE_BACKEND_URI", "MELTANO_DATABASE_URI"))
        if why and (any(elsewhere) or meltano.ask(project, _STATE, job)):
            # With --full-refresh, a kill between the first rows and their state would lose some.
            meltano.say(f"{relpath(file)} {why}: reading the whole account")
            status = call("state", "clear", "--force", job)
        if not status:
            last.write_text(str(file), "utf-8")
            # For five minutes Meltano takes a run that was killed to be still in progress.
            force = ["--force"] * bool(meltano.ask(project, _KILLED, job))
            status = call("run", *force, *options, *meltano.PLUGINS)
    if status:
        print(f"The load failed, see above (exit status {status})", file=sys.stderr)
        sys.exit(status)
    print(f"\n{'stream':<30}{'records read':>14}{'rows in all':>14}   newest record (UTC)")
    for name, rows, newest, _ in warehouse.tables(file):
        stats = log.streams.get(name, {"records": 0, "is_absent": False})
        figures = f"{stats['records']:>14,}{rows:>14,}   {newest}"
        absent = f"{'':>28}   not in this account"
        print(f"{name:<30}{absent if stats['is_absent'] and not rows else figures}")
    note = "sample data, " if environment == SAMPLE else ""
    print(f"\nLoaded into {relpath(file)} ({note}schema {SCHEMA}).")
    if log.run_stats:
        requests, least = log.run_stats["requests"], log.run_stats["min_requests"]
        print(f"{requests:,} request{'s'[: requests != 1]}; the next run needs at least {least:,}.")
    print("Next: `make models` builds analyst-ready tables, `make notebook` shows it in a browser.")


def _lock(folder: Path) -> int:
    """Let no other `make run` begin while the file that is returned is open."""
    folder.mkdir(mode=0o700, exist_ok=True)
    with suppress(PermissionError):  # it is another's
        folder.chmod(0o700)  # `make install` made it for all to read
    lock = os.open(folder / "make-run.lock", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit("Another `make run` is in progress")
    return lock


@contextmanager
def _sample_account() -> Iterator[dict[str, str]]:
    """Run the sandbox; give the environment variables that make the tap read it."""
    print(_SAMPLE_NOTE)
    today = datetime.now(timezone.utc).date()  # through a week it is the same account
    monday = f"{today - timedelta(today.weekday())}T00:00:00Z"
    with Sandbox(Account(seed=1, bookings=2000, nasty=False, now=monday)) as api:
        no_proxy = dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1")
        yield {"TAP_ONCEHUB_API_URL": api.url, KEY: api.key, **no_proxy}
