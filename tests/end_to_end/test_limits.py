"""OnceHub's rate limits: never tripped by the tap, waited out when others trip them."""

from __future__ import annotations

import threading
import time
import typing as t

import pytest
import requests

from sandbox import Account, Limits, Sandbox
from tests.support import programs
from tests.support.streams import ALL, LISTS

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FASTER = 60
WINDOW = 300 / FASTER
PUBLISHED = {
    "rate_limit_per_second": 5 * FASTER,
    "rate_limit_per_window": 200,
    "rate_limit_window_seconds": WINDOW,
}
SPEEDS = {name: PUBLISHED[name] for name in PUBLISHED if name != "rate_limit_per_window"}
HANDFUL = 5


def published(api: Sandbox, **more: t.Any) -> dict[str, t.Any]:
    """Settings that keep the published limits, in the faster clock."""
    return programs.settings_for(api.url, **{**PUBLISHED, **more})


@pytest.fixture
def bookings_only(tmp_path: Path) -> dict[str, t.Any]:
    return programs.catalog("bookings", folder=tmp_path)


def ids(rows: list[dict[str, t.Any]]) -> list[str]:
    return [row["id"] for row in rows]


def test_600_pages_take_what_the_window_dictates_and_nothing_is_refused(
    tmp_path: Path, bookings_only: dict[str, t.Any]
) -> None:
    account = Account(seed=1, bookings=6000)
    account.warm()
    with Sandbox(account, key=programs.KEY, limits=Limits(clock_factor=FASTER)) as api:
        began = time.time()
        run = programs.run_tap(tmp_path, published(api, page_size=10), catalog=bookings_only)
        total = time.time() - began
        times = [entry.time for entry in api.log]
        assert api.refused == 0
    assert run.status == 0, run.log
    assert ids(run.records("bookings")) == ids(account.objects("bookings"))
    assert len(times) == 600
    # 200 requests at once, 200 a window later, and the last 200 after two windows.
    for requests_before, windows in ((200, 1), (400, 2)):
        took = times[requests_before] - times[0]
        assert windows * WINDOW <= took <= 1.05 * windows * WINDOW
    start_and_end = total - (times[-1] - times[0])
    burst = times[-1] - times[400]
    assert total - start_and_end - burst <= 1.05 * 2 * WINDOW


@pytest.mark.slow
def test_250_pages_with_the_real_limits(
    tmp_path: Path, bookings_only: dict[str, t.Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "PATIENCE", 900)
    account = Account(seed=1, bookings=25_000)
    with Sandbox(account, key=programs.KEY, limits=Limits()) as api:
        settings = {"api_key": programs.KEY, "api_url": api.url}
        began = time.time()
        run = programs.run_tap(tmp_path, settings, catalog=bookings_only)
        total = time.time() - began
        times = [entry.time for entry in api.log]
        refused = api.refused
    print(f"{len(times)} requests, {refused} refused, {total:.1f} s")  # noqa: T201
    print(run.log)  # noqa: T201
    assert refused == 0
    assert run.status == 0, run.log
    assert ids(run.records("bookings")) == ids(account.objects("bookings"))
    assert len(times) == 250
    assert 300 <= times[200] - times[0] <= 1.05 * 300
    assert total <= 1.05 * (300 + 50 / 5) + 5
