"""Rate limits of the sandbox."""

from __future__ import annotations

import re
from typing import Literal

import pytest

from sandbox import Account, Limits, Sandbox, limits
from tests.support.asking import KEY, asking


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    moment = [1000.0]
    monkeypatch.setattr(limits.time, "monotonic", lambda: moment[0])
    return moment


def test_both_limits_refuse_and_recover_in_a_faster_clock(now: list[float]) -> None:
    limiter = limits.Limiter(Limits(clock_factor=100))
    assert [limiter.arrive() for _ in range(5)] == [0.0] * 5
    assert limiter.arrive() == pytest.approx(0.01)
    for _ in range(195):
        now[0] += 0.01
        assert limiter.arrive() == 0
    now[0] = 1002.0
    assert limiter.arrive() == pytest.approx(1.0)
    now[0] = 1003.01
    assert limiter.arrive() == 0


def test_refused_requests_do_not_count(now: list[float]) -> None:
    limiter = limits.Limiter(Limits(per_second=0, per_window=1, window_seconds=60))
    waits = []
    for step in (0, 30, 30):
        now[0] += step
        waits.append(limiter.arrive())
    assert waits == [0, 30, 0]


@pytest.mark.parametrize(
    ("style", "form"), [("seconds", r"\d+"), ("date", r"\w{3}, .* GMT"), (None, "None")]
)
def test_what_a_refusal_says(style: Literal["seconds", "date"] | None, form: str) -> None:
    with (
        Sandbox(Account(bookings=1), KEY, limits=Limits(retry_after=style)) as api,
        asking(api) as get,
    ):
        assert get("/teams").status_code == 200
        api.use_up(200)
        answer = get("/teams")
        assert api.refused == api.count(status=429) == 1
    assert (answer.status_code, answer.json()["type"]) == (429, "rate_limit_error")
    assert re.fullmatch(form, str(answer.headers.get("Retry-After")))
