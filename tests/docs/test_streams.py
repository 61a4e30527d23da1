"""docs/streams.md is what the tap says of its streams now."""

from __future__ import annotations

from scripts import streams_page


def test_the_page_is_up_to_date() -> None:
    stale = "run .venv/bin/python -m scripts.streams_page"
    assert streams_page.PAGE.read_text("utf-8") == streams_page.page(), stale
