"""`make status`: the last runs, bookmarks and tables, on one screen."""

from __future__ import annotations

import json
import signal
import sqlite3
import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path

import duckdb

from scripts.account import AccountError, chosen
from scripts.meltano import DATABASE
from scripts.warehouse import FileInUseError, tables

_RUNS = """
    SELECT job_name, state, started_at, ended_at, payload FROM runs
    ORDER BY started_at DESC LIMIT 8"""
_STATES = "SELECT state_id, completed_state, partial_state FROM state ORDER BY state_id"


def main(project: Path) -> int:
    """Show them; return the exit status: 1, if nothing has run yet."""
    database = project / DATABASE
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
            runs = connection.execute(_RUNS).fetchall()
            states = connection.execute(_STATES).fetchall()
    except sqlite3.Error:
        runs = states = []
    if not runs:
        print("Nothing has run yet: `make run`")
        return 1
    _show_runs(runs)
    _show_bookmarks(states)
    try:
        named = {chosen(project).file}
    except AccountError:
        named = set()
    for file in sorted({*project.glob("output/*.duckdb"), *named}):
        _show_tables(file)
    return 0


def _show_runs(runs: list[tuple[str, str, str, str | None, str]]) -> None:
    print(f"{'last runs':<44}{'started (UTC)':<18}{'seconds':>8}  result")
    for name, result, started, ended, payload in runs:
        begin = datetime.fromisoformat(started)
        seconds = f"{(datetime.fromisoformat(ended) - begin).total_seconds():.0f}" if ended else "-"
        error = json.loads(payload or "{}").get("error", "")
        print(f"{name:<44}{begin:%Y-%m-%d %H:%M}  {seconds:>8}  {result.lower()} {error}".rstrip())


def _show_bookmarks(states: list[tuple[str, str | None, str | None]]) -> None:
    print(f"\n{'bookmarks':<44}{'stream':<30}up to (UTC)")
    for state_id, *texts in states:
        bookmarks: dict[str, dict[str, object]] = {}
        for text in texts:  # what an unfinished run has added comes last
            bookmarks |= json.loads(text or "{}").get("singer_state", {}).get("bookmarks", {})
        for stream, bookmark in sorted(bookmarks.items()):
            value = bookmark.get("replication_key_value")
            half = "  (pass unfinished)" if bookmark.get("resume") else ""
            if value or half:
                print(f"{state_id:<44}{stream:<30}{value or '-'}{half}")


def _show_tables(file: Path) -> None:
    print(f"\n{f'output/{file.name}':<30}{'rows':>10}   {'newest record':<19}last loaded (UTC)")
    try:
        for table in tables(file):
            print(f"{table.name:<30}{table.rows:>10,}   {table.newest:<19}{table.loaded}")
    except (FileInUseError, duckdb.Error) as error:
        print(str(error).partition("\n")[0])


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `make status | head`
    sys.exit(main(Path.cwd()))
