"""A signal ends at once what the tap only waits for."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from tap_oncehub.engine.errors import InterruptedSyncError
from tap_oncehub.engine.signals import SignalWaiter


def test_a_signal_interrupts_a_sleep() -> None:
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
