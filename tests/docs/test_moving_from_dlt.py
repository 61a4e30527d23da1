"""docs/moving-from-dlt.md: its queries give what dlt's tables held."""

from __future__ import annotations

import json
import re
import shlex
import typing as t
from datetime import datetime, timedelta

import duckdb
import pytest
import yaml

from sandbox import Account, Sandbox
from tap_oncehub.tap import TapOnceHub
from tests.support import inside, programs
from tests.support.project import Project, blocks

if t.TYPE_CHECKING:
    from pathlib import Path

PAGE = programs.ROOT.joinpath("docs/moving-from-dlt.md").read_text("utf-8")
NESTED, ATTENDEES, CUSTOM_FIELDS = blocks("moving-from-dlt.md", "sql")

Row: t.TypeAlias = dict[str, t.Any]


def section(heading: str) -> str:
    (text,) = (p for p in re.split(r"^## ", PAGE, flags=re.MULTILINE) if p.startswith(heading))
    return text


@pytest.fixture(scope="module")
def account() -> Account:
    account = Account(seed=2, bookings=80, nasty=False)
    first, second, *_ = account.objects("bookings")
    fields = [{"name": "size", "value": 12}, {"name": "last", "value": None}, {"value": "x"}]
    form = {"name": "A", "email": "a@example.com", "custom_fields": fields}
    account.edit("bookings", first["id"], form_submission=form, attendees=["b@example.com", "c"])
    account.edit("bookings", second["id"], form_submission=None, attendees=None)
    return account


@pytest.fixture(scope="module")
def warehouse(account: Account, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dlt")
    with Sandbox(account, key=programs.KEY) as api:
        run = programs.run_tap(folder, programs.settings_for(api.url))
    programs.load(folder, run.output)
    return folder / "warehouse.duckdb"


def answer(warehouse: Path, query: str) -> list[tuple[t.Any, ...]]:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_nested_columns(account: Account, warehouse: Path) -> None:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        cursor = connection.execute(NESTED)
        names = [column[0] for column in cursor.description or []]
        found = {row[0]: dict(zip(names, row, strict=True)) for row in cursor.fetchall()}
    wanted = {}
    for item in account.objects("bookings"):
        row = {"id": item["id"]}
        for name in names[1:]:
            column, _, field = name.partition("__")
            row[name] = (item.get(column) or {}).get(field)
        wanted[item["id"]] = row
    assert found == wanted
    assert all(any(row[name] is not None for row in wanted.values()) for name in names)


@pytest.mark.parametrize(
    ("stream", "column"), [("bookings", "attendees"), ("users", "teams"), ("webhooks", "events")]
)
def test_lists_of_texts(account: Account, warehouse: Path, stream: str, column: str) -> None:
    query = ATTENDEES.replace("attendees", column).replace("bookings", stream)
    wanted = [
        (item["id"], value, place)
        for item in account.objects(stream)
        for place, value in enumerate(item.get(column) or [])
    ]
    assert wanted
    assert sorted(answer(warehouse, query)) == sorted(wanted)


def custom(fields: list[Row] | None) -> list[tuple[str | None, str | None]]:
    return [(field.get("name"), as_text(field.get("value"))) for field in fields or []]


def as_text(value: t.Any) -> str | None:
    plain = value is None or isinstance(value, str)
    return value if plain else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def test_custom_fields_of_bookings_and_contacts(account: Account, warehouse: Path) -> None:
    of_contacts = CUSTOM_FIELDS.replace("form_submission -> '$.custom_fields'", "custom_fields")
    of_contacts = of_contacts.replace("bookings", "contacts")
    forms = [(item["id"], item["form_submission"] or {}) for item in account.objects("bookings")]
    contacts = [(item["id"], item) for item in account.objects("contacts")]
    for query, holders in ((CUSTOM_FIELDS, forms), (of_contacts, contacts)):
        wanted = [
            (key, *pair) for key, holder in holders for pair in custom(holder.get("custom_fields"))
        ]
        assert len(wanted) > 3
        assert sorted(answer(warehouse, query), key=str) == sorted(wanted, key=str)


def test_the_bookmark_by_hand_begins_where_dlt_stopped(account: Account) -> None:
    (command,) = re.findall(r"^    (\.venv/bin/meltano .* state merge .*)$", PAGE, re.MULTILINE)
    state = json.loads(shlex.split(command)[-1])["singer_state"]
    bookmark = datetime.fromisoformat(
        state["bookmarks"]["bookings"]["replication_key_value"].replace("Z", "+00:00")
    )
    with Sandbox(account, key=programs.KEY) as api:
        inside.run(programs.settings_for(api.url), inside.catalog("bookings"), state)
        asked = next(filter(None, (e.query.get("last_updated_time.gt") for e in api.log)))
    # The first run of a day: the day before the bookmark, less lookback_seconds.
    assert datetime.fromisoformat(asked.replace("Z", "+00:00")) == bookmark - timedelta(days=2)


def test_the_settings_exist() -> None:
    schema = dict(TapOnceHub.config_jsonschema)
    TapOnceHub.append_builtin_config(schema)
    here = [row.split("|")[2] for row in section("Settings").splitlines() if row.startswith("| ")]
    names = set(re.findall(r"`([a-z]+_[a-z_]+)`", " ".join(here))) - {"_extra", "load_schema"}
    assert names
    assert names <= schema["properties"].keys()


def test_the_paths_are_those_of_the_streams() -> None:
    streams = TapOnceHub(config={"api_key": "k"}).streams
    rows = re.findall(r"^\| `(/.+)` \| (\w+) \|$", section("Tables"), re.MULTILINE)
    assert rows
    for path, name in rows:
        assert t.cast("t.Any", streams[name]).path == path


def test_the_loaders_are_in_the_project() -> None:
    project = yaml.safe_load(programs.ROOT.joinpath("meltano.yml").read_text("utf-8"))
    known = {plugin["name"] for kind in project["plugins"].values() for plugin in kind}
    named = set(re.findall(r"`((?:target|parquet)-[a-z]+)`", section("Destinations")))
    assert named
    assert named <= known


def test_what_is_new_is_in_extra(tmp_path: Path) -> None:
    (query,) = re.findall(r"`(_extra ->> '\$\.name_of_it')`", PAGE)
    account = Account(seed=2, bookings=5, nasty=False)
    account.edit("teams", account.objects("teams")[0]["id"], name_of_it="new")
    catalog = inside.catalog("teams")
    with Sandbox(account, key=programs.KEY) as api:
        run = programs.run_tap(tmp_path, programs.settings_for(api.url), catalog=catalog)
    programs.load(tmp_path, run.output)
    found = answer(tmp_path / "warehouse.duckdb", f"SELECT {query} FROM oncehub.teams ORDER BY 1")
    assert ("new",) in found


@pytest.mark.slow
def test_a_schema_of_its_own(tmp_path: Path) -> None:
    ((name, schema),) = re.findall(r"^ {7}(TARGET_\w+)=(\w+) .*target-duckdb$", PAGE, re.MULTILINE)
    with Sandbox(Account(seed=2, bookings=5), key=programs.KEY) as api:
        project = Project(tmp_path / "project", api.url, None, **{name: schema})
        run = project.run("tap-oncehub", "target-duckdb")
    assert run.status == 0, run.log
    query = "SELECT DISTINCT table_schema FROM information_schema.tables"
    assert answer(project.database, query) == [(schema,)]
