"""docs/streams.md is what the tap says of its streams now."""

from __future__ import annotations

import json
import typing as t

import pytest

from scripts import streams_page
from tests.support.programs import ROOT

DISCOVERED = json.loads(ROOT.joinpath("tests/contract/discover.json").read_text("utf-8"))["streams"]


def sections() -> dict[str, str]:
    parts = streams_page.PAGE.read_text("utf-8").split("\n### ")[1:]
    return {part.partition("\n")[0]: part for part in parts}


def test_the_page_is_up_to_date() -> None:
    stale = "run .venv/bin/python -m scripts.streams_page"
    assert streams_page.PAGE.read_text("utf-8") == streams_page.page(), stale


def test_every_stream_has_its_section() -> None:
    assert set(sections()) == {entry["tap_stream_id"] for entry in DISCOVERED}


@pytest.mark.parametrize("entry", DISCOVERED, ids=lambda entry: entry["tap_stream_id"])
def test_every_field_stands_there(entry: dict[str, t.Any]) -> None:
    text = sections()[entry["tap_stream_id"]]
    if "It has the fields of" in text:
        text += sections()[f"{entry['tap_stream_id']}s"]
    for name in entry["schema"]["properties"]:
        assert f"\n| `{name}` | " in text or name == "_extra"


def test_cells_keep_their_table_whole() -> None:
    assert streams_page._row("a | b", "c\nd") == "| a \\| b | c d |"
