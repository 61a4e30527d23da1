"""SIGTERM and Ctrl-C: end at a moment that leaves a whole record and a true state."""

from __future__ import annotations

import typing as t
from contextlib import contextmanager

from tap_oncehub.errors import InterruptedSyncError

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


class Interruption:
    """Keeps a signal until the sync can end, and lets it break into waits."""

    def __init__(self) -> None:
        """Start without a signal."""
        self._signal: int | None = None
        self._breakable = False

    def handle(self, signal_number: int, _frame: FrameType | None = None) -> None:
        """Take in a signal.

        Args:
            signal_number: The signal.

        Raises:
            InterruptedSyncError: At once, where the tap only waits.
        """
        self._signal = signal_number
        if self._breakable:
            self.check()

    def check(self) -> None:
        """End the sync if a signal has come.

        Raises:
            InterruptedSyncError: If a signal has come.
        """
        if self._signal is not None:
            raise InterruptedSyncError(self._signal)

    @contextmanager
    def breakable(self) -> Iterator[None]:
        """Let a signal break into what is only waiting."""
        self._breakable = True
        try:
            self.check()
            yield
        finally:
            self._breakable = False
