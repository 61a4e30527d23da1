"""Singer target that loads any tap into a DuckDB file."""

from __future__ import annotations

import typing as t

__version__ = "1.0.0"


class TargetError(Exception):
    """A load cannot go on; the text is one line that says why, without values of records."""


class UnopenedError(TargetError):
    """The file cannot be opened, so that nothing was loaded."""


def refuse(stream: str, column: str | None, reason: str) -> t.NoReturn:
    """Stop the load because a record does not fit its stream's schema or table."""
    place = f"stream {stream}, column {column}" if column else f"stream {stream}"
    msg = f"{place}: {reason}; nothing of this batch was written"
    raise TargetError(msg)
