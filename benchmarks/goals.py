"""What the tap is to reach, checked against the figures that there are."""

from __future__ import annotations

import typing as t
from statistics import median

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.results import Figures

_STARTUP_SECONDS = 0.6
_MEMORY_MB = 120
_FLAT = 1.15
_SHARE_OF_RATE = 0.95
_SMALL, _MIDDLE, _LARGE = 2_000, 20_000, 200_000


class Goal(t.NamedTuple):
    """One goal.

    Attributes:
        what: What is to be reached.
        wanted: The value that counts as reached.
        measured: The value that was measured.
        reached: Whether that is enough.
    """

    what: str
    wanted: str
    measured: str
    reached: bool


def goals(found: Figures) -> Iterator[Goal]:
    """Give the goals that there are figures for.

    Args:
        found: All figures.
    """
    yield from _requests(found)
    yield from _limits(found)
    yield from _ratio(found, "pipe", "dlt-tuned", _MIDDLE, 5.0)
    yield from _ratio(found, "pipe", "dlt-best", _MIDDLE, 1.0)
    yield from _ratio(found, "meltano", "dlt-tuned", _LARGE, 5.0)
    yield from _ratio(found, "meltano", "dlt-best", _LARGE, 1.0)
    for size in (_MIDDLE, _LARGE):
        yield from _ratio(found, "tap", "airbyte", size, 2.5)
        yield from _ratio(found, "tap", "sdk", size, 1.5)
    yield from _memory(found)
    yield from _startup(found)


def _requests(found: Figures) -> Iterator[Goal]:
    for size, figures in sorted(found.get("requests", {}).items(), key=lambda item: int(item[0])):
        if "first" in figures.get("tap", {}):
            fewest, used = found["accounts"][size]["fewest_requests"], figures["tap"]["first"]
            what = f"requests for {int(size):,} bookings"
            yield Goal(what, f"{fewest:,}", f"{used:,}", used == fewest)


def _limits(found: Figures) -> Iterator[Goal]:
    for run in found.get("limits", {}).get("runs", ()):
        if run["contender"] == "tap" and run["span"]:
            share = run["floor"] / run["span"]
            what = f"share of the allowed rate (Retry-After: {run['retry_after']})"
            yield Goal(what, f"≥ {_SHARE_OF_RATE:.0%}", f"{share:.1%}", share >= _SHARE_OF_RATE)
            yield Goal("refused requests", "0", str(run["refused"]), not run["refused"])


def _ratio(found: Figures, ours: str, other: str, size: int, wanted: float) -> Iterator[Goal]:
    mine, theirs = _median(found, ours, size, "seconds"), _median(found, other, size, "seconds")
    if mine and theirs:
        times = theirs / mine
        what = f"times as fast as {other}: {ours}, {size:,} bookings"
        yield Goal(what, f"≥ {wanted:g}", f"{times:.1f}", times >= wanted)


def _memory(found: Figures) -> Iterator[Goal]:
    peaks = {size: _median(found, "tap", size, "peak_bytes") for size in (_SMALL, _MIDDLE, _LARGE)}
    known = {size: peak for size, peak in peaks.items() if peak}
    if known:
        most = max(known.values()) / 1e6
        yield Goal("memory of the tap", f"< {_MEMORY_MB} MB", f"{most:.0f} MB", most < _MEMORY_MB)
    for size in (_MIDDLE, _LARGE):
        if size in known and _SMALL in known:
            times = known[size] / known[_SMALL]
            what = f"memory at {size:,} bookings against {_SMALL:,}"
            yield Goal(what, f"≤ {_FLAT:g}", f"{times:.2f}", times <= _FLAT)


def _startup(found: Figures) -> Iterator[Goal]:
    for name, seconds in found.get("startup", {}).items():
        if name.startswith("tap-oncehub"):
            taken = median(seconds)
            reached = taken < _STARTUP_SECONDS
            yield Goal(f"`{name}`", f"< {_STARTUP_SECONDS:g} s", f"{taken:.2f} s", reached)


def _median(found: Figures, name: str, size: int, key: str) -> float | None:
    samples = found.get("speed", {}).get(str(size), {}).get(name)
    return median(sample[key] for sample in samples) if samples else None
