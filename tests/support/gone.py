"""The queries of docs/state.md that remove what is gone from an account."""

from __future__ import annotations

import typing as t

import duckdb

from tests.support.project import blocks
from tests.support.streams import LISTS

if t.TYPE_CHECKING:
    from pathlib import Path

BY_TIME = ("bookings", "contacts", "sms_notifications")
IN_FULL = (*sorted(set(LISTS) - set(BY_TIME)), "user_scheduling_availability")


def remove(file: Path, *streams: str) -> None:
    """Run the query of each stream, with its name in place of the example's."""
    in_full, by_time = blocks("state.md", "sql")
    with duckdb.connect(str(file)) as connection:
        for stream in streams:
            by_id = stream in BY_TIME
            query = by_time if by_id else in_full
            connection.execute(query.replace(".bookings" if by_id else ".users", f".{stream}"))
