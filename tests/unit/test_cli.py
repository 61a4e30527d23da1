"""Catalogs and states on the command line: refused before the first request."""

from __future__ import annotations

import io
import json
import typing as t

import pytest

from tap_oncehub.cli import checked
from tap_oncehub.engine.errors import SettingsError


def catalog(**changes: t.Any) -> str:
    schema = {"properties": {"id": {"type": "string"}}}
    return json.dumps({"streams": [{"tap_stream_id": "bookings", "schema": schema} | changes]})


def read(text: str, kind: str) -> t.Any:
    file = io.StringIO(text)
    file.name = f"{kind}.json"
    return json.load(checked(file, kind))


@pytest.mark.parametrize(
    ("kind", "text", "says"),
    [
        *(
            (kind, text, f"The {kind} in {kind}.json is not a JSON object")
            for kind in ("catalog", "state")
            for text in ("{", "[]", "1", "NaN", '{"x": NaN}', '{"x": "\\ud800"}', "[" * 9999)
        ),
        ("catalog", "", "is not a JSON object"),
        ("catalog", '{"streams": {}}', r"--discover.*streams"),
        ("catalog", '{"streams": [{"tap_stream_id": "bookings"}]}', "--discover.*`schema`"),
        ("catalog", catalog(schema={"properties": 5}), "--discover.*properties"),
        ("catalog", catalog(schema={"properties": {"id": {"type": 5}}}), "--discover.*type"),
        ("catalog", catalog(schema={"properties": {"id": {"items": []}}}), "--discover.*items"),
        ("catalog", catalog(metadata=[{"a": 1}]), "`breadcrumb`"),
        ("catalog", catalog(metadata=[{"breadcrumb": [], "metadata": {"selected": "x"}}]), "bool"),
        ("catalog", catalog(stream="users"), "two names for the stream 'bookings'"),
        ("state", '{"bookmarks": []}', 'must look like {"bookmarks"'),
        ("state", '{"bookmarks": {"bookings": 3}}', "state of bookings"),
    ],
)
def test_an_unusable_file_is_refused_with_its_name(kind: str, text: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        read(text, kind)


def test_a_usable_file_is_read_as_it_is() -> None:
    assert read("", "state") == {}
    assert read(catalog(), "catalog") == json.loads(catalog())
