"""OnceHub's rate limits: never tripped by the tap, waited out when others trip them."""

from __future__ import annotations

import subprocess
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

FASTER = 60
MUCH_FASTER = 150
HANDFUL = 5


def published(api: Sandbox, faster: float = MUCH_FASTER, **more: t.Any) -> dict[str, t.Any]:
    """Settings that keep the published limits, in a faster clock."""
    limits = {
        "rate_limit_per_second": 5 * faster,
        "rate_limit_per_window": 200,
        "rate_limit_window_seconds": 300 / faster,
    }
    return programs.settings_for(api.url, **{**limits, **more})


@pytest.fixture
def bookings_only(tmp_path: Path) -> dict[str, t.Any]:
    return inside.catalog("bookings")


def ids(rows: list[dict[str, t.Any]]) -> list[str]:
    return [row["id"] for row in rows]


def test_400_pages_take_what_the_window_dictates_and_nothing_is_refused(
    tmp_path: Path, bookings_only: dict[str, t.Any]
) -> None:
    account = Account(seed=1, bookings=10 + 398 * 9 - 1)
    account.warm()
    window = 300 / FASTER
    with Sandbox(account, key=programs.KEY, limits=Limits(clock_factor=FASTER)) as api:
        began = time.time()
        run = programs.run_tap(
            tmp_path, published(api, FASTER, page_size=10), catalog=bookings_only
        )
        total = time.time() - began
        times = [entry.time for entry in api.log]
        assert api.refused == 0
    assert run.status == 0, run.log
    assert ids(run.records("bookings")) == ids(account.objects("bookings"))
    assert len(times) == 400
    # 200 requests at once, 200 a window later.
    assert window <= times[200] - times[0] <= 1.05 * window
    start_and_end = total - (times[-1] - times[0])
    burst = times[-1] - times[200]
    assert total - start_and_end - burst <= 1.05 * window


def skip_unless_it_came_to(refused: int) -> None:
    """A machine so busy that the window has passed by then has shown nothing."""
    if not refused:
        pytest.skip("this machine was too busy for a refusal")


@contextmanager
def others_use_it_up(api: Sandbox) -> Iterator[None]:
    """Leave nothing of the window as soon as the tap has begun."""

    def watch() -> None:
        while len(api.log) < 5:
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
    limits = Limits(clock_factor=MUCH_FASTER, retry_after=style)
    with Sandbox(account, key=programs.KEY, limits=limits) as api:
        with others_use_it_up(api):
            run = programs.run_tap(tmp_path, published(api, page_size=10), catalog=bookings_only)
        refused = api.refused
    assert run.status == 0, run.log
    assert ids(run.records("bookings")) == ids(account.objects("bookings"))
    assert refused <= HANDFUL
    skip_unless_it_came_to(refused)


def test_a_run_that_takes_over_from_a_killed_one(
    tmp_path: Path, bookings_only: dict[str, t.Any]
) -> None:
    account = Account(seed=3, bookings=2300)
    account.warm()
    with Sandbox(account, key=programs.KEY, limits=Limits(clock_factor=FASTER)) as api:
        settings = published(api, FASTER, page_size=10)
        command = programs.tap_command(tmp_path, settings, catalog=bookings_only)
        with (
            tmp_path.joinpath("first").open("wb") as output,
            subprocess.Popen(
                command, stdout=output, stderr=subprocess.DEVNULL, env=programs.environment()
            ) as first,
        ):
            while len(api.log) < 195:
                time.sleep(0.005)
            first.kill()
        written = programs.Run(0, tmp_path.joinpath("first").read_bytes(), "")
        run = programs.run_tap(tmp_path, settings, state=written.state, catalog=bookings_only)
        refused = api.refused
    assert run.status == 0, run.log
    both = {row["id"] for row in [*written.records("bookings"), *run.records("bookings")]}
    assert both == set(ids(account.objects("bookings")))
    assert refused <= HANDFUL
    skip_unless_it_came_to(refused)


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
    account = Account(seed=4, bookings=3000)
    account.warm()
    limits = Limits(clock_factor=MUCH_FASTER, retry_after=None)
    with Sandbox(account, key=programs.KEY, limits=limits) as api:
        window = 300 / MUCH_FASTER
        began = time.time()
        with another_user(api, pause=window / 40):
            run = programs.run_tap(tmp_path, published(api, page_size=10), catalog=bookings_only)
        windows = (time.time() - began) / window
        refused = [e for e in api.log if e.path == "/v2/bookings" and e.status == 429]
    assert run.status == 0, run.log
    assert ids(run.records("bookings")) == ids(account.objects("bookings"))
    assert len(refused) <= HANDFUL * windows
    skip_unless_it_came_to(len(refused))


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
    assert run.status == 0, run.log
    assert ids(run.records("bookings")) == ids(account.objects("bookings"))
