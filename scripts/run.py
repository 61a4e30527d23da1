"""`make run`: load an account into DuckDB and show what arrived.

With TAP_ONCEHUB_API_KEY in the environment or in .env it is that account, in Meltano's
environment dev; without it a sample account that the sandbox serves, in the environment demo.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import typing as t
from contextlib import ExitStack, suppress
from pathlib import Path

import duckdb

from scripts.account import KEY, AccountError, chosen
from scripts.meltano import INTERRUPTED, Meltano, RunLog
from scripts.sample import SampleAccountError, sample_account
from scripts.screen import Screen
from scripts.warehouse import (
    SCHEMA,
    FileInUseError,
    Snapshot,
    patience,
    tables,
    wait_until_writable,
)

if t.TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

    from scripts.account import Account

_SAMPLE_NOTE = f"""\
This is SAMPLE DATA: {KEY} is not set, so the sandbox serves a made-up account.
For your own account: make a key in OnceHub (gear icon > Account Integrations >
APIs & Webhooks; for the Account Owner or an Administrator), copy .env.example to .env,
put the key there, and `make run` again.
"""
_OLD_SAMPLE = """\
output/warehouse.duckdb holds sample data of an older version. Move it away, then run again:
  mv output/warehouse.duckdb output/old-sample.duckdb; rm output/warehouse.source.json"""
_INTERRUPTED = "Interrupted; the next `make run` resumes where this one left off"
_NEXT = """\
Next: `make models` builds analyst-ready tables from it, `make notebook` shows it in a browser."""


def main(project: Path, options: Sequence[str]) -> int:
    """Load and summarise; return the exit status: that of `meltano run`, or 1."""
    lock_file = project / ".meltano/make-run.lock"
    lock_file.parent.mkdir(mode=0o700, exist_ok=True)
    with suppress(PermissionError):  # it is another's
        lock_file.parent.chmod(0o700)  # `make install` made it for all to read
    with lock_file.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return _fail("Another `make run` is in progress")
        try:
            return _load(project, options, lock)
        except (AccountError, SampleAccountError, FileInUseError, duckdb.Error) as error:
            return _fail(str(error))
        except KeyboardInterrupt:
            return _fail(_INTERRUPTED, INTERRUPTED)


def _load(project: Path, options: Sequence[str], lock: TextIO) -> int:
    note = project / "output/warehouse.source.json"
    if (project / "output/warehouse.duckdb").exists() and _is_sample(note):
        return _fail(_OLD_SAMPLE)
    account = chosen(project)
    file = account.file
    wait_until_writable(file, patience(project))
    settings = {"TARGET_DUCKDB_FILEPATH": str(file), "TARGET_DUCKDB_DEFAULT_TARGET_SCHEMA": SCHEMA}
    screen = Screen()
    log = RunLog(screen)
    with ExitStack() as stack:
        if account.is_sample:
            print(_SAMPLE_NOTE, flush=True)
            settings |= stack.enter_context(sample_account(file))
        stack.enter_context(screen.live())
        screen.doing("starting Meltano")
        meltano = Meltano(project, account.environment, settings)
        if not any(table.rows for table in tables(file)) and meltano.has_state():
            screen.line(f"output/{file.name} has no rows: reading the whole account")
            meltano.clear_state()
        before = Snapshot(file)
        status = _run(meltano, options, lock, log)
    if status == INTERRUPTED:
        return _fail(_INTERRUPTED, status)
    if status:
        return _fail(f"The load failed, see above (exit status {status})", status)
    _summarise(file, before, log, account)
    return 0


def _is_sample(note: Path) -> bool:
    return note.exists() and '"sample"' in note.read_text("utf-8")


def _run(meltano: Meltano, options: Sequence[str], lock: TextIO, log: RunLog) -> int:
    # For five minutes Meltano takes a killed run to be still in progress. A mark in the
    # locked file says that the last one had no time to remove it.
    lock.seek(0)
    was_killed = bool(lock.read())
    lock.write("running\n")
    lock.flush()
    status = meltano.run(lock, ["--force", *options] if was_killed else options, log)
    if status <= INTERRUPTED:  # Meltano itself was not killed
        lock.truncate(0)
    return status


def _summarise(file: Path, before: Snapshot, log: RunLog, account: Account) -> None:
    changes = before.changes()
    print(f"\n{'stream':<30}{'new or changed':>14}{'rows in all':>14}   newest record (UTC)")
    for table in tables(file):
        if table.name in log.absent and not table.rows:
            print(f"{table.name:<30}{'':>28}   not in this account")
        else:
            figures = f"{changes.get(table.name, 0):>14,}{table.rows:>14,}"
            print(f"{table.name:<30}{figures}   {table.newest}")
    note = "sample data, " if account.is_sample else ""
    print(f"\nLoaded into output/{file.name} ({note}schema {SCHEMA}).")
    if log.run_stats:
        requests, least = log.run_stats["requests"], log.run_stats["min_requests"]
        print(
            f"{requests:,} request{'s' * (requests != 1)}; the next run needs at least {least:,}."
        )
    print(_NEXT)


def _fail(text: str, status: int = 1) -> int:
    sys.stdout.flush()
    print(text, file=sys.stderr, flush=True)
    return status


if __name__ == "__main__":
    os.umask(0o077)  # customers' data, and the key while Meltano runs
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
            signal.signal(number, signal.default_int_handler)
    sys.exit(main(Path.cwd(), sys.argv[1:]))
