"""A signal ends what the tap only waits for, never a message; a full disk is told."""

import io
import os
import signal
import sys
import threading
import time
import types

import pytest
from singer_sdk.singerlib import StateMessage

from tap_oncehub.engine.errors import InterruptedSyncError, OutputClosedError
from tap_oncehub.engine.signals import SignalWaiter, WholeLineWriter


def test_signal_interrupts_a_sleep() -> None:
    waiter = SignalWaiter()
    before = signal.signal(signal.SIGUSR1, waiter.handle)
    try:
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        started = time.monotonic()
        with pytest.raises(InterruptedSyncError):
            waiter.sleep(60)
        assert time.monotonic() - started < 30
    finally:
        signal.signal(signal.SIGUSR1, before)


class Pipe(io.BytesIO):
    """Takes a few bytes at a time, as a full pipe does when a signal comes."""

    def write(self, data: bytes) -> int:  # type: ignore[override]
        return super().write(data[:5])


class FullDisk(io.BytesIO):
    """Takes nothing."""

    def write(self, _: bytes) -> int:  # type: ignore[override]
        raise OSError(28, "No space left on device")


def write_to(file: io.BytesIO, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sys, "stdout", types.SimpleNamespace(buffer=file, flush=file.flush))
    WholeLineWriter().write_message(StateMessage({"bookmarks": {}}))


def test_message_is_written_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    write_to(pipe := Pipe(), monkeypatch)
    assert pipe.getvalue() == b'{"type":"STATE","value":{"bookmarks":{}}}\n'


def test_full_disk_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OutputClosedError, match="cannot be written: No space left"):
        write_to(FullDisk(), monkeypatch)
