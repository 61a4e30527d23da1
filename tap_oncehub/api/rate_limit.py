"""OnceHub's two rate limits, kept for the whole tap in one place.

Documented limits: 5 requests a second for an account and 200 requests in 5 minutes
for an IP address, both counted here in sliding windows by pyrate-limiter.
"""

from __future__ import annotations

import time
import typing as t

from pyrate_limiter import InMemoryBucket, Rate, RateItem

if t.TYPE_CHECKING:
    from collections.abc import Callable

_BURST = 5
_PROBES = (1 / 60, 4 / 60, 13 / 60, 40 / 60, 61 / 60)
"""When to ask again after a refusal without Retry-After, in windows since the first."""
_CERTAIN = 3
"""So many refusals in one window mean that others have used it up."""


class RequestLimiter:
    """Lets a request pass when both of OnceHub's limits allow it.

    A request counts from the moment its answer arrives: OnceHub counted it earlier,
    so that its window is free again when ours is, whatever the network's delays.
    """

    def __init__(
        self,
        per_second: float,
        per_window: int,
        window_seconds: float,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Set up the limits.

        Args:
            per_second: Requests a second, 0 for no such limit. A rate above 5 is
                spread: 50 a second are 5 in a tenth of a second.
            per_window: Requests in one window, 0 for no such limit.
            window_seconds: Length of the window.
            pause: Called with the seconds to wait.
        """
        self._pause = pause
        self._window_seconds = window_seconds
        self._buckets: list[InMemoryBucket] = []
        self._window: InMemoryBucket | None = None
        if per_window:
            self._window = _bucket(per_window, window_seconds)
            self._buckets.append(self._window)
        if per_second:
            burst = min(_BURST, max(1, int(per_second)))
            self._buckets.append(_bucket(burst, burst / per_second))
        self._latest: list[RateItem] = []
        self._not_before = 0.0
        self._first_refusal = float("-inf")
        self._refusals = 0

    def acquire(self) -> None:
        """Wait until one more request may be sent, and count it."""
        self._wait(self._not_before - time.monotonic())
        self._latest = [self._take(bucket) for bucket in self._buckets]

    def settle(self) -> None:
        """Count the latest request from now on: its answer has arrived."""
        for item in self._latest:
            item.timestamp = _now()

    def refused(self, retry_after: float | None) -> float:
        """Take in that OnceHub answered 429.

        Args:
            retry_after: Seconds to wait by OnceHub's own word, if it said so.

        Returns:
            Seconds until the next request will be sent.
        """
        now = time.monotonic()
        if now - self._first_refusal > 2 * self._window_seconds:
            self._first_refusal, self._refusals = now, 0
        self._refusals += 1
        wait = self._until_probe(now)
        if retry_after is not None:
            wait = max(retry_after, 0.0) + self._window_seconds / 1000
            wait += max(0, self._refusals - _CERTAIN) * self._window_seconds / 60
        self._not_before = now + wait
        if self._refusals >= _CERTAIN:
            self._use_up(wait)
        return wait

    @property
    def left(self) -> int | None:
        """Requests left in the current window; None without such a limit."""
        if self._window is None:
            return None
        self._window.leak(_now())
        return max(0, self._window.rates[0].limit - self._window.count())

    def _until_probe(self, now: float) -> float:
        if self._refusals > len(_PROBES):
            return self._window_seconds
        probe = self._first_refusal + self._window_seconds * _PROBES[self._refusals - 1]
        return max(probe - now, self._window_seconds / 60)

    def _use_up(self, wait: float) -> None:
        """Fill the window with the requests of others, whose times are unknown.

        They are spread evenly over the rest of the window, as a steady user's are.
        """
        if self._window is None:
            return
        window = self._window.rates[0].interval
        missing = self.left or 0
        first = _now() + int(wait * 1000) - window
        step = max(0, _now() - first) / max(missing, 1)
        others = [RateItem("others", int(first + i * step)) for i in range(missing)]
        items = [*self._window.items, *others]
        self._window.items = sorted(items, key=lambda item: item.timestamp)

    def _take(self, bucket: InMemoryBucket) -> RateItem:
        while True:
            item = RateItem("request", _now())
            bucket.leak(item.timestamp)
            if bucket.put(item):
                return item
            waiting = bucket.waiting(item)
            self._wait(t.cast("int", waiting) / 1000)

    def _wait(self, seconds: float) -> None:
        if seconds > 0:
            self._pause(seconds)


def _bucket(limit: int, seconds: float) -> InMemoryBucket:
    return InMemoryBucket([Rate(limit, max(1, round(seconds * 1000)))])


def _now() -> int:
    return int(time.monotonic() * 1000)
