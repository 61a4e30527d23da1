"""What is gone from an account, which the loader has marked."""

from pathlib import Path

import duckdb


def remove(file: Path, *streams: str) -> None:
    """Remove what the loader has marked as deleted."""
    with duckdb.connect(str(file)) as connection:
        for stream in streams:
            connection.execute(f"DELETE FROM oncehub.{stream} WHERE _sdc_deleted_at IS NOT NULL")
