import random
import time
from collections.abc import Iterable, Iterator
from itertools import repeat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_oncehub.engine.limiter import RequestLimiter

WINDOW = 300.0
PER_WINDOW = 200
HANDFUL = 5
NEVER = float("inf")


class Clock:
    """The time of the limiter, which passes only when somebody waits."""

    now = 1000.0

    def pause(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


class Server:
    """OnceHub, which counts requests at their arrival, in windows that slide."""

    def __init__(
        self,
        past: Iterable[float] = (),
        *,
        counts_refused: bool = False,
        says_when: bool = False,
        others: Iterator[float] | None = None,
    ) -> None:
        self.counted = sorted(past)
        self.refused: list[float] = []
        self.passed: list[float] = []
        self._counts_refused = counts_refused
        self._says_when = says_when
        self._others = others or repeat(NEVER)
        self._next_other = next(self._others)

    def answer(self, now: float) -> float | None:
        """Take in a request; give the ``Retry-After`` of a refusal, NEVER without one."""
        while self._next_other <= now:
            self._count(self._next_other)
            self._next_other = next(self._others)
        if self._count(now):
            self.passed.append(now)
            return None
        self.refused.append(now)
        return self.frees(now) - now if self._says_when else NEVER

    def frees(self, now: float) -> float:
        """When the next request would pass, if nobody else sent one."""
        full = [self.counted[-n] + w for n, w in ((5, 1), (PER_WINDOW, WINDOW)) if self._full(n)]
        return max([now, *full])

    def _full(self, limit: int) -> bool:
        return len(self.counted) >= limit

    def _count(self, now: float) -> bool:
        self.counted = [moment for moment in self.counted if moment > now - WINDOW]
        second = sum(moment > now - 1 for moment in self.counted[-5:])
        passes = len(self.counted) < PER_WINDOW and second < 5
        if passes or self._counts_refused:
            self.counted.append(now)
        return passes


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(time, "time", lambda: made.now)
    return made


def published() -> RequestLimiter:
    return RequestLimiter(5, PER_WINDOW, WINDOW)


def acquire(clock: Clock, limiter: RequestLimiter) -> None:
    while wait := limiter.try_acquire():
        clock.pause(wait)


def sync(
    clock: Clock,
    server: Server,
    requests: int,
    delays: Iterable[tuple[float, float]] = repeat((0.05, 0.05)),
    limiter: RequestLimiter | None = None,
) -> float:
    """Send requests until so many have passed; give the seconds that it took."""
    limiter = limiter or published()
    started = clock.now
    for there, back in delays:
        acquire(clock, limiter)
        clock.now += there
        retry_after = server.answer(clock.now)
        clock.now += back
        limiter.mark_completed()
        if retry_after is not None:
            limiter.on_rate_limited(None if retry_after == NEVER else retry_after)
        if len(server.passed) == requests:
            break
    return clock.now - started


def send(clock: Clock, limiter: RequestLimiter, requests: int) -> list[float]:
    """Send requests; give the moments at which they left."""
    left = []
    for _ in range(requests):
        acquire(clock, limiter)
        left.append(clock.now)
        limiter.mark_completed()
    return left


def most_within(moments: list[float], seconds: float) -> int:
    return max(sum(first <= m < first + seconds for m in moments) for first in moments)


# --- within the limits

DELAY = st.sampled_from([0.0, 0.0, 0.001, 0.03, 0.2, 0.9, 1.0, 3.0, 20.0])


@settings(max_examples=40, derandomize=True, deadline=None)
@given(
    delays=st.lists(st.tuples(DELAY, DELAY), min_size=1, max_size=40),
    offset=st.floats(0, 1, exclude_max=True),
)
def test_the_server_refuses_nothing_whatever_the_delays(
    delays: list[tuple[float, float]], offset: float
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        clock = Clock()
        clock.now += offset
        patch.setattr(time, "time", lambda: clock.now)
        server = Server()

        sync(clock, server, 450, (delay for _ in repeat(None) for delay in delays))

    assert server.refused == []
    assert len(server.passed) == 450


@pytest.mark.parametrize("delay", [0.0, 0.02, 0.15, 0.6])
def test_at_least_95_percent_of_what_is_allowed_is_used(clock: Clock, delay: float) -> None:
    server = Server()

    seconds = sync(clock, server, 2000, repeat((delay, delay)))

    ideal = 9 * WINDOW + PER_WINDOW * max(2 * delay, 0.2)
    assert server.refused == []
    assert 0.99 * ideal < seconds < ideal / 0.95


def test_a_pause_in_between_does_not_open_the_window_twice(clock: Clock) -> None:
    limiter, server = published(), Server()
    sync(clock, server, 150, limiter=limiter)
    clock.now += 250
    sync(clock, server, 550, limiter=limiter)
    assert server.refused == []


@pytest.mark.parametrize(
    ("per_second", "per_window", "seconds"),
    [(0, 0, 0.0), (5, 0, 999 / 5), (0, 200, 4 * WINDOW), (5, 200, 4 * WINDOW + 39)],
)
def test_zero_switches_a_limit_off(
    clock: Clock, per_second: float, per_window: int, seconds: float
) -> None:
    limiter = RequestLimiter(per_second, per_window, WINDOW)

    left = send(clock, limiter, 1000)

    assert left[-1] - left[0] == pytest.approx(seconds, abs=2)


@pytest.mark.parametrize(
    ("rate", "burst", "seconds"),
    [(0.25, 1, 4), (1.5, 1, 2 / 3), (2.5, 2, 0.8), (7, 5, 5 / 7), (50, 5, 0.1)],
)
def test_rates_that_are_broken_or_large(
    clock: Clock, rate: float, burst: int, seconds: float
) -> None:
    left = send(clock, RequestLimiter(rate, 0, WINDOW), 60)

    assert most_within(left, seconds - 0.001) == burst
    assert 60 / (left[-1] - left[0] + seconds) == pytest.approx(rate, rel=0.03)


def test_the_lowest_rate_is_one_request_a_day(clock: Clock) -> None:
    left = send(clock, RequestLimiter(1e-12, 0, WINDOW), 3)

    assert left[-1] - left[0] == pytest.approx(2 * 86_400)


def test_what_is_left_counts_down_and_recovers(clock: Clock) -> None:
    limiter = published()
    assert limiter.left == 200
    send(clock, limiter, 3)
    assert limiter.left == 197
    clock.now += WINDOW + 0.01
    assert limiter.left == 200
    assert RequestLimiter(5, 0, WINDOW).left is None


# --- after a refusal


def refusals(clock: Clock, limiter: RequestLimiter, answers: Iterable[float | None]) -> list[float]:
    """Be refused once for each answer; give the waits that were announced and kept."""
    waits = []
    for retry_after in answers:
        acquire(clock, limiter)
        limiter.mark_completed()
        announced = limiter.on_rate_limited(retry_after)
        refused_at = clock.now
        acquire(clock, limiter)
        waited = clock.now - refused_at
        assert waited >= announced - 0.001
        waits.append(announced)
    return waits


def test_retry_after_is_obeyed_and_hardly_exceeded(clock: Clock) -> None:
    assert 42 <= refusals(clock, published(), [42.0])[0] < 43
    assert all(0 < wait < 1 for wait in refusals(clock, published(), [0.0, -5.0]))


def test_without_retry_after_waits_grow_until_the_window_has_passed(clock: Clock) -> None:
    started = clock.now
    limiter = published()

    waits = refusals(clock, limiter, repeat(None, HANDFUL - 1))

    assert waits == sorted({*waits})
    assert WINDOW < clock.now - started < WINDOW * 1.1


def test_refusals_long_ago_are_forgotten(clock: Clock) -> None:
    limiter = published()
    first = limiter.on_rate_limited(None)
    for _ in range(3):
        limiter.on_rate_limited(None)

    clock.now += WINDOW + 1

    assert limiter.on_rate_limited(None) == first


def test_a_server_that_understates_its_retry_after_is_asked_ever_less(clock: Clock) -> None:
    waits = refusals(clock, published(), repeat(1.0, 12))

    assert waits[0] < 2
    assert waits == sorted(waits)
    assert waits[-1] > 30


@pytest.mark.parametrize("answers", [[None], [1.0, 1.0, 1.0]])
def test_a_window_that_others_use_is_used_evenly(clock: Clock, answers: list[float | None]) -> None:
    limiter = published()

    refusals(clock, limiter, answers)

    assert limiter.left == 0
    assert most_within(send(clock, limiter, 60), 60) < 50


# --- a window that others use


@pytest.mark.parametrize("counts_refused", [False, True])
@pytest.mark.parametrize("says_when", [False, True])
@pytest.mark.parametrize("ago", [0, 30, 120, 259, 262, 299, 301])
def test_a_killed_run_has_used_the_window_up(
    clock: Clock, ago: float, *, says_when: bool, counts_refused: bool
) -> None:
    past = [clock.now - ago - 40 + 0.2 * n for n in range(PER_WINDOW)]
    server = Server(past, counts_refused=counts_refused, says_when=says_when)
    opens = server.frees(clock.now) - clock.now

    seconds = sync(clock, server, 180)

    assert len(server.refused) <= HANDFUL
    first = server.passed[0] - 1000.0
    if says_when:
        assert opens <= first < opens + 2
        assert seconds < opens + 40 + WINDOW / 10
    else:
        assert opens <= first < max(3.5 * opens + 10, 10)
        assert first <= WINDOW * 1.1
        assert seconds < 2 * WINDOW


@pytest.mark.parametrize("counts_refused", [False, True])
@pytest.mark.parametrize("says_when", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_somebody_else_uses_half_of_the_window(
    clock: Clock, seed: int, *, says_when: bool, counts_refused: bool
) -> None:
    server = Server(
        counts_refused=counts_refused,
        says_when=says_when,
        others=every(clock.now, 3.0, random.Random(seed)),
    )

    seconds = sync(clock, server, 600)

    windows = seconds / WINDOW
    assert len(server.refused) / windows < 12
    assert windows < 2 * 600 / 100


def every(start: float, seconds: float, dice: random.Random) -> Iterator[float]:
    moment = start
    while True:
        moment += seconds * dice.uniform(0.5, 1.5)
        yield moment
