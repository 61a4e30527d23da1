"""OnceHub's two rate limits, kept for the whole tap in one place.

Documented limits: 5 requests a second for an account and 200 requests in 5 minutes
for an IP address, both counted here in sliding windows by pyrate-limiter.
"""

from __future__ import annotations

import time
import typing as t

from pyrate_limiter import InMemoryBucket, Rate, RateItem

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
    ) -> None:
        """Set up the limits.

        Args:
            per_second: Requests a second, 0 for no such limit. A rate above 5 is
                spread: 50 a second are 5 in a tenth of a second.
            per_window: Requests in one window, 0 for no such limit.
            window_seconds: Length of the window.
        """
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

    def try_acquire(self) -> float:
        """Count one more request, if both limits allow it now.

        Returns:
            Zero if the request may be sent; otherwise the seconds to wait before
            trying again.
        """
        if (wait := self._not_before - time.monotonic()) > 0:
            return wait
        taken: list[RateItem] = []
        for bucket in self._buckets:
            item = RateItem("request", _now())
            bucket.leak(item.timestamp)
            if not bucket.put(item):
                for other, earlier in zip(self._buckets, taken, strict=False):
                    other.items.remove(earlier)
                return max(1, t.cast("int", bucket.waiting(item))) / 1000
            taken.append(item)
        self._latest = taken
        return 0.0

    def mark_completed(self) -> None:
        """Count the latest request from now on: its answer has arrived."""
        for item in self._latest:
            item.timestamp = _now()

    def on_rate_limited(self, retry_after: float | None) -> float:
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


def _bucket(limit: int, seconds: float) -> InMemoryBucket:
    return InMemoryBucket([Rate(limit, max(1, round(seconds * 1000)))])


def _now() -> int:
    return int(time.monotonic() * 1000)
