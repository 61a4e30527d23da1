"""What is worth one line at the end of a sync, however often it came up."""

from __future__ import annotations

import typing as t
from collections import defaultdict

if t.TYPE_CHECKING:
    import logging

_NAMED = 10


class Remarks:
    """Counts what came up, and names the first few objects it concerns."""

    def __init__(self) -> None:
        """Start without remarks."""
        self._counts: dict[tuple[str, str], int] = defaultdict(int)
        self._ids: dict[tuple[str, str], list[str]] = defaultdict(list)

    def add(self, stream: str, remark: str, identifier: str) -> None:
        """Note that something came up.

        Args:
            stream: Where.
            remark: What.
            identifier: The object that it concerns.
        """
        key = (stream, remark)
        self._counts[key] += 1
        if len(self._ids[key]) < _NAMED:
            self._ids[key].append(identifier)

    def tell(self, logger: logging.Logger) -> None:
        """Write one line for each remark.

        Args:
            logger: Where the lines go.
        """
        for key, count in self._counts.items():
            named = ", ".join(self._ids[key])
            more = "" if count <= _NAMED else f" and {count - _NAMED:,} more"
            logger.info("%s: %s: %d (%s%s)", *key, count, named, more)
