"""Several taps on one machine: one window for all, and none is refused."""

from __future__ import annotations

import subprocess
import typing as t

import pytest

from sandbox import Account, Limits, Sandbox
from tests.support import inside, kills, programs

if t.TYPE_CHECKING:
    from pathlib import Path

FASTER = 60


def limited(api: Sandbox, folder: Path, faster: float = FASTER) -> dict[str, t.Any]:
    limits = {
        "rate_limit_per_second": 5 * faster,
        "rate_limit_per_window": 200,
        "rate_limit_window_seconds": 300 / faster,
        "rate_limit_file": str(folder / "requests.sqlite"),
    }
    return programs.settings_for(api.url, **{**limits, "page_size": 10})


def start(folder: Path, name: str, command_settings: dict[str, t.Any]) -> subprocess.Popen[bytes]:
    place = folder / name
    place.mkdir()
    chosen = inside.catalog("bookings")
    command = programs.tap_command(place, command_settings, catalog=chosen)
    with (place / "output").open("wb") as output, (place / "log").open("wb") as log:
        return subprocess.Popen(command, stdout=output, stderr=log, env=programs.environment())


def ids(folder: Path, name: str) -> list[str]:
    run = programs.Run(0, (folder / name / "output").read_bytes(), "")
    return [row["id"] for row in run.records("bookings")]


def together(folder: Path, taps: int, faster: float, pages: int) -> None:
    """Run taps at once; none is refused, all are complete, and the window is used."""
    account = Account(seed=1, bookings=10 * pages)
    account.warm()
    window = 300 / faster
    with Sandbox(account, key=programs.KEY, limits=Limits(clock_factor=faster)) as api:
        settings = limited(api, folder, faster)
        running = [start(folder, f"tap{n}", settings) for n in range(taps)]
        assert [process.wait(programs.PATIENCE) for process in running] == [0] * taps
        times = [entry.time for entry in api.log]
        refused = api.refused
    assert refused == 0
    for n in range(taps):
        assert ids(folder, f"tap{n}") == [row["id"] for row in account.objects("bookings")]
    full = (len(times) - 1) // 200
    assert full * window <= times[full * 200] - times[0] <= full * window / 0.95


@pytest.mark.parametrize("taps", [1, 3])
def test_taps_at_once_share_the_window(tmp_path: Path, taps: int) -> None:
    together(tmp_path, taps, FASTER, 450 // taps)


@pytest.mark.slow
@pytest.mark.parametrize("taps", [1, 5])
def test_taps_at_once_with_the_real_limits(
    tmp_path: Path, taps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "PATIENCE", 900)
    together(tmp_path, taps, 1, 250 // taps)


def test_kills_in_a_window_are_remembered(tmp_path: Path) -> None:
    account = Account(seed=2, bookings=1000)
    account.warm()
    with Sandbox(account, key=programs.KEY, limits=Limits(clock_factor=FASTER)) as api:
        settings = limited(api, tmp_path)
        for n in range(4):
            process = start(tmp_path, f"killed{n}", settings)
            kills.wait_for(lambda wanted=40 * (n + 1): len(api.log) >= wanted, process)
            process.kill()
            process.wait()
        assert start(tmp_path, "last", settings).wait(programs.PATIENCE) == 0
        assert api.refused == 0
    assert ids(tmp_path, "last") == [row["id"] for row in account.objects("bookings")]
