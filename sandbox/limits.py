"""The two rate limits, as sliding windows over the arrival of requests."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Limits:
    """How many requests are let through; 0 switches a limit off.

    Attributes:
        per_second: requests in one second, for the account.
        per_window: requests in one window, for the client's address: there is but one.
        window_seconds: how long the window is.
        clock_factor: how many times faster all this runs than in reality.
        retry_after: what a 429 says about when to come back.
    """

    per_second: int = 5
    per_window: int = 200
    window_seconds: float = 300.0
    clock_factor: float = 1.0
    retry_after: Literal["seconds", "date"] | None = "seconds"


class _Window:
    def __init__(self, size: int, seconds: float) -> None:
        self._size = size
        self._seconds = seconds
        self._arrivals: deque[float] = deque()

    def wait(self, now: float) -> float:
        """Return the seconds until there is room; 0 if there is."""
        while self._arrivals and self._arrivals[0] <= now - self._seconds:
            self._arrivals.popleft()
        excess = len(self._arrivals) - self._size
        if not self._size or excess < 0:
            return 0.0
        return self._arrivals[excess] + self._seconds - now

    def use(self, now: float) -> None:
        if self._size:
            self._arrivals.append(now)


class Limiter:
    """Decide about each request at its arrival."""

    def __init__(self, limits: Limits | None) -> None:
        self._lock = threading.Lock()
        self.limits = limits or Limits(per_second=0, per_window=0, retry_after=None)
        factor = self.limits.clock_factor
        self._second = _Window(self.limits.per_second, 1.0 / factor)
        self._window = _Window(self.limits.per_window, self.limits.window_seconds / factor)

    def arrive(self) -> float:
        """Count a request; give the seconds to wait if it is refused, else 0."""
        with self._lock:
            now = time.monotonic()
            windows = (self._second, self._window)
            wait = max(window.wait(now) for window in windows)
            if wait <= 0:
                for window in windows:
                    window.use(now)
            return wait

    def use_up(self, requests: int) -> None:
        """Pretend that somebody else behind the same address just made requests."""
        with self._lock:
            now = time.monotonic()
            for _ in range(requests):
                self._window.use(now)
