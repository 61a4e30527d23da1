"""OnceHub's rate limits: never tripped by the tap, waited out when others trip them."""

from __future__ import annotations

import threading
import time
import typing as t
from contextlib import contextmanager

import pytest
import requests

from sandbox import Account, Limits, Sandbox
from sandbox.streams import STREAMS
from tests.support import inside, programs, warehouse
from tests.support.streams import ALL, LISTS, offered

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FASTER = 150
WINDOW = 300 / FASTER
HANDFUL = 5


def published(api: Sandbox, **more: t.Any) -> dict[str, t.Any]:
    """Settings that keep the published limits, in a faster clock."""
    limits = {
        "rate_limit_per_second": 5 * FASTER,
        "rate_limit_per_window": 200,
        "rate_limit_window_seconds": WINDOW,
    }
    return programs.settings_for(api.url, **{**limits, **more})


@pytest.fixture
def bookings_only() -> dict[str, t.Any]:
    return inside.catalog("bookings")


def assert_complete(run: programs.Run, account: Account) -> None:
    """Find every booking once, in its order."""
    assert run.status == 0, run.log
    found = [row["id"] for row in run.records("bookings")]
    assert found == [item["id"] for item in account.objects("bookings")]


@contextmanager
def others_use_it_up(api: Sandbox) -> Iterator[None]:
    """Leave nothing of the window while the tap waits for an answer."""
    fault = api.faults.add("slow", "/bookings", after=4, seconds=0.5)

    def watch() -> None:
        while not fault.hits:
            time.sleep(0.001)
        api.use_up(200)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    yield
    watcher.join(programs.PATIENCE)


@pytest.mark.parametrize("style", ["seconds", "date", None])
def test_a_window_that_others_have_used_up_is_waited_out(
    tmp_path: Path, bookings_only: dict[str, t.Any], style: t.Any
) -> None:
    account = Account(seed=2, bookings=600)
    limits = Limits(clock_factor=FASTER, retry_after=style)
    with Sandbox(account, key=programs.KEY, limits=limits) as api:
        with others_use_it_up(api):
            run = programs.run_tap(tmp_path, published(api, page_size=10), catalog=bookings_only)
        refused = api.refused
    assert_complete(run, account)
    assert 0 < refused <= HANDFUL


@contextmanager
def another_user(api: Sandbox, pause: float) -> Iterator[None]:
    """Ask for something all the time, from the same address."""
    done = threading.Event()

    def ask() -> None:
        while not done.wait(pause):
            requests.get(f"{api.url}/test", headers={"API-Key": programs.KEY}, timeout=9)

    user = threading.Thread(target=ask)
    user.start()
    try:
        yield
    finally:
        done.set()
        user.join()


def test_beside_another_user_of_the_account(
    tmp_path: Path, bookings_only: dict[str, t.Any]
) -> None:
    account = Account(seed=4, bookings=2000)
    account.warm()
    limits = Limits(clock_factor=FASTER, retry_after=None)
    with Sandbox(account, key=programs.KEY, limits=limits) as api:
        began = time.time()
        with another_user(api, pause=WINDOW / 100):
            run = programs.run_tap(tmp_path, published(api, page_size=10), catalog=bookings_only)
        windows = (time.time() - began) / WINDOW
        refused = [e for e in api.log if e.path == "/v2/bookings" and e.status == 429]
    assert_complete(run, account)
    assert 0 < len(refused) <= HANDFUL * windows


def test_a_429_in_every_stream_costs_nothing_but_time(tmp_path: Path) -> None:
    account = Account(seed=5, bookings=25, users=4, booking_calendars=3)
    catalog = inside.catalog(*ALL)
    with Sandbox(account, key=programs.KEY, webhook_events="objects") as api:
        for path in ("/bookings", "/bookings/*", "/users/*", "/booking-calendars/*", "/test"):
            api.faults.add(429, path, times=1, after=1)
        for stream in LISTS:
            api.faults.add(429, STREAMS[stream].path, times=1)
        settings = published(api, rate_limit_window_seconds=0.5, page_size=10)
        run = programs.run_tap(tmp_path, settings, catalog=catalog)
        assert api.count(status=429) == 15
        assert run.status == 0, run.log
        for stream in ALL:
            wanted = warehouse.expected(stream, offered(api, account, stream))
            assert wanted
            assert len(run.records(stream)) == len(wanted), stream


def test_limits_that_stay_used_up_end_the_run_with_one_error(
    tmp_path: Path, bookings_only: dict[str, t.Any]
) -> None:
    with Sandbox(Account(seed=6, bookings=40), key=programs.KEY) as api:
        api.faults.add(429, times=None)
        settings = published(api, rate_limit_window_seconds=1, max_wait_seconds=2)
        began = time.monotonic()
        run = programs.run_tap(tmp_path, settings, catalog=bookings_only)
        took = time.monotonic() - began
        assert len(api.log) <= 2 * HANDFUL
    assert run.status == 1
    assert len(run.errors) == 1
    assert "max_wait_seconds (2 s)" in run.errors[0]
    assert took < 2 + 10


def test_requests_of_retries_count_too(tmp_path: Path, bookings_only: dict[str, t.Any]) -> None:
    account = Account(seed=7, bookings=150)
    limits = Limits(per_second=0, per_window=8, window_seconds=1)
    with Sandbox(account, key=programs.KEY, limits=limits) as api:
        api.faults.add(503, "/bookings", times=3, probability=0.25, seed=1)
        settings = programs.settings_for(
            api.url, rate_limit_per_window=8, rate_limit_window_seconds=1, page_size=10
        )
        run = programs.run_tap(tmp_path, settings, catalog=bookings_only)
        assert api.refused == 0
        assert api.count(status=503) == 3
    assert_complete(run, account)
