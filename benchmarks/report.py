"""results.md and its chart, written from the figures."""

import math
import os
import platform
import subprocess
import typing as t
from collections.abc import Iterator
from html import escape
from pathlib import Path
from statistics import median

from benchmarks import places
from benchmarks.contenders import CONTENDERS

Figures: t.TypeAlias = dict[str, t.Any]


_HEAD = """\
# Measured

Written by `make bench`; do not edit. {cores} cores, {system}, Python {python}. {versions}.

Everybody reads the same ten lists of the same made-up account, which the sandbox serves from \
memory on the same machine, in a process of its own. Contenders are whole processes, run in turn; \
figures are medians, with the lowest and highest in brackets: compare those of one table only. \
Ratios differ between machines, too: on another one tap and target-duckdb took 4.2 seconds \
where dlt's best took 8.2, 1.95 times as long. \
Every record that should arrive is counted, in DuckDB or in the output, before a figure counts. \
MB is the most memory that each program of a pipeline had in use at once. The second sync follows \
the edit of so many bookings; all of them arrived. What each contender is set up to do stands in \
[contenders.py](contenders.py) and [others/](others).

- **target-duckdb alone**: what the tap writes at its first sync, from a file. **PyPI's** is \
target-duckdb 0.8.0 with DuckDB 1.2.2: with newer ones it loses rows.
- **dlt, default settings**: its REST API source with address, paths, primary keys and the name \
of the key's header; it reads pages of ten and everything at every sync. **Tuned**: `limit=100`, \
incremental, merged by primary key. **JSONL files**: `loader_file_format="jsonl"`, where the \
default for DuckDB is INSERT statements. **JSON columns**: nested values in JSON columns, as the \
tap keeps them, where the default is a table for each nested list.
- **Airbyte CDK alone**: its program for declarative sources with OnceHub's endpoints, \
incremental where possible, writing to a file. It reads two streams at once.
"""
_VERSIONS = """
import sys, importlib.metadata as m
print(*(f"{name} {m.version(name)}" for name in sys.argv[1:]), sep=", ")
"""
_PACKAGES = {
    places.PYTHON: ("tap-oncehub", "singer-sdk", "msgspec"),
    places.loader(places.OWN_LOADER).with_name("python"): ("oncehub-target-duckdb", "duckdb"),
    places.PROJECT / ".tools/meltano/bin/python": ("meltano",),
    places.DLT: ("dlt",),
    places.AIRBYTE.with_name("python"): ("airbyte-cdk",),
}
_COLOURS = ("#1b6ca8", "#7b4fa3", "#0b3c5d", "#8f8f8f", "#5aa9e6", "#e0b020", "#8c2f39")
_FONT = 'font-family="sans-serif" font-size="12" role="img"'
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 820, 420, 60, 270, 30, 50


def write(results: Figures, folder: Path) -> None:
    """Write results.md and time.svg."""
    versions = [
        subprocess.run(  # noqa: S603
            [str(python), "-c", _VERSIONS, *names], capture_output=True, check=True, text=True
        ).stdout.strip()
        for python, names in _PACKAGES.items()
    ]
    head = _HEAD.format(
        cores=os.cpu_count(),
        system=platform.system(),
        python=platform.python_version(),
        versions=", ".join(versions),
    )
    sizes = sorted(results, key=int)
    parts = [head, *(line for size in sizes for line in _table(int(size), results[size]))]
    parts.append("![Seconds of a first sync against the size of the account](time.svg)\n")
    folder.joinpath("results.md").write_text("\n".join(parts))
    folder.joinpath("time.svg").write_text(_chart(results))


def _table(size: int, found: Figures) -> Iterator[str]:
    edited = found["edited"]
    yield f"## {size:,} bookings, {found['records']:,} records\n"
    yield f"Load of the machine before: {found['load']}.\n"
    heads = ["contender", "seconds", "records/s", "requests", "CPU seconds", "MB"]
    heads += [f"second sync, {edited:,} edits: seconds", "requests"]
    yield "| " + " | ".join(heads) + " |\n|" + " --- |" + " ---: |" * (len(heads) - 1)
    for name, figures in found["contenders"].items():
        seconds = [run["seconds"] for run in figures["first"]]
        last, middle = figures["first"][-1], median(seconds)
        spread = f" ({min(seconds):.1f} to {max(seconds):.1f})" if len(seconds) > 1 else ""
        second = figures.get("second")
        cells = [
            CONTENDERS[name].label,
            f"{middle:.1f}{spread}",
            f"{found['records'] / middle:,.0f}",
            f"{last['requests']:,}" if CONTENDERS[name].syncs_again else "",
            f"{median(run['cpu_seconds'] for run in figures['first']):.1f}",
            " + ".join(map(str, last["megabytes"][not CONTENDERS[name].syncs_again :])),
            f"{second['seconds']:.1f}" if second else "",
            f"{second['requests']:,}" if second else "",
        ]
        yield "| " + " | ".join(cells) + " |"
    yield ""


def _chart(results: Figures) -> str:
    """Draw seconds over bookings, both logarithmic."""
    lines = {
        name: [
            (int(size), median(run["seconds"] for run in found["contenders"][name]["first"]))
            for size, found in sorted(results.items(), key=lambda item: int(item[0]))
            if name in found["contenders"]
        ]
        for name in CONTENDERS
        if CONTENDERS[name].syncs_again
    }
    lines = {name: line for name, line in lines.items() if line}
    points = [point for line in lines.values() for point in line] or [(1, 1.0)]
    x = _axis([point[0] for point in points], _LEFT, _WIDTH - _RIGHT)
    y = _axis([point[1] for point in points], _HEIGHT - _BOTTOM, _TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" {_FONT}>',
        "<title>Seconds of a first sync against the size of the account</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        _text(_LEFT, 18, "seconds of a first sync"),
        _text(_LEFT, _HEIGHT - 10, "bookings in the account (all ten lists are read)"),
    ]
    values = [point[1] for point in points]
    for tick in (step * 10.0**power for power in range(-1, 4) for step in (1, 2, 5)):
        if min(values) <= tick <= max(values):
            rule = f'x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(tick):.0f}" y2="{y(tick):.0f}"'
            parts += [f'<line {rule} stroke="#ddd"/>', _text(10, y(tick) + 4, f"{tick:g}")]
    parts += [
        _text(x(size) - 15, _HEIGHT - _BOTTOM + 18, f"{size:,}") for size in map(int, results)
    ]
    below = 0.0
    ordered = sorted(zip(lines.items(), _COLOURS, strict=False), key=lambda i: y(i[0][1][-1][1]))
    for (name, line), colour in ordered:
        path = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in line)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        below = max(below + 15, y(line[-1][1]) + 4)
        parts.append(_text(_WIDTH - _RIGHT + 10, below, CONTENDERS[name].label, colour))
    return "\n".join([*parts, "</svg>", ""])


def _axis(values: list[float], start: float, end: float) -> t.Callable[[float], float]:
    low, high = math.log(min(values) / 1.2), math.log(max(values) * 1.2)
    return lambda value: start + (math.log(value) - low) / (high - low) * (end - start)


def _text(x: float, y: float, text: str, colour: str = "#333") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" fill="{colour}">{escape(text)}</text>'
