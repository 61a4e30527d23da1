"""What is to be measured."""

from __future__ import annotations

import argparse
import typing as t
from dataclasses import dataclass
from pathlib import Path

from benchmarks import places
from benchmarks.contenders import CONTENDERS

if t.TYPE_CHECKING:
    from collections.abc import Sequence

PIECES = ("startup", "requests", "speed", "limits")
_RUNS = {200: 3, 2_000: 3, 20_000: 3, 200_000: 1}
_REQUESTS_UP_TO = 20_000


@dataclass(frozen=True)
class Plan:
    """What is to be measured.

    Attributes:
        pieces: Which measures.
        sizes: Bookings of the accounts.
        contenders: Names of those who are measured.
        runs: Runs of each with each size; None depends on the size.
        starts: Runs of each command whose start-up is measured.
        limited_bookings: Size of the account that is read under the limits.
        clock_factor: How much faster the limits' clock runs.
        folder: Where the results go.
    """

    pieces: frozenset[str]
    sizes: tuple[int, ...]
    contenders: tuple[str, ...]
    runs: int | None
    starts: int
    limited_bookings: int
    clock_factor: float
    folder: Path

    @property
    def sizes_for_requests(self) -> tuple[int, ...]:
        """The accounts whose requests are counted."""
        return tuple(size for size in self.sizes if size <= _REQUESTS_UP_TO)

    @property
    def sizes_for_speed(self) -> tuple[int, ...]:
        """The accounts that are large enough to be timed."""
        return tuple(size for size in self.sizes if size > min(_RUNS) or len(self.sizes) == 1)

    def runs_with(self, size: int) -> int:
        """How often everybody reads an account."""
        return self.runs or _RUNS.get(size, 1)


def from_arguments(arguments: Sequence[str] | None = None) -> Plan:
    """Read the command line.

    Args:
        arguments: The arguments; those of this process by default.
    """
    parser = argparse.ArgumentParser(
        prog="make bench BENCH_ARGS=...",
        description="Measure the tap and others. What is not measured now stays in the results "
        "as it was.",
    )
    add = parser.add_argument
    pieces, names = ", ".join(PIECES), ", ".join(CONTENDERS)
    add("--only", type=_words, default=PIECES, metavar="A,B", help=f"some of: {pieces}")
    add("--sizes", type=_numbers, metavar="N,M", help="bookings of the accounts (200 to 200000)")
    everybody = tuple(CONTENDERS)
    add("--contenders", type=_words, default=everybody, metavar="A,B", help=f"some of: {names}")
    add("--runs", type=int, help="runs of each with each size")
    add("--limited-bookings", type=int, help="size of the account under limits")
    add("--clock-factor", type=float, help="how much faster the limits' clock runs")
    add("--quick", action="store_true", help="a rehearsal; its results are in .tools/bench/quick")
    options = parser.parse_args(arguments)
    for given, known in ((options.only, PIECES), (options.contenders, CONTENDERS)):
        if unknown := set(given) - set(known):
            parser.error(f"unknown: {', '.join(sorted(unknown))}")
    quick = options.quick
    return Plan(
        pieces=frozenset(options.only),
        sizes=options.sizes or ((200, 2_000) if quick else tuple(_RUNS)),
        contenders=tuple(name for name in CONTENDERS if name in options.contenders),
        runs=options.runs or (1 if quick else None),
        starts=3 if quick else 15,
        limited_bookings=options.limited_bookings or (15_000 if quick else 30_000),
        clock_factor=options.clock_factor or (60 if quick else 30),
        folder=places.SCRATCH / "quick" if quick else Path(__file__).parent,
    )


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(word) for word in text.split(","))
