"""What is gone from an account, removed as docs/state.md tells."""

from __future__ import annotations

import typing as t

import duckdb

from tests.support.project import blocks

if t.TYPE_CHECKING:
    from pathlib import Path

BY_TIME = ("bookings", "contacts", "sms_notifications")


def remove(file: Path, *streams: str) -> None:
    """Remove what is gone: by the page's query, or what the loader has marked in full tables."""
    (query,) = blocks("state.md", "sql")
    marked = "DELETE FROM oncehub.bookings WHERE _sdc_deleted_at IS NOT NULL"
    with duckdb.connect(str(file)) as connection:
        for stream in streams:
            chosen = query if stream in BY_TIME else marked
            connection.execute(chosen.replace(".bookings", f".{stream}"))
