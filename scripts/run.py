"""`make run`: load an account into output/warehouse.duckdb and say what is there.

With TAP_ONCEHUB_API_KEY in the environment or in .env it is that account, without
it a sample account that the sandbox plays. Meltano does the work either way.
"""

from __future__ import annotations

import os
import signal
import sys
import typing as t
from contextlib import ExitStack
from pathlib import Path

from dotenv import dotenv_values

from scripts.lock import AlreadyRunningError, run_lock
from scripts.meltano import INTERRUPTED, Meltano
from scripts.sample import SampleAccountError, sample_account
from scripts.warehouse import SCHEMA, MixedDataError, Source, Warehouse

if t.TYPE_CHECKING:
    from collections.abc import Sequence

    from scripts.lock import RunLock

KEY = "TAP_ONCEHUB_API_KEY"
_SAMPLE_NOTE = f"""\
This is SAMPLE DATA: {KEY} is not set, so the sandbox plays an account.
For your own account: make a key in OnceHub > Integrations > APIs & Webhooks,
copy .env.example to .env, put the key there, and `make run` again.
"""
_QUERY = f"FROM {SCHEMA}.bookings SELECT status, count(*) AS bookings GROUP BY ALL"


def main(project: Path, options: Sequence[str]) -> int:
    """Load and summarise.

    Args:
        project: The project's folder.
        options: More options for `meltano run`.

    Returns:
        The exit status: that of `meltano run`, or 1 if it could not begin.
    """
    try:
        with run_lock(project / ".meltano/make-run.lock") as lock:
            return _load(project, options, lock)
    except AlreadyRunningError:
        return _fail("Another `make run` is under way")
    except SampleAccountError as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        return _fail("Interrupted", INTERRUPTED)
    except MixedDataError as error:
        return _fail(
            f"{error}, and {KEY} is not set: set it, or move output/ away to look at sample data"
        )


def api_key(project: Path) -> str:
    """Find the key where Meltano will find it.

    Args:
        project: The project's folder.

    Returns:
        The key; empty, if there is none.
    """
    key = os.environ.get(KEY, dotenv_values(project / ".env").get(KEY))
    return (key or "").strip()


def _load(project: Path, options: Sequence[str], lock: RunLock) -> int:
    source = Source.ACCOUNT if api_key(project) else Source.SAMPLE
    warehouse = Warehouse(project / "output/warehouse.duckdb")
    preparation = warehouse.prepare(source)
    if preparation.moved_to:
        _say(f"The sample data is now in output/{preparation.moved_to.name}\n")
    settings = {
        "TARGET_DUCKDB_FILEPATH": str(warehouse.file),
        "TARGET_DUCKDB_DEFAULT_TARGET_SCHEMA": SCHEMA,
    }
    with ExitStack() as stack:
        if source is Source.SAMPLE:
            _say(_SAMPLE_NOTE)
            settings |= stack.enter_context(sample_account(project, preparation.note.made))
        meltano = Meltano(project, settings, _say)
        if preparation.is_new and not preparation.note.state_suffix:
            # What earlier runs loaded is not in this file.
            meltano.clear_state()
        status = meltano.run(lock, preparation.note.state_suffix, options)
    if status == INTERRUPTED:
        return _fail("Interrupted; the next `make run` goes on from here", status)
    if status:
        return _fail(f"The load failed, see above (exit status {status})", status)
    _summarise(warehouse, source)
    return 0


def _summarise(warehouse: Warehouse, source: Source) -> None:
    _say(f"\n{'stream':<30}{'rows':>10}   newest record (UTC)")
    for table in warehouse.tables():
        _say(f"{table.name:<30}{table.rows:>10,}   {table.newest or '-'}")
    sample = " (sample data)" if source is Source.SAMPLE else ""
    file = f"output/{warehouse.file.name}"
    python = f"import duckdb; duckdb.connect('{file}').sql('{_QUERY}').show()"
    _say(f"\nLoaded into {file}, schema {SCHEMA}{sample}. One query to try:\n")
    _say(f'  .venv/bin/python -c "{python}"\n')


def _say(text: str) -> None:
    print(text, flush=True)


def _fail(text: str, status: int = 1) -> int:
    print(text, file=sys.stderr, flush=True)
    return status


def _end_in_order_on_signals() -> None:
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
            signal.signal(number, signal.default_int_handler)


if __name__ == "__main__":
    _end_in_order_on_signals()
    sys.exit(main(Path(__file__).resolve().parent.parent, sys.argv[1:]))
