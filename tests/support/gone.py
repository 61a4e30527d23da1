"""What is gone from an account, which the loader has marked."""

from __future__ import annotations

import typing as t

import duckdb

if t.TYPE_CHECKING:
    from pathlib import Path


def remove(file: Path, *streams: str) -> None:
    """Remove what the loader has marked as deleted."""
    with duckdb.connect(str(file)) as connection:
        for stream in streams:
            connection.execute(f"DELETE FROM oncehub.{stream} WHERE _sdc_deleted_at IS NOT NULL")
