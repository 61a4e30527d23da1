"""What a run takes: of OnceHub's rate limits, which several taps never trip, and of memory."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sandbox import Account, Limits, Sandbox
from tests.support import inside, programs
from tests.support.streams import LISTS


def test_taps_at_once_share_the_window(tmp_path: Path) -> None:
    """The published limits, in a clock that is faster; at their pace: tests/unit."""
    faster, account = 150, Account(seed=1, bookings=800)
    account.warm()
    more = {"rate_limit_per_second": 5 * faster, "rate_limit_window_seconds": 300 / faster}
    more |= {"rate_limit_per_window": 200, "rate_limit_file": str(tmp_path / "requests.sqlite")}
    api = Sandbox(account, key=programs.KEY, limits=Limits(clock_factor=faster))

    def tap(number: int) -> programs.Run:
        place = tmp_path / str(number)
        place.mkdir()
        return inside.spawn(place, api, "bookings", page_size=10, **more)

    inside.catalog("bookings")  # it sets handlers of signals, which threads must not
    with api, ThreadPoolExecutor() as pool:
        for run in pool.map(tap, range(3)):
            assert run.status == 0, run.log
            found = [row["id"] for row in run.records("bookings")]
            assert found == [item["id"] for item in account.objects("bookings")]
        assert api.refused == 0
        assert api.log[200].time - api.log[0].time >= 300 / faster


PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
"""


def test_memory_does_not_grow_with_the_account(tmp_path: Path) -> None:
    peaks = []
    for bookings in (300, 3300):
        sizes = dict.fromkeys(LISTS, 0) | {"bookings": bookings}
        with Sandbox(Account(nasty=False, **sizes), key=programs.KEY) as api:
            command = programs.tap_command(tmp_path, programs.settings_for(api.url))
            run = programs.run([sys.executable, "-c", PEAK, *command])
        assert run.status == 0, run.log
        peaks.append(int(run.output))
    # 3,000 bookings are 12 MB as objects: a tap that kept them would not be below.
    assert peaks[1] < peaks[0] + 5e6
    assert peaks[1] < 120e6
