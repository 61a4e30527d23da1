"""SIGTERM and Ctrl-C: end at a moment that leaves a whole record and a true state."""

from __future__ import annotations

import time
import typing as t
from contextlib import contextmanager

from tap_oncehub.errors import InterruptedSyncError

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


class SignalWaiter:
    """Keeps a signal until the sync can end, and lets it interrupt what only waits."""

    def __init__(self) -> None:
        """Start without a signal."""
        self._signal: int | None = None
        self._interruptible = False

    def handle(self, signal_number: int, _frame: FrameType | None = None) -> None:
        """Record a signal; usable as a signal handler.

        Args:
            signal_number: The signal.

        Raises:
            InterruptedSyncError: At once, where the tap only waits.
        """
        self._signal = signal_number
        if self._interruptible:
            self.check()

    def check(self) -> None:
        """End the sync if a signal has come.

        Raises:
            InterruptedSyncError: If a signal has come.
        """
        if self._signal is not None:
            raise InterruptedSyncError(self._signal)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Let a signal interrupt the block.

        Raises:
            InterruptedSyncError: If a signal has come or comes meanwhile.
        """
        self._interruptible = True
        try:
            self.check()
            yield
        finally:
            self._interruptible = False

    def sleep(self, seconds: float) -> None:
        """Sleep, unless a signal comes.

        Args:
            seconds: How long.

        Raises:
            InterruptedSyncError: If a signal has come or comes meanwhile.
        """
        with self.interruptible():
            time.sleep(seconds)
