"""docs/adding-an-endpoint.md: its changes, made in a copy of the tap that is then run."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import threading
import typing as t
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support import programs
from tests.support.project import blocks

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


class _Api(BaseHTTPRequestHandler):
    """Two endpoints that OnceHub does not have, with its envelope and its cursor."""

    server: Server

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        self.server.asked.append((address.path, query))
        path = address.path.removeprefix("/v2")
        body = self._locations(query) if path == "/locations" else self._hours()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def _locations(self, query: dict[str, str]) -> dict[str, t.Any]:
        since = query.get("last_updated_time.gt", "")
        found = [item for item in LOCATIONS if str(item["last_updated_time"]) > since]
        start = 1 + next((i for i, x in enumerate(found) if x["id"] == query.get("after")), -1)
        end = start + int(query["limit"])
        return {"object": "list", "data": found[start:end], "has_more": end < len(found)}

    def _hours(self) -> dict[str, t.Any]:
        data = [{"day": day, "opens": "09:00"} for day in DAYS]
        return {"object": "list", "data": data, "has_more": False}

    def log_message(self, *_args: t.Any) -> None:
        pass


class Server(HTTPServer):
    """A small API on the loopback address."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Api)
        self.asked: list[tuple[str, dict[str, str]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v2"


@pytest.fixture
def api() -> Iterator[Server]:
    with Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


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


def test_it_brings_rows_and_goes_on(copy: Path, api: Server, tmp_path: Path) -> None:
    settings = programs.settings_for(api.url, page_size=3)
    chosen = catalog(copy)
    first = tap(copy, tmp_path, settings, catalog=chosen)
    assert [row["id"] for row in first.records("locations")] == [x["id"] for x in LOCATIONS]
    assert first.records("locations")[0] == {**LOCATIONS[0], "_extra": None}
    hours = [(row["location_id"], row["day"]) for row in first.records("location_hours")]
    assert hours == [(item["id"], day) for item in LOCATIONS for day in DAYS]
    lists = [query for path, query in api.asked if path == "/v2/locations"]
    assert [query.get("after") for query in lists] == [None, "LOC-6", "LOC-4", "LOC-2"]
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
