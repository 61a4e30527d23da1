"""The times in docs/limits.md follow from the published limits."""

from __future__ import annotations

import math
import re

import pytest

from tests.support.programs import ROOT

PAGE = ROOT.joinpath("docs/limits.md").read_text()
ROW = re.compile(r"^\| ([\d,]+) \| ([\d,]+) \| (.+) \|$", re.MULTILINE)
PER_PAGE, PER_SECOND, PER_WINDOW, WINDOW = 100, 5, 200, 300


def number(text: str) -> int:
    return int(text.replace(",", ""))


def spoken(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours else f"{minutes} min"


@pytest.mark.parametrize("row", ROW.findall(PAGE))
def test_a_row_of_the_table(row: tuple[str, str, str]) -> None:
    objects, requests, time = row
    count = math.ceil(number(objects) / PER_PAGE)
    windows, rest = divmod(count - 1, PER_WINDOW)
    assert number(requests) == count
    assert time == spoken(windows * WINDOW + (rest + 1) / PER_SECOND)


def test_there_is_a_table() -> None:
    assert len(ROW.findall(PAGE)) == 5
