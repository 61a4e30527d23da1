"""`make status`: the last runs, bookmarks and tables, on one screen."""

import os
import signal
import sys
from pathlib import Path

from scripts.meltano import ask
from scripts.warehouse import WAIT, chosen, show

_RUNS = """
    SELECT job_name, strftime('%Y-%m-%d %H:%M', started_at),
        coalesce(cast(86400 * (julianday(ended_at) - julianday(started_at)) AS INTEGER), '-'),
        lower(state) || ' ' || coalesce(json_extract(payload, '$.error'), '')
    FROM runs ORDER BY started_at DESC LIMIT 8"""
# What an unfinished run has added comes last.
_BOOKMARKS = """
    SELECT state_id, stream.key, coalesce(json_extract(value, '$.replication_key_value'), '-'),
        iif(json_array_length(value, '$.resume') > 0, '  (pass unfinished)', '') AS half
    FROM state, json_each(json_patch(coalesce(completed_state, '{}'),
        coalesce(partial_state, '{}')), '$.singer_state.bookmarks') AS stream
    WHERE half <> '' OR json_extract(value, '$.replication_key_value') IS NOT NULL
    ORDER BY 1, 2"""


def main(project: Path) -> None:
    """Show them; end with a line if nothing has run yet."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `make status | head`
    runs = ask(project, _RUNS)
    if not runs:
        sys.exit("Nothing has run yet: `make run`")
    print(f"{'last runs':<44}{'started (UTC)':<18}{'seconds':>8}  result")
    for name, began, seconds, result in runs:
        print(f"{name:<44}{began:<18}{seconds:>8}  {result}".rstrip())
    print(f"\n{'bookmarks':<44}{'stream':<30}up to (UTC)")
    for state_id, stream, value, half in ask(project, _BOOKMARKS):
        print(f"{state_id:<44}{stream:<30}{value}{half}")
    os.environ[WAIT] = "0"  # say at once who has a file open
    for file in sorted({*project.glob("output/*.duckdb"), chosen(project)[1]}):
        try:
            show(os.path.relpath(file), file)
        except SystemExit as error:  # noqa: PERF203  # it is open elsewhere
            print(error)
