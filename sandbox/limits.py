"""The two rate limits, as sliding windows over the arrival of requests."""

import threading
import time
from collections import deque
from typing import Literal, NamedTuple


class Limits(NamedTuple):
    """How many requests are let through; 0 switches a limit off."""

    per_second: int = 5  # requests in one second, for the account
    per_window: int = 200  # requests in one window, for the client's address: there is but one
    window_seconds: float = 300.0  # how long the window is
    clock_factor: float = 1.0  # how many times faster all this runs than in reality
    # what a 429 says about when to come back
    retry_after: Literal["seconds", "date"] | None = "seconds"


class Limiter:
    """Decide about each request at its arrival."""

    def __init__(self, limits: Limits | None) -> None:
        self.limits = its = limits or Limits(per_second=0, per_window=0)
        self._lock = threading.Lock()
        # Size, seconds, and what arrived in that time.
        self._windows = [
            (size, seconds / its.clock_factor, deque[float]())
            for size, seconds in ((its.per_second, 1.0), (its.per_window, its.window_seconds))
        ]

    def arrive(self) -> float:
        """Count a request; give the seconds to wait if it is refused, else 0."""
        with self._lock:
            now, wait = time.monotonic(), 0.0
            for size, seconds, arrivals in self._windows:
                while arrivals and arrivals[0] <= now - seconds:
                    arrivals.popleft()
                if size and len(arrivals) >= size:
                    wait = max(wait, arrivals[len(arrivals) - size] + seconds - now)
            if not wait:
                for _, _, arrivals in self._windows:
                    arrivals.append(now)
            return wait

    def use_up(self, requests: int) -> None:
        """Pretend that somebody else behind the same address just made requests."""
        with self._lock:
            self._windows[1][2].extend([time.monotonic()] * requests)
