"""`make run`: load an account into DuckDB and show what arrived.

With TAP_ONCEHUB_API_KEY in the environment or in .env it is that account, in Meltano's
environment dev; without it a sample account that the sandbox serves, in the environment demo.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
import typing as t
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path

from scripts.account import KEY, SAMPLE, Account, chosen
from scripts.meltano import INTERRUPTED, PLUGINS, RunLog, Screen, has_state, start, state_id
from scripts.warehouse import SCHEMA, Snapshot, patience, tables, wait_until_writable

_SAMPLE_NOTE = f"""\
This is SAMPLE DATA: {KEY} is not set, so the sandbox serves a made-up account.
For your own account: make a key in OnceHub (gear icon > Account Integrations >
APIs & Webhooks; for the Account Owner or an Administrator), copy .env.example to .env,
put the key there, and `make run` again.
"""
_SAMPLE_ACCOUNT = ("--seed=1", "--bookings=2000", "--plain", "--with-parent")
_RUNNING, _STALE_SECONDS = "running", 330
_INTERRUPTED = "Interrupted; the next `make run` resumes where this one left off"
_NEXT = """\
Next: `make models` builds analyst-ready tables from it, `make notebook` shows it in a browser."""


def main(project: Path, options: Sequence[str]) -> None:
    """Load and summarise; end with the exit status of `meltano run`."""
    lock_file = project / ".meltano/make-run.lock"
    lock_file.parent.mkdir(mode=0o700, exist_ok=True)
    with suppress(PermissionError):  # it is another's
        lock_file.parent.chmod(0o700)  # `make install` made it for all to read
    account, screen = chosen(project), Screen()
    log = RunLog(screen)
    with lock_file.open("a+") as lock, ExitStack() as stack:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit("Another `make run` is in progress")
        wait_until_writable(account.file, patience(project))
        settings = {
            "TARGET_DUCKDB_FILEPATH": str(account.file),
            "TARGET_DUCKDB_DEFAULT_TARGET_SCHEMA": SCHEMA,
        }
        if account.environment == SAMPLE:
            print(_SAMPLE_NOTE, flush=True)
            settings |= stack.enter_context(_sample_account(account.file))
        stack.enter_context(screen.doing("starting Meltano"))
        environment = f"--environment={account.environment}"
        empty = not any(table.rows for table in tables(account.file))
        if empty and has_state(project, account.environment):
            # With --full-refresh, a kill between the first rows and their state would lose some.
            screen.line(f"output/{account.file.name} has no rows: reading the whole account")
            clear = (environment, "state", "clear", "--force", state_id(account.environment))
            process = start(project, settings, *clear)
            said, _ = process.communicate()
            if process.returncode:
                sys.exit(said)
        before = Snapshot(account.file)
        # For five minutes Meltano takes a killed run to be still in progress. The locked file says
        # that the last one had no time to end, or until when there may be one.
        lock.seek(0)
        mark = lock.read().strip() or "0"
        until = time.time() + _STALE_SECONDS if mark == _RUNNING else float(mark)
        _mark(lock, _RUNNING)
        force = ["--force"] * (time.time() < until)
        command = (environment, "--log-format=json", "run", *force, *options, *PLUGINS)
        # In a session of its own, since Ctrl-C is for us; the file stays locked until it ends.
        own = {"pass_fds": [lock.fileno()], "start_new_session": True}
        status = log.follow(start(project, settings, *command, **own))
        if status <= INTERRUPTED:  # Meltano itself was not killed
            _mark(lock, str(until))
    if status == INTERRUPTED:
        raise KeyboardInterrupt
    if status:
        print(f"The load failed, see above (exit status {status})", file=sys.stderr)
        sys.exit(status)
    _summarise(before, log, account)


def _mark(lock: t.TextIO, text: str) -> None:
    lock.truncate(0)
    lock.write(text)
    lock.flush()


@contextmanager
def _sample_account(file: Path) -> Iterator[dict[str, str]]:
    """Run the sandbox; give the environment variables that make the tap read it."""
    # When its account was made stands beside the data, so that it stays the same account.
    made = file.with_suffix(".made")
    if not (file.exists() and made.exists()):
        file.unlink(missing_ok=True)
        made.parent.mkdir(exist_ok=True)
        made.write_text(f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}")
    # A session of its own: Ctrl-C is for Meltano, which still reads from it.
    with subprocess.Popen(
        (sys.executable, "-m", "sandbox", f"--now={made.read_text()}", *_SAMPLE_ACCOUNT),
        cwd=Path(__file__).parents[1],
        stdin=subprocess.PIPE,  # it ends when we do, however that happens
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        said = process.stdout.readline() if process.stdout else b""
        if not said:
            sys.exit("The sandbox did not start: see its own messages above")
        address = json.loads(said)
        limits = (f"TAP_ONCEHUB_RATE_LIMIT_PER_{name}" for name in ("SECOND", "WINDOW"))
        try:
            yield {
                **dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1"),
                "TAP_ONCEHUB_API_URL": address["url"],
                KEY: address["key"],
                **dict.fromkeys(limits, "0"),
            }
        finally:
            process.terminate()


def _summarise(before: Snapshot, log: RunLog, account: Account) -> None:
    changes = before.changes()
    print(f"\n{'stream':<30}{'new or changed':>14}{'rows in all':>14}   newest record (UTC)")
    for table in tables(account.file):
        figures = f"{changes.get(table.name, 0):>14,}{table.rows:>14,}   {table.newest}"
        if table.name in log.absent and not table.rows:
            figures = f"{'':>28}   not in this account"
        print(f"{table.name:<30}{figures}")
    note = "sample data, " if account.environment == SAMPLE else ""
    print(f"\nLoaded into output/{account.file.name} ({note}schema {SCHEMA}).")
    if log.run_stats:
        requests, least = log.run_stats["requests"], log.run_stats["min_requests"]
        many = "s" * (requests != 1)
        print(f"{requests:,} request{many}; the next run needs at least {least:,}.")
    print(_NEXT)


if __name__ == "__main__":
    os.umask(0o077)  # customers' data, and the key while Meltano runs
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
            signal.signal(number, signal.default_int_handler)
    try:
        main(Path.cwd(), sys.argv[1:])
    except KeyboardInterrupt:
        print(_INTERRUPTED, file=sys.stderr)
        sys.exit(INTERRUPTED)
