"""The limiter: no window is ever exceeded, one tap or several, on a clock of the test's own."""

import sqlite3
import stat
import time
import typing as t
from contextlib import closing
from itertools import cycle
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox import Limits, limits
from tap_oncehub.engine import limiter as limiter_module
from tap_oncehub.engine.limiter import RequestLimiter
from tap_oncehub.tap import TapOnceHub

WINDOW, PER_WINDOW, HALF = 300.0, 200, 100
START = 1.8e9


Clock: t.TypeAlias = SimpleNamespace


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The machine's clock, which passes only when somebody waits."""
    made = Clock(now=START)
    for name in ("time", "monotonic"):
        monkeypatch.setattr(time, name, lambda: made.now)
    return made


def send(
    clock: Clock,
    limiter: RequestLimiter,
    requests: int,
    delays: t.Any = ((0.0, 0.0),),
    server: limits.Limiter | None = None,
) -> list[float]:
    """Send requests, none of which a server refuses; give the moments at which they left."""
    left = []
    for _, (there, back) in zip(range(requests), cycle(delays), strict=False):
        while wait := limiter.try_acquire():
            assert wait > 0
            clock.now += wait
        left.append(clock.now)
        clock.now += there
        assert server is None or server.arrive() == 0
        clock.now += back
        limiter.mark_completed()
    return left


def most_within(moments: list[float], seconds: float) -> int:
    return max(sum(first <= m < first + seconds for m in moments) for first in moments)


DELAY = st.sampled_from([0.0, 0.0, 0.001, 0.03, 0.2, 0.9, 1.0, 3.0, 20.0, 55.0])


@settings(
    max_examples=60, derandomize=True, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(
    delays=st.lists(st.tuples(DELAY, DELAY), min_size=1, max_size=40),
    offset=st.floats(0, 1, exclude_max=True),
)
def test_server_refuses_nothing_whatever_the_delays(
    clock: Clock, delays: list[tuple[float, float]], offset: float
) -> None:
    clock.now = START + offset
    server = limits.Limiter(Limits(per_window=40, window_seconds=60))
    send(clock, RequestLimiter(5, 40, 60.0), 130, delays, server)


@pytest.mark.parametrize("delay", [0.0, 0.6])
def test_at_least_95_percent_of_what_is_allowed_is_used(clock: Clock, delay: float) -> None:
    limiter = RequestLimiter(5, PER_WINDOW, WINDOW)
    seconds = send(clock, limiter, 1001, [(delay, delay)], limits.Limiter(Limits()))[-1] - START
    ideal = 5 * WINDOW
    assert 0.99 * ideal < seconds < ideal / 0.95


@pytest.mark.parametrize(
    ("rate", "per_window", "requests", "seconds", "burst"),
    [
        (0, 0, 200, 0, None),
        (5, 200, 700, 3 * WINDOW + 20, (5, 1)),
        (2.5, 0, 60, 24, (2, 0.8)),
        (0.25, 0, 60, 240, (1, 4)),
        (1e-12, 0, 3, 2 * 86_400, (1, 86_400)),
    ],
)
def test_rates_and_switched_off_limits(
    clock: Clock, *, rate: float, per_window: int, requests: int, seconds: float, burst: t.Any
) -> None:
    left = send(clock, RequestLimiter(rate, per_window, WINDOW), requests)
    assert left[-1] - left[0] == pytest.approx(seconds, abs=4.1)
    assert not burst or most_within(left, burst[1] - 0.001) == burst[0]


@pytest.mark.parametrize(
    ("answers", "least", "most"),
    [
        ([42.0], 42, 43),
        ([0.0], 0, 1),
        ([-5.0], 0, 1),
        ([None] * 4, WINDOW, WINDOW * 1.1),  # growing, until the window has passed
        ([1.0] * 12, 30 * 6, 30 * 12),  # who understates it is asked ever less
        ([None], 5, 6),
        ([1.0] * 3, 3, 15),
    ],
)
def test_waits_after_refusals(
    clock: Clock, answers: list[float | None], least: float, most: float
) -> None:
    limiter, waits = RequestLimiter(5, PER_WINDOW, WINDOW), []
    for retry_after in answers:
        send(clock, limiter, 1)
        waits.append(limiter.on_rate_limited(retry_after))
    send(clock, limiter, 1)
    assert least <= clock.now - START < most
    assert clock.now - START >= sum(waits) - 0.01
    assert waits == sorted(waits)
    assert len(answers) == 1 or waits[0] < waits[-1]
    if answers in ([None], [1.0] * 3):  # others use the window: so does the tap, evenly
        assert most_within(send(clock, limiter, 60), 60) < 50
    clock.now += WINDOW + 1
    assert limiter.on_rate_limited(answers[0]) == pytest.approx(waits[0])  # it is forgotten


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "requests.sqlite"


def tap(file: Path, key: str = "key", per_second: float = 0) -> RequestLimiter:
    return RequestLimiter(per_second, PER_WINDOW, WINDOW, file=file, key=key)


def test_file_shares_the_window_and_its_refusals(file: Path, clock: Clock) -> None:
    one, other = tap(file, "a-very-secret-key"), tap(file, "other")
    send(clock, one, HALF)
    clock.now += 100
    send(clock, other, HALF)
    assert one.left == other.left == 0
    assert one.try_acquire() == other.try_acquire() == pytest.approx(200)
    clock.now += 200
    assert one.left == other.left == HALF
    assert one.on_rate_limited(42.0) == pytest.approx(42.3)
    assert other.try_acquire() == pytest.approx(42.3)
    assert other.left == 0
    assert one.on_rate_limited(86_400.0) > 86_000
    assert other.try_acquire() == pytest.approx(WINDOW)  # at most
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert b"a-very-secret-key" not in file.read_bytes()


def test_file_shares_the_rate_of_one_key(file: Path, clock: Clock) -> None:
    one, same, other = (tap(file, key, per_second=1) for key in ("one", "one", "other"))
    assert one.try_acquire() == other.try_acquire() == 0
    clock.now += 3
    assert same.try_acquire() > 0  # until the response
    one.mark_completed()
    clock.now += 0.9
    assert same.try_acquire() == pytest.approx(0.1)


def test_file_counts_what_a_killed_tap_has_sent(file: Path, clock: Clock) -> None:
    for _ in range(10):
        killed = tap(file, per_second=5)
        send(clock, killed, 1)
        clock.now += 0.1
        assert killed.try_acquire() == 0  # the kill comes before the response
        clock.now += 6.1
    assert tap(file).left == 180


@pytest.mark.parametrize("jump", [-1e6, -100, -1])
def test_clock_that_is_set_back_costs_a_window_at_most(
    file: Path, clock: Clock, jump: float
) -> None:
    send(clock, tap(file), 200)
    clock.now += jump
    assert WINDOW - 200 < tap(file).try_acquire() <= WINDOW + 1
    clock.now += WINDOW + 1
    assert tap(file).left == 200


@pytest.mark.parametrize(("host", "counted"), [("http://localhost:9", False), ("https://x", True)])
def test_file_of_the_user_counts_requests_to_oncehub_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, *, counted: bool
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    TapOnceHub(config={"api_key": "key", "api_url": host}).run.client.limiter.try_acquire()
    assert (tmp_path / "tap-oncehub/requests.sqlite").exists() is counted


@pytest.mark.parametrize("spoilt", ["damaged", "other", "a folder", "locked", "full later"])
def test_file_that_cannot_be_used_costs_one_warning(
    file: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, spoilt: str
) -> None:
    monkeypatch.setattr(limiter_module, "_LOCKED_SECONDS", 0.1)
    file.parent.mkdir()
    if spoilt == "damaged":
        file.write_bytes(b"no database at all" * 100)
    if spoilt == "a folder":  # refused to root as well, who may write everywhere
        file.mkdir()
    if spoilt == "other":
        with closing(sqlite3.connect(file)) as made:
            made.executescript("CREATE TABLE sent (id INTEGER PRIMARY KEY, moment TEXT, key);")
    limiter, sent = tap(file), 0
    with closing(sqlite3.connect(":memory:" if spoilt != "locked" else file)) as other:
        other.execute("BEGIN EXCLUSIVE")
        if spoilt == "full later":
            sent += not limiter.try_acquire()
            connection = t.cast("sqlite3.Connection", limiter._log)
            ((pages,),) = connection.execute("PRAGMA page_count")
            connection.execute(f"PRAGMA max_page_count = {pages}")
        while not limiter.try_acquire():
            limiter.mark_completed()
            sent += 1
    assert limiter.left == 0
    assert sent <= PER_WINDOW
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert str(file) in caplog.text
