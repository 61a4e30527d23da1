"""What the pages point to exists: files, headings, targets of make."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest

if t.TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
NOT_OURS = {"output", "dist", "build"}
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
OUTSIDE = ("https://", "http://", "mailto:")


def pages() -> Iterator[Path]:
    for page in sorted(ROOT.rglob("*.md")):
        place = page.relative_to(ROOT)
        if not NOT_OURS & set(place.parts) and not any(p.startswith(".") for p in place.parts):
            yield page


PAGES = list(pages())


def prose(page: Path) -> str:
    """The text of a page without its code."""
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"^ {4,}\S.*$", "", text, flags=re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """The anchors that headings get."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.replace(" ", "-") for heading in plain}


LINKS = [
    pytest.param(page, target, id=f"{page.relative_to(ROOT)} {target}")
    for page in PAGES
    for target in sorted(set(LINK.findall(prose(page))))
    if not target.startswith(OUTSIDE)
]


@pytest.mark.parametrize(("page", "target"), LINKS)
def test_the_target_exists(page: Path, target: str) -> None:
    name, _, anchor = target.partition("#")
    file = page.parent / name if name else page
    assert file.exists()
    if anchor:
        assert anchor in anchors(file)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_targets_of_make_exist(page: Path) -> None:
    text = page.read_text("utf-8")
    makefile = ROOT.joinpath("Makefile").read_text("utf-8")
    known = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    calls = re.findall(r"(?:^    |`)make((?: [a-z-]+)+)", text, re.MULTILINE)
    for call in calls:
        assert set(call.split()) <= known


@pytest.mark.parametrize("name", ["AGENTS.md", "CONTRIBUTING.md", "SECURITY.md"])
def test_the_paths_exist(name: str) -> None:
    text = ROOT.joinpath(name).read_text("utf-8")
    paths = re.findall(r"`((?:tap_oncehub|sandbox|tests|docs|scripts|requirements)/[\w/.]*)`", text)
    assert paths
    for path in paths:
        assert ROOT.joinpath(path).exists(), path
