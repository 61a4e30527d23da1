"""results.md and its charts, written from results.json."""

from __future__ import annotations

import typing as t
from statistics import median

from benchmarks import charts, goals
from benchmarks.contenders import CONTENDERS

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.results import Figures, Results

_LABELS = {name: contender.label for name, contender in CONTENDERS.items()}
_HEAD = """\
# Measured

Written by `make bench`; do not edit. {machine[cores]} cores ({machine[processor]}), \
{machine[memory_gib]} GiB, {machine[system]}, Python {machine[python]}, \
load before the last run {machine[load_before]}.
{versions}.
Measured on: {dates}.

Everybody reads the same ten lists of the same made-up account, which the sandbox serves \
from memory on the same machine, in a process of its own. Contenders are whole processes, \
run in turn; figures are medians, with the lowest and highest in brackets. Every record that \
should arrive is counted, in DuckDB or in the output, before a figure counts. \
What each contender is set up to do stands in \
[contenders.py](contenders.py) and [others/](others).

- **dlt, default settings**: its REST API source with address, paths, primary keys and the \
name of the key's header; it reads pages of ten and everything at every sync.
- **dlt, tuned**: `limit=100`, incremental by `last_updated_time` (text messages by \
`creation_time`), merged by primary key. **JSONL files**: the same with \
`loader_file_format="jsonl"`, where dlt's default for DuckDB is INSERT \
statements. **JSON columns**: nested values in JSON \
columns, as the tap keeps them, where dlt's default is a table for each nested list.
- **Airbyte CDK alone**: its program for declarative sources with OnceHub's endpoints, \
incremental where possible, writing to nowhere. It reads two streams at once.
- **the same on the SDK's defaults**: the same streams, schemas and requests as a plain \
Singer SDK tap: its writer, record conforming, paginator, decoding ([code](others/sdk_defaults.py)).
"""


def write(results: Results) -> None:
    """Write what there are figures for.

    Args:
        results: All figures.
    """
    found = results.figures
    if "machine" not in found:
        return
    dates = ", ".join(f"{piece} {day}" for piece, day in sorted(found["dates"].items()))
    parts = [
        _HEAD.format(machine=found["machine"], versions=", ".join(found["versions"]), dates=dates),
        *_goals(found),
        *_failures(found),
        *_speed(found),
        *_memory(found),
        *_requests(found),
        *_limits(found),
        *_startup(found),
        *_sandbox(found),
    ]
    results.folder.joinpath("results.md").write_text("\n".join(parts))
    for name, (title, unit, key, scale, text) in {
        "time": ("Time of a first sync", "seconds", "seconds", 1.0, "{:g}"),
        "memory": ("Memory of the largest process", "MB", "peak_bytes", 1e-6, "{:g}"),
    }.items():
        lines = _lines(found, key, scale)
        if lines:
            drawing = charts.chart(title, unit, lines, _LABELS, text.format)
            results.folder.joinpath(f"{name}.svg").write_text(drawing)


def _lines(found: Figures, key: str, scale: float) -> dict[str, list[tuple[float, float]]]:
    lines: dict[str, list[tuple[float, float]]] = {}
    for size in _sizes(found, "speed"):
        for name, samples in found["speed"][str(size)].items():
            value = median(sample[key] for sample in samples) * scale
            lines.setdefault(name, []).append((size, value))
    return lines


def _sizes(found: Figures, piece: str) -> list[int]:
    return sorted(int(size) for size, figures in found.get(piece, {}).items() if figures)


def _goals(found: Figures) -> Iterable[str]:
    rows = [[goal.what, goal.wanted, goal.measured, "yes" if goal.reached else "**no**"]
            for goal in goals.goals(found)]  # fmt: skip
    if rows:
        yield "## What was to be reached\n"
        yield _table(("goal", "wanted", "measured", "reached"), rows)


def _failures(found: Figures) -> Iterable[str]:
    if found.get("failures"):
        yield "## Runs that failed\n"
        yield from (f"- {failure}" for failure in found["failures"])
        yield ""


def _speed(found: Figures) -> Iterable[str]:
    for size in _sizes(found, "speed"):
        figures, records = found["speed"][str(size)], found["accounts"][str(size)]["records"]
        yield f"## {size:,} bookings, {records:,} records: first sync\n"
        base = _median(figures.get("pipe"), "seconds")
        rows = []
        for name in (name for name in CONTENDERS if name in figures):
            samples = figures[name]
            seconds = _median(samples, "seconds") or 1.0
            against = f"{seconds / base:.2f}" if base and CONTENDERS[name].loads else ""
            rows.append([
                _LABELS[name],
                _spread([sample["seconds"] for sample in samples], "{:.1f}"),
                f"{records / seconds:,.0f}",
                against,
                f"{_median(samples, 'cpu_seconds'):.1f}",
                " + ".join(f"{part / 1e6:.0f}" for part in samples[-1]["programs"]),
                str(len(samples)),
            ])  # fmt: skip
        heads = ("contender", "seconds", "records/s", "time, pipe = 1", "CPU seconds", "MB", "runs")
        yield _table(heads, rows)
    if _sizes(found, "speed"):
        yield "![Time against the size of the account](time.svg)\n"


def _memory(found: Figures) -> Iterable[str]:
    sizes = _sizes(found, "speed")
    if not sizes:
        return
    yield "## Memory\n"
    yield (
        "MB, the median of the most that any one process had in use at once (`ru_maxrss` of "
        "`wait4`): of a pipeline's programs and what they start, the largest one. The tables "
        "above have the programs of a pipeline apart.\n"
    )
    rows = [
        [label, *(_megabytes(found["speed"][str(size)].get(name)) for size in sizes)]
        for name, label in _LABELS.items()
        if any(name in found["speed"][str(size)] for size in sizes)
    ]
    yield _table(("contender", *(f"{size:,} bookings" for size in sizes)), rows)
    yield "![Memory against the size of the account](memory.svg)\n"


def _megabytes(samples: Sequence[Figures] | None) -> str:
    peak = _median(samples, "peak_bytes")
    return "" if peak is None else f"{peak / 1e6:.0f}"


def _requests(found: Figures) -> Iterable[str]:
    sizes = _sizes(found, "requests")
    if not sizes:
        return
    yield "## Requests\n"
    yield (
        "First sync, then a second one after 20 bookings were edited; all of them arrived. The "
        "tap also reads again what changed in the five minutes before its bookmark "
        "(`lookback_seconds`; a tenth of the made-up contacts did), and the text messages of "
        "the last three days: their status may have changed, and no time says so.\n"
    )
    rows = [["the fewest possible", *(
        f"{found['accounts'][str(size)]['fewest_requests']:,}, 10" for size in sizes
    )]]  # fmt: skip
    for name, label in _LABELS.items():
        counts = [found["requests"][str(size)].get(name, {}) for size in sizes]
        if any(counts):
            rows.append([label, *(
                f"{c['first']:,}, {c['second']:,}" if "second" in c else "" for c in counts
            )])  # fmt: skip
    yield _table(("contender", *(f"{size:,} bookings" for size in sizes)), rows)


def _limits(found: Figures) -> Iterable[str]:
    limits = found.get("limits")
    if not limits or not limits["runs"]:
        return
    yield "## Under the published limits\n"
    yield (
        f"5 requests a second and 200 in 5 minutes, in a clock that runs "
        f"{limits['clock_factor']:g} times faster; {limits['bookings']:,} bookings, "
        f"{limits['records']:,} records. The floor is the least time that the limits allow for "
        "as many requests as were answered; time is from the first request to the last one, "
        "both in account time. tap-oncehub is told the faster limits in its settings; the waits "
        "of the others are shortened by the same factor, unless OnceHub names them in "
        "Retry-After (whether it does is not documented). Work takes as long as ever, so that a "
        "fast clock is kind to who is slow: in reality they meet the limit of 5 a second far more "
        "often. A Retry-After has whole seconds of the fast clock, so that each refusal costs who "
        f"heeds it up to {limits['clock_factor']:g} s of account time: its time is too long here.\n"
    )
    factor = limits["clock_factor"]
    rows = [[
        _LABELS[run["contender"]],
        {"none": "no", "seconds": "yes"}[run["retry_after"]],
        f"{run['arrived']:,}",
        f"{run['requests']:,}",
        f"{run['refused']:,}",
        f"{run['floor'] * factor:,.0f} s",
        f"{run['span'] * factor:,.0f} s",
        f"{run['floor'] / run['span']:.0%}" if run["span"] else "",
        {0: "complete", None: "stopped by us"}.get(run["status"], "failed"),
    ] for run in limits["runs"]]  # fmt: skip
    yield _table(
        ("contender", "Retry-After", "records that arrived", "answered", "refused", "floor",
         "time", "floor/time", "ended"), rows,
    )  # fmt: skip


def _startup(found: Figures) -> Iterable[str]:
    if not found.get("startup"):
        return
    yield "## Start-up\n"
    rows = [
        [f"`{name}`", _spread(seconds, "{:.2f}"), str(len(seconds))]
        for name, seconds in found["startup"].items()
    ]
    yield _table(("command", "seconds", "runs"), rows)


def _sandbox(found: Figures) -> Iterable[str]:
    if not found.get("accounts"):
        return
    yield "## The sandbox\n"
    rates = [
        f"{figures['pages_a_second']:,.0f} with {int(size):,} bookings"
        for size, figures in sorted(found["accounts"].items(), key=lambda item: int(item[0]))
        if figures
    ]
    yield (
        "Pages of 100 bookings a second that it gives to a client that does nothing with them: "
        + ", ".join(rates)
        + ". Its answers are compressed for who asks for it, as all contenders do.\n"
    )


def _median(samples: Sequence[Figures] | None, key: str) -> float | None:
    return median(sample[key] for sample in samples) if samples else None


def _spread(values: Sequence[float], form: str) -> str:
    text = form.format(median(values))
    if len(values) > 1:
        text += f" ({form.format(min(values))} to {form.format(max(values))})"
    return text


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, [" --- ", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
