"""How a run ends on a signal: between two records, with whole lines on standard output."""

import os
import signal
import sys
import time
import typing as t
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType

from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.singerlib.encoding.simple import Message
from typing_extensions import override

from tap_oncehub.engine.errors import InterruptedSyncError, OutputClosedError


class SignalWaiter:
    """Keeps a signal until the sync can end, and lets it interrupt what only waits."""

    def __init__(self) -> None:
        self._signal: int | None = None
        self._interruptible = False

    def handle(self, signal_number: int, _frame: FrameType | None = None) -> None:
        """Record a signal, as its handler; end the sync at once where the tap only waits."""
        if self._signal == signal_number:
            os._exit(128 + signal_number)  # whatever it is busy with
        self._signal = signal_number
        if self._interruptible:
            self.check()

    def check(self) -> None:
        """Raise InterruptedSyncError if a signal has come."""
        if self._signal is not None:
            raise InterruptedSyncError(self._signal)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Let a signal interrupt the block, also one that has come before."""
        self._interruptible = True
        try:
            self.check()
            yield
        finally:
            self._interruptible = False

    @contextmanager
    def deadline(self, seconds: float) -> Iterator[None]:
        """Raise TimeoutError after so many seconds, where the system has a timer for that."""
        if not hasattr(signal, "setitimer") or current_thread() is not main_thread():
            yield
            return

        def end(*_: t.Any) -> None:
            raise TimeoutError

        signal.signal(signal.SIGALRM, end)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def sleep(self, seconds: float) -> None:
        """Sleep, unless a signal comes."""
        with self.interruptible():
            time.sleep(seconds)


class WholeLineWriter(MsgSpecWriter):
    """Writes a message to its end, also when a signal comes in between.

    With PYTHONUNBUFFERED, which is usual in containers, a write to a full pipe gives
    up at a signal, and the SDK's own writer leaves half a line.
    """

    @override
    def write_message(self, message: Message) -> None:
        write_out(self.format_message(message))


def write_out(rest: bytes | bytearray) -> None:
    """Write to standard output, all of it; raise OutputClosedError if nobody takes it."""
    try:
        while rest:
            rest = rest[sys.stdout.buffer.write(rest) :]
        sys.stdout.flush()
    except (OSError, AttributeError) as error:  # None stands for a closed stdout
        raise output_closed(error) from None


def output_closed(error: Exception) -> OutputClosedError:
    """Return what an error in writing to standard output means."""
    if isinstance(error, BrokenPipeError):
        return OutputClosedError("The loader has ended: see its own messages.")
    reason = error.strerror if isinstance(error, OSError) else "it is closed"
    return OutputClosedError(f"Standard output cannot be written: {reason}.")
