"""Rate limits and clock of the sandbox."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Literal

import pytest

from sandbox import Limits, Sandbox, limits

if TYPE_CHECKING:
    from tests.support.asking import Get


def test_both_limits_refuse_and_recover(api: Sandbox, get: Get) -> None:
    api.set_limits(Limits(per_second=3, per_window=5, window_seconds=2, clock_factor=4))
    assert [get("/teams").status_code for _ in range(4)] == [200, 200, 200, 429]
    time.sleep(0.26)
    assert [get("/teams").status_code for _ in range(3)] == [200, 200, 429]
    time.sleep(0.5)
    assert get("/teams").status_code == 200
    assert api.refused == api.count(status=429) == 2


def test_a_clock_that_runs_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(limits.time, "monotonic", lambda: now)
    limiter = limits.Limiter(Limits(clock_factor=100))
    assert [limiter.arrive("127.0.0.1") for _ in range(5)] == [0.0] * 5
    assert limiter.arrive("127.0.0.1") == pytest.approx(0.01)
    for _ in range(195):
        now += 0.01
        assert limiter.arrive("127.0.0.1") == 0
    assert now == pytest.approx(1001.95)
    now = 1002.0
    assert limiter.arrive("127.0.0.1") == pytest.approx(1.0)
    assert limiter.arrive("127.0.0.2") == 0


@pytest.mark.parametrize(
    ("style", "form"), [("seconds", r"\d+"), ("date", r"\w{3}, .* GMT"), (None, "None")]
)
def test_what_a_refusal_says(
    api: Sandbox, get: Get, style: Literal["seconds", "date"] | None, form: str
) -> None:
    api.set_limits(Limits(per_second=1, retry_after=style))
    get("/teams")
    answer = get("/teams")
    assert answer.status_code == 429
    assert answer.json()["type"] == "rate_limit_error"
    assert re.fullmatch(form, str(answer.headers.get("Retry-After")))


@pytest.mark.parametrize(("refused_count", "accepted"), [(False, 2), (True, 1)])
def test_refused_requests_may_count(
    *, refused_count: bool, accepted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(limits.time, "monotonic", lambda: now)
    limiter = limits.Limiter(
        Limits(per_second=0, per_window=1, window_seconds=60, refused_count=refused_count)
    )
    waits = []
    for step in (0, 30, 30, 1):
        now += step
        waits.append(limiter.arrive("127.0.0.1"))
    assert sum(wait <= 0 for wait in waits) == accepted
    assert waits[1] == 30.0


def test_the_window_is_for_an_address_and_can_be_used_up_by_others(api: Sandbox, get: Get) -> None:
    api.set_limits(Limits())
    api.use_up(200)
    assert get("/teams").status_code == 429


def test_the_servers_clock_can_be_wrong(api: Sandbox, get: Get) -> None:
    api.clock.offset_seconds = 86400 * 365 * 30
    key = api.account.add("contacts")[0]
    assert get("/test").headers["Date"][12:16] > "2050"
    assert api.account.object("contacts", key)["creation_time"] > "2050"
    found = get("/contacts", **{"last_updated_time.gt": "2050-01-01"}).json()["data"]
    assert [item["id"] for item in found] == [key]
