"""docs/settings.md says of settings what the code does."""

from __future__ import annotations

import json
from pathlib import Path

from tap_oncehub.settings import SETTINGS

ROOT = Path(__file__).parents[2]
PAGE = ROOT.joinpath("docs/settings.md").read_text("utf-8")
BUILT_IN = ("stream_maps", "stream_map_config", "flattening_enabled")


def table(first_column: str) -> list[list[str]]:
    """The cells of the table whose first column has this heading."""
    lines = PAGE.splitlines()
    start = next(i for i, x in enumerate(lines) if x.startswith(f"| {first_column} |"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def test_the_settings() -> None:
    wanted = [
        [
            name,
            part["type"][0],
            "required"
            if name in SETTINGS["required"]
            else json.dumps(part["default"]).strip('"')
            if "default" in part
            else "",
            part["description"],
        ]
        for name, part in SETTINGS["properties"].items()
        if name not in BUILT_IN and not name.startswith(("flattening_", "faker_"))
    ]
    assert table("setting") == wanted
    for name in BUILT_IN:
        assert f"`{name}`" in PAGE
