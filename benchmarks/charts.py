"""Line charts as SVG, with both axes logarithmic."""

from __future__ import annotations

import math
import typing as t
from html import escape

if t.TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Line: t.TypeAlias = Sequence[tuple[float, float]]

_WIDTH, _HEIGHT = 820, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 270, 40, 50
_COLOURS = {
    "tap": "#1b6ca8",
    "pipe": "#0b3c5d",
    "meltano": "#5aa9e6",
    "sdk": "#8f8f8f",
    "airbyte": "#7b4fa3",
    "dlt-tuned": "#d1495b",
    "dlt-files": "#f08a4b",
    "dlt-best": "#e0b020",
    "dlt-default": "#8c2f39",
}
_OPEN = (
    f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
    'font-family="sans-serif" role="img">'
)
_MARGIN = 1.25
_LABEL_HEIGHT = 15


class _Axis:
    """Places values on a logarithmic axis."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        low, high = math.log(min(values) / _MARGIN), math.log(max(values) * _MARGIN)
        self._low, self._span = low, high - low
        self._start, self._end = start, end

    def __call__(self, value: float) -> float:
        share = (math.log(value) - self._low) / self._span
        return self._start + share * (self._end - self._start)

    def ticks(self, steps: Sequence[float]) -> list[float]:
        """Give round values within the axis."""
        found = [step * 10.0**power for power in range(-2, 8) for step in steps]
        low = math.exp(self._low) * 0.999
        return [value for value in found if low <= value <= math.exp(self._low + self._span)]


def chart(
    title: str,
    unit: str,
    lines: Mapping[str, Line],
    labels: Mapping[str, str],
    write: Callable[[float], str],
) -> str:
    """Draw lines over the size of an account.

    Args:
        title: What is shown.
        unit: What the vertical axis counts.
        lines: Points of bookings and value, for each contender.
        labels: Names of the contenders for people.
        write: Writes a value of the vertical axis.
    """
    points = [point for line in lines.values() for point in line]
    x = _Axis([point[0] for point in points], _LEFT, _WIDTH - _RIGHT)
    y = _Axis([point[1] for point in points], _HEIGHT - _BOTTOM, _TOP)
    parts = [
        _OPEN,
        f"<title>{escape(title)}</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        _text(_LEFT, 22, title),
        _text(_LEFT, _HEIGHT - 10, "bookings in the account (all ten lists are read)"),
        _text(8, _TOP - 4, unit),
    ]
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    for value in y.ticks((1, 2, 5)):
        parts += [_rule(_LEFT, y(value), right, y(value))]
        parts += [_text(_LEFT - 6, y(value) + 4, write(value), anchor="end")]
    for value in sorted({point[0] for point in points}):
        parts += [_rule(x(value), _TOP, x(value), bottom)]
        parts += [_text(x(value), bottom + 18, f"{value:,.0f}", anchor="middle")]
    names = sorted(lines, key=lambda name: y(lines[name][-1][1]))
    below = 0.0
    for name in names:
        line, colour = lines[name], _COLOURS.get(name, "black")
        path = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in line)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x(a):.1f}" cy="{y(b):.1f}" r="3" fill="{colour}"/>'
                  for a, b in line]  # fmt: skip
        below = max(below + _LABEL_HEIGHT, y(line[-1][1]) + 4)
        parts.append(_text(right + 10, below, labels[name], colour=colour))
    return "\n".join([*parts, "</svg>", ""])


def _text(x: float, y: float, text: str, *, anchor: str = "start", colour: str = "#333") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} fill="{colour}" font-size="12">{escape(text)}</text>'


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    place = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {place} stroke="#ddd"/>'
