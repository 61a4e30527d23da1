"""Catalogs, states and stream maps: refused, or made fit, before the first request."""

import io
import json
import typing as t

import pytest

from tap_oncehub.catalog import checked, have_lost_nulls
from tap_oncehub.engine.errors import SettingsError
from tap_oncehub.tap import TapOnceHub
from tests.support import inside
from tests.support.raw import page, raw_server, response

CONFIG = {"api_key": "k3y-0123456789"}
BOOKMARK = {"replication_key": "last_updated_time", "replication_key_value": "2026-01-31T00:00:00Z"}


def catalog(**changes: t.Any) -> str:
    schema = {"properties": {"id": {"type": "string"}}}
    return json.dumps({"streams": [{"tap_stream_id": "bookings", "schema": schema} | changes]})


def read(text: str, kind: str) -> t.Any:
    file = io.StringIO(text)
    file.name = f"{kind}.json"
    return checked(file, kind)


@pytest.mark.parametrize(
    ("kind", "text", "says"),
    [
        *(
            (kind, text, f"The {kind} in {kind}.json cannot be used")
            for kind in ("catalog", "state")
            for text in ("{", "[]", "NaN", '{"x": NaN}', '{"x": "\\ud800"}', '{"x":' + "[" * 9999)
        ),
        ("catalog", "", "truncated"),
        ("catalog", '{"streams": {}}', "got `object`.*streams"),
        ("catalog", '{"streams": [{"tap_stream_id": "bookings"}]}', "`schema`"),
        ("catalog", catalog(schema={"properties": {"id": {"type": 5}}}), "type"),
        ("catalog", catalog(metadata=[{"a": 1}]), "`breadcrumb`"),
        ("catalog", catalog(metadata=[{"breadcrumb": [], "metadata": {"selected": "x"}}]), "bool"),
        ("state", '{"bookmarks": []}', 'must look like {"bookmarks"'),
        ("state", '{"bookmarks": {"bookings": 3}}', "must look like"),
        ("state", '{"bookmarks": {"users": {}, "bookings": {"start_date": "soon"}}}', "not a time"),
    ],
)
def test_unusable_file_is_refused_with_its_name(kind: str, text: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        TapOnceHub(config=CONFIG, state=read(text, kind))
    assert read("", "state") == {}
    assert read(catalog(), "catalog") == json.loads(catalog())


@pytest.mark.parametrize("kind", ["catalog", "config", "state"])
def test_mark_that_editors_on_windows_write_first_is_passed_over(kind: str) -> None:
    assert read("\ufeff" + catalog(), kind) == json.loads(catalog())


def test_large_state_becomes_small() -> None:
    bookings = BOOKMARK | {"cursors": [f"BKNG-{n}" for n in range(100_000)]}
    foreign = {f"stream_{n}": {"a": n} for n in range(20_000)}
    tap = TapOnceHub(config=CONFIG, state={"bookmarks": {"bookings": bookings, **foreign}})
    assert tap.state["bookmarks"]["bookings"].items() >= BOOKMARK.items()
    assert len(json.dumps(tap.state)) < 4096


def columns(maps: dict[str, t.Any], without: str = "") -> dict[str, set[str]]:
    """The columns that users and teams are written with, by their alias."""
    made = inside.catalog("users", "teams", without=(without,) if without else ())
    mapper = TapOnceHub(config={**CONFIG, "stream_maps": maps}, catalog=made).mapper
    found = [m for name in ("users", "teams") for m in mapper.stream_maps[name]]
    return {m.stream_alias: set(m.transformed_schema["properties"]) for m in found}


def test_map_of_what_is_not_selected_changes_nothing() -> None:
    plain = columns({})
    for stream in ("contacts", "con*"):
        assert columns({stream: {"email": "md5(email)"}}) == plain
    plain = columns({}, without="email")
    for stream in ("users", "*"):
        for expression in ("md5(email)", "md5(self)", "__NULL__", None):
            assert columns({stream: {"email": expression}}, without="email") == plain
    added = columns({"*": {"tenant": "'acme'"}}, without="email")
    assert added == {name: {*found, "tenant"} for name, found in plain.items()}
    source = {"__source__": "users", "email": "md5(email)"}
    aliased = columns({"users": {"__alias__": "people"}, "copy": source}, without="email")
    assert aliased["copy"] == aliased["people"] == plain["users"]


@pytest.mark.parametrize(
    ("maps", "says"),
    [
        ({"users": {"email": "f("}}, r"map of users .* cannot be read \(MapExpressionError\)$"),
        ({"users": {"email": ""}}, r"map of users .* cannot be read \(IndexError\)$"),
        ({"users": {"id": None}}, "Removing key property 'id' is not permitted"),
        ({"__k3y__": None}, "may hold __else__ only"),
        ({"users": "k3y"}, "stream_maps is not usable"),
    ],
)
def test_unusable_map_is_refused(maps: dict[str, t.Any], says: str) -> None:
    with pytest.raises(SettingsError, match=says) as raised:
        columns(maps)
    assert "k3y" not in str(raised.value)
    assert "f(" not in str(raised.value)


@pytest.mark.parametrize(
    "definition", [{"email": "email + 5"}, {"emial": "md5(emial)"}, {"__filter__": "role_name > 3"}]
)
def test_expression_that_fails_quotes_no_record(definition: dict[str, str]) -> None:
    says = r"map of users does not work with a record \(\w+\)\.$"
    users = response(page({"id": "USR-1", "email": "jo@example.com"}))
    with (
        raw_server(lambda path, _: users if path == "/users" else response({})) as server,
        pytest.raises(SettingsError, match=says),
    ):
        inside.sync(server, "users", stream_maps={"users": definition})


@pytest.mark.parametrize(
    ("maps", "exported", "lost"),
    [
        ({"users": {}}, None, True),
        # As Meltano 4.4 passes them on.
        ({}, {"users.email": None}, True),
        ({"users": {"a": "b"}}, {"users.email": None, "users.a": "b"}, True),
        ({"users": {"email": "__NULL__"}}, {"users.email": "__NULL__"}, False),
        ({"users": None}, {"users": None}, False),
        ({"users": {"email": None}}, {"users": {"email": None}}, False),
        ({"users": None}, "{", False),
    ],
)
def test_map_whose_nulls_were_dropped(maps: t.Any, exported: t.Any, lost: bool) -> None:  # noqa: FBT001
    assert have_lost_nulls(maps, exported) == lost
