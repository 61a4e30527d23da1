"""The queries of docs/state.md that remove what is gone from an account."""

from __future__ import annotations

import typing as t

import duckdb

from tests.support.project import blocks

if t.TYPE_CHECKING:
    from pathlib import Path

BY_TIME = ("bookings", "contacts", "sms_notifications")


def remove(file: Path, *streams: str) -> None:
    """Run the query of each stream, with its name in place of the example's."""
    (query,) = blocks("state.md", "sql")
    with duckdb.connect(str(file)) as connection:
        for stream in streams:
            connection.execute(query.replace(".bookings", f".{stream}"))
