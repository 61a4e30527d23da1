"""docs/adding-an-endpoint.md: its files, added to a copy of the tap that is then run."""

import json
import shutil
import sys
import typing as t
from email.utils import formatdate
from pathlib import Path

from tests.docs.pages import blocks
from tests.support import programs
from tests.support.raw import page, raw_server, response

LOCATIONS = [
    {"id": f"LOC-{n}", "name": "Room", "seats": n, "last_updated_time": f"2026-03-0{n}T10:00:00Z"}
    for n in range(7, 0, -1)
]


def script(path: str, query: dict[str, str]) -> bytes:
    """An endpoint that OnceHub does not have, with its envelope and its cursor."""
    if path != "/locations":
        return b""
    since = query.get("last_updated_time.gt", "")
    found = [item for item in LOCATIONS if str(item["last_updated_time"]) > since]
    start = 1 + next((i for i, x in enumerate(found) if x["id"] == query.get("after")), -1)
    end = start + int(query["limit"])
    date = f"Date: {formatdate(usegmt=True)}"
    return response(page(*found[start:end], has_more=end < len(found)), "200 OK", date)


def run(folder: Path, *command: str) -> programs.Run:
    done = programs.run(list(command), folder, PYTHONPATH=str(folder))
    assert done.status == 0, done.log + done.output.decode()
    return done


def test_stream_of_the_page_brings_rows_and_goes_on(tmp_path: Path) -> None:
    made = [block for block in blocks() if block.page == "docs/adding-an-endpoint.md"]
    package = tmp_path / "tap_oncehub"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(programs.ROOT / "tap_oncehub", package, ignore=ignored)
    shutil.copy(programs.ROOT / "pyproject.toml", tmp_path)
    files = ("streams/locations.py", "schemas/locations.json")
    for file, block in zip(files, made, strict=True):
        (package / file).write_text(block.code)
    ruff = str(Path(sys.prefix, "bin", "ruff"))
    run(tmp_path, ruff, "check", "--no-cache", "tap_oncehub")
    tap = (sys.executable, "-m", "tap_oncehub")
    catalog = json.loads(run(tmp_path, *tap, "--discover").output)
    for entry in catalog["streams"]:
        for part in entry["metadata"]:
            if not part["breadcrumb"]:
                part["metadata"]["selected"] = entry["tap_stream_id"] == "locations"
    more: dict[str, t.Any] = {"catalog": catalog}
    with raw_server(script) as api:
        settings = programs.settings_for(api.url, page_size=3)
        first = run(tmp_path, *tap, *programs.tap_command(tmp_path, settings, **more)[1:])
        lists = [query.get("after") for path, query in api.asked if path == "/locations"]
        more["state"] = first.state
        second = run(tmp_path, *tap, *programs.tap_command(tmp_path, settings, **more)[1:])
    absent = {"object": None, "_extra": None}
    assert first.records("locations") == [item | absent for item in LOCATIONS]
    assert lists == [None, "LOC-6", "LOC-4", "LOC-2"]
    assert [row["id"] for row in second.records("locations")] == ["LOC-7"]
