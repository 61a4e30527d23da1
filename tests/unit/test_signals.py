"""A signal ends what the tap only waits for."""

import os
import signal
import threading
import time

import pytest

from tap_oncehub.engine.errors import InterruptedSyncError
from tap_oncehub.engine.run import SyncRun
from tap_oncehub.engine.signals import SignalWaiter
from tap_oncehub.tap import TapOnceHub
from tests.support import inside


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


def test_signal_while_the_tap_is_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    made = TapOnceHub.run.func

    def interrupted(tap: TapOnceHub) -> SyncRun:
        signal.raise_signal(signal.SIGTERM)
        return made(tap)

    monkeypatch.setattr(TapOnceHub.run, "func", interrupted)
    with inside.own_signals(), pytest.raises(InterruptedSyncError):
        TapOnceHub(config={"api_key": "key"}).run_discovery()
