"""SIGTERM and Ctrl-C: end at a moment that leaves a whole record and a true state."""

from __future__ import annotations

import os
import signal
import time
import typing as t
from contextlib import contextmanager
from threading import current_thread, main_thread

from tap_oncehub.engine.errors import InterruptedSyncError

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_SIGNALLED = 128
_A_MOMENT = 0.001


class SignalWaiter:
    """Keeps a signal until the sync can end, and lets it interrupt what only waits."""

    def __init__(self) -> None:
        self._signal: int | None = None
        self._interruptible = False

    def handle(self, signal_number: int, _frame: FrameType | None = None) -> None:
        """Record a signal; usable as a signal handler.

        Raises:
            InterruptedSyncError: At once, where the tap only waits.
        """
        if self._signal == signal_number:
            os._exit(_SIGNALLED + signal_number)  # whatever it is busy with
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

    @contextmanager
    def deadline(self, seconds: float) -> Iterator[None]:
        """End the block after so many seconds, where the system has a timer for that.

        Raises:
            TimeoutError: If it takes longer.
        """
        if not hasattr(signal, "setitimer") or current_thread() is not main_thread():
            yield
            return
        began = time.monotonic()
        before = signal.signal(signal.SIGALRM, _end_of_time)
        left, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
            if left:  # somebody else's timer
                rest = left - (time.monotonic() - began)
                signal.setitimer(signal.ITIMER_REAL, max(rest, _A_MOMENT))

    def sleep(self, seconds: float) -> None:
        """Sleep, unless a signal comes.

        Raises:
            InterruptedSyncError: If a signal has come or comes meanwhile.
        """
        with self.interruptible():
            time.sleep(seconds)


def _end_of_time(*_: t.Any) -> None:
    raise TimeoutError
