"""OnceHub's rate limits: never tripped by the tap, waited out when others trip them; its memory."""

import json
import subprocess
import sys
import threading
import time
import typing as t
from pathlib import Path

import pytest

from sandbox import Account, Limits, Sandbox
from sandbox.streams import STREAMS
from tests.support import inside, programs, warehouse
from tests.support.streams import ALL, LISTS, offered

FASTER = 150


def published(faster: float = FASTER, **more: t.Any) -> dict[str, t.Any]:
    """Settings that keep the published limits, in a faster clock."""
    limits = {
        "rate_limit_per_second": 5 * faster,
        "rate_limit_per_window": 200,
        "rate_limit_window_seconds": 300 / faster,
        "page_size": 10,
    }
    return {**limits, **more}


def assert_complete(run: programs.Run, account: Account) -> None:
    assert run.status == 0, run.log
    found = [row["id"] for row in run.records("bookings")]
    assert found == [item["id"] for item in account.objects("bookings")]


def test_a_window_that_others_have_used_up_is_waited_out(tmp_path: Path) -> None:
    account = Account(seed=2, bookings=300)
    limits = Limits(clock_factor=FASTER, retry_after=None)
    with Sandbox(account, key=programs.KEY, limits=limits) as api:
        fault = api.faults.add("slow", "/bookings", after=4, seconds=0.5)

        def use_it_up() -> None:
            while not fault.hits:
                time.sleep(0.001)
            api.use_up(200)  # while the tap waits for an answer

        others = threading.Thread(target=use_it_up, daemon=True)
        others.start()
        run = inside.spawn(tmp_path, api, "bookings", **published())
        others.join(programs.PATIENCE)
        assert 0 < api.refused <= 5
    assert_complete(run, account)


def test_a_429_in_every_stream_costs_nothing_but_time() -> None:
    account = Account(seed=5, bookings=25, users=4, booking_calendars=3)
    with Sandbox(account, key=programs.KEY, webhook_events="objects") as api:
        for path in ("/bookings", "/bookings/*", "/users/*", "/booking-calendars/*", "/test"):
            api.faults.add(429, path, times=1, after=1)
        for stream in LISTS:
            api.faults.add(429, STREAMS[stream].path, times=1)
        run = inside.sync(api, *ALL, **published(rate_limit_window_seconds=0.5))
        assert api.count(status=429) == 15
        assert run.ended == "well"
        for stream in ALL:
            wanted = warehouse.expected(stream, offered(api, account, stream))
            assert len(run.records(stream)) == len(wanted) > 0, stream


def together(folder: Path, taps: int, faster: float, pages: int) -> float:
    """Run taps at once, none of which is refused; give how many windows the full ones took."""
    account = Account(seed=1, bookings=10 * pages)
    account.warm()
    more = published(faster, rate_limit_file=str(folder / "requests.sqlite"))
    done: list[programs.Run] = []
    with Sandbox(account, key=programs.KEY, limits=Limits(clock_factor=faster)) as api:

        def tap(number: int) -> None:
            place = folder / str(number)
            place.mkdir()
            done.append(inside.spawn(place, api, "bookings", **more))

        inside.catalog("bookings")  # it sets handlers of signals, which threads must not
        threads = [threading.Thread(target=tap, args=[number]) for number in range(taps)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert api.refused == 0
        times = [entry.time for entry in api.log]
    assert len(done) == taps
    for run in done:
        assert_complete(run, account)
    full = (len(times) - 1) // 200
    return (times[full * 200] - times[0]) / (full * 300 / faster)


def test_taps_at_once_share_the_window(tmp_path: Path) -> None:
    assert together(tmp_path, 3, FASTER, 80) >= 1


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("taps", [1, 5])
def test_taps_at_once_with_the_real_limits(
    tmp_path: Path, taps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "PATIENCE", 900)
    assert 1 <= together(tmp_path, taps, 1, 250 // taps) <= 1 / 0.95


def test_memory_does_not_grow_with_the_account(tmp_path: Path) -> None:
    peaks = []
    for bookings in (300, 3300):
        sizes = dict.fromkeys(LISTS, 0) | {"bookings": bookings}
        with Sandbox(Account(nasty=False, **sizes), key=programs.KEY) as api:
            asked = {
                "commands": [programs.tap_command(tmp_path, programs.settings_for(api.url))],
                "environment": programs.environment(),
                "folder": str(tmp_path),
                "output": "/dev/null",
                "log": str(tmp_path / "log"),
                "seconds": programs.PATIENCE,
            }
            stopwatch = str(programs.ROOT / "benchmarks/stopwatch.py")
            command, given = [sys.executable, "-I", "-S", stopwatch], json.dumps(asked).encode()
            done = subprocess.run(command, input=given, stdout=subprocess.PIPE, check=True)
        (program,) = json.loads(done.stdout)["programs"]
        assert program["status"] == 0, (tmp_path / "log").read_text()
        peaks.append(program["peak_bytes"])
    # 3,000 bookings are 12 MB as objects: a tap that kept them would not be below.
    assert peaks[1] < peaks[0] + 5e6
    assert peaks[1] < 120e6
