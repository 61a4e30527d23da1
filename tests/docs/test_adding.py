"""docs/adding-an-endpoint.md: its changes, made in a copy of the tap that is then run."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import typing as t
from email.utils import formatdate
from pathlib import Path

import pytest

from tests.support import programs
from tests.support.project import blocks
from tests.support.raw import RawServer, page, raw_server, response

if t.TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = programs.ROOT.joinpath("docs/adding-an-endpoint.md").read_text("utf-8")
LOCATIONS = [
    {
        "id": f"LOC-{number}",
        "name": f"Room {number}",
        "seats": number,
        "last_updated_time": f"2026-03-{number:02d}T10:00:00Z",
    }
    for number in range(7, 0, -1)
]
DAYS = ("Monday", "Tuesday")


def script(path: str, query: dict[str, str]) -> bytes:
    """Two endpoints that OnceHub does not have, with its envelope and its cursor."""
    if path != "/locations":
        return response(page(*({"day": day, "opens": "09:00"} for day in DAYS)))
    since = query.get("last_updated_time.gt", "")
    found = [item for item in LOCATIONS if str(item["last_updated_time"]) > since]
    start = 1 + next((i for i, x in enumerate(found) if x["id"] == query.get("after")), -1)
    end = start + int(query["limit"])
    date = f"Date: {formatdate(usegmt=True)}"
    return response(page(*found[start:end], has_more=end < len(found)), "200 OK", date)


@pytest.fixture
def api() -> Iterator[RawServer]:
    with raw_server(script) as server:
        yield server


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tap with all that the page says."""
    folder = tmp_path_factory.mktemp("copy")
    package = folder / "tap_oncehub"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(programs.ROOT / "tap_oncehub", package, ignore=ignored)
    shutil.copy(programs.ROOT / "pyproject.toml", folder)
    (code,) = blocks("adding-an-endpoint.md", "python")
    (package / "streams/locations.py").write_text(code)
    for name, schema in zip(
        re.findall(r"`(location\w*\.json)`:$", PAGE, re.MULTILINE),
        blocks("adding-an-endpoint.md", "json"),
        strict=True,
    ):
        (package / "schemas" / name).write_text(schema)
    (change,) = blocks("adding-an-endpoint.md", "diff")
    (folder / "change.diff").write_text(change)
    run(folder, "/usr/bin/env", "git", "apply", "change.diff")
    return folder


def run(folder: Path, *command: str) -> programs.Run:
    done = subprocess.run(
        command,
        capture_output=True,
        check=False,
        cwd=folder,
        env=programs.environment(PYTHONPATH=str(folder)),
        timeout=programs.PATIENCE,
    )
    assert done.returncode == 0, done.stderr.decode() + done.stdout.decode()
    return programs.Run(done.returncode, done.stdout, done.stderr.decode())


def tap(folder: Path, files: Path, settings: dict[str, t.Any], **more: t.Any) -> programs.Run:
    _, *options = programs.tap_command(files, settings, **more)
    return run(folder, sys.executable, "-m", "tap_oncehub", *options)


def catalog(folder: Path) -> dict[str, t.Any]:
    found = json.loads(run(folder, sys.executable, "-m", "tap_oncehub", "--discover").output)
    for entry in found["streams"]:
        for part in entry["metadata"]:
            if not part["breadcrumb"]:
                part["metadata"]["selected"] = entry["tap_stream_id"].startswith("location")
    return t.cast("dict[str, t.Any]", found)


def test_it_brings_rows_and_goes_on(copy: Path, api: RawServer, tmp_path: Path) -> None:
    settings = programs.settings_for(api.url, page_size=3)
    chosen = catalog(copy)
    first = tap(copy, tmp_path, settings, catalog=chosen)
    assert [row["id"] for row in first.records("locations")] == [x["id"] for x in LOCATIONS]
    assert first.records("locations")[0] == {**LOCATIONS[0], "_extra": None}
    hours = [(row["location_id"], row["day"]) for row in first.records("location_hours")]
    assert hours == [(item["id"], day) for item in LOCATIONS for day in DAYS]
    lists = [query for path, query in api.asked if path == "/locations"]
    assert [query.get("after") for query in lists] == [None, "LOC-6", "LOC-4", "LOC-2"] * 2
    bookmark = first.state["bookmarks"]["locations"]["replication_key_value"]
    assert bookmark == LOCATIONS[0]["last_updated_time"]
    second = tap(copy, tmp_path, settings, catalog=chosen, state=first.state)
    assert [row["id"] for row in second.records("locations")] == ["LOC-7"]


def test_it_keeps_the_rules_of_the_code(copy: Path) -> None:
    ruff = str(Path(sys.prefix, "bin", "ruff"))
    run(copy, ruff, "check", "--no-cache", "tap_oncehub")
    run(copy, ruff, "format", "--no-cache", "--check", "tap_oncehub/streams")


def test_what_else_knows_the_streams_is_there() -> None:
    named = re.findall(r"`((?:tests|docs|sandbox|README|CHANGELOG|meltano)[\w/]*\.\w+)`", PAGE)
    assert len(named) >= 10
    for name in named:
        assert programs.ROOT.joinpath(name).is_file(), name
