"""What stops a load, in one line that holds no value of a record."""

from __future__ import annotations


class TargetError(Exception):
    """A load cannot go on; the text says why and what to do."""


class UnfitError(TargetError):
    """A record does not fit its stream's schema or table."""

    def __init__(self, stream: str, column: str | None, reason: str) -> None:
        """Name the place, never the value.

        Args:
            stream: Name of the stream.
            column: Name of the column, if it is known.
            reason: What is wrong.
        """
        place = f"stream {stream}, column {column}" if column else f"stream {stream}"
        super().__init__(f"{place}: {reason}; nothing of this batch was written")
