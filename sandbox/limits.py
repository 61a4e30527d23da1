"""The two rate limits, as sliding windows over the arrival of requests."""

from __future__ import annotations

import math
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
        per_window: requests in one window, for each client address.
        window_seconds: how long the window is.
        clock_factor: how many times faster all this runs than in reality.
        retry_after: what a 429 says about when to come back.
    """

    per_second: int = 5
    per_window: int = 200
    window_seconds: float = 300.0
    clock_factor: float = 1.0
    retry_after: Literal["seconds", "date"] | None = "seconds"

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if self.clock_factor <= 0 or self.window_seconds <= 0:
            message = "clock_factor and window_seconds must be positive"
            raise ValueError(message)
        if self.retry_after not in ("seconds", "date", None):
            message = "retry_after must be seconds, date or None"
            raise ValueError(message)


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
        self.limits = limits
        self._second = self._window(1.0, limits.per_second if limits else 0)
        self._addresses: dict[str, _Window] = {}

    def _window(self, seconds: float, size: int) -> _Window:
        limits = self.limits
        if limits is None:
            return _Window(0, seconds)
        return _Window(size, seconds / limits.clock_factor)

    def _address(self, address: str) -> _Window:
        found = self._addresses.get(address)
        if found is None:
            limits = self.limits or Limits()
            found = self._window(limits.window_seconds, limits.per_window)
            self._addresses[address] = found
        return found

    def arrive(self, address: str) -> float:
        """Count a request; give the seconds to wait if it is refused, else 0."""
        if self.limits is None:
            return 0.0
        with self._lock:
            now = time.monotonic()
            windows = (self._second, self._address(address))
            wait = max(window.wait(now) for window in windows)
            if wait <= 0:
                for window in windows:
                    window.use(now)
            return wait

    def use_up(self, requests: int, address: str = "127.0.0.1") -> None:
        """Pretend that somebody else behind the same address just made requests."""
        with self._lock:
            now = time.monotonic()
            for _ in range(requests):
                self._address(address).use(now)

    def retry_after(self, wait: float) -> tuple[str, int] | None:
        """Return the form and the whole seconds of a `Retry-After` header."""
        style = self.limits.retry_after if self.limits else None
        return (style, math.ceil(wait)) if style else None
