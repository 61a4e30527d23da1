"""docs/moving-from-dlt.md and docs/operations.md: their queries, in what a real run has loaded."""

import json
import re
import typing as t
from datetime import datetime, timezone
from pathlib import Path

import duckdb
import pytest

from sandbox import Account, Sandbox
from tests.docs.pages import PAGES, blocks
from tests.support import inside, programs

Row: t.TypeAlias = dict[str, t.Any]


NESTED, ATTENDEES, CUSTOM_FIELDS = (
    block.code for block in blocks() if block[:2] == ("docs/moving-from-dlt.md", "sql")
)
FRESH, ALARM = (block.code for block in blocks() if block[:2] == ("docs/operations.md", "sql"))
BY_TIME = {"bookings", "contacts", "sms_notifications"}


@pytest.fixture(scope="module")
def account() -> Account:
    account = Account(seed=2, bookings=80, nasty=False)
    first, second, *_ = account.objects("bookings")
    fields = [{"name": "size", "value": 12}, {"name": "last", "value": None}, {"value": "x"}]
    form = {"name": "A", "email": "a@example.com", "custom_fields": fields}
    account.edit("bookings", first["id"], form_submission=form, attendees=["b@example.com", "c"])
    account.edit("bookings", second["id"], form_submission=None, attendees=None)
    account.edit("teams", account.objects("teams")[0]["id"], name_of_it="new")
    return account


@pytest.fixture(scope="module")
def warehouse(account: Account, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file after two runs, the second of which had nothing new to read."""
    folder = tmp_path_factory.mktemp("warehouse")
    state: dict[str, t.Any] | None = None
    with Sandbox(account, key=programs.KEY) as api:
        settings = programs.settings_for(api.url)
        catalog = inside.catalog(*BY_TIME, "users", "teams", "webhooks")
        for _ in range(2):
            (folder / "began").write_text(datetime.now(timezone.utc).isoformat())
            run = inside.run(settings, catalog, state)
            state = json.loads(programs.load(folder, run.output))
    return folder / "warehouse.duckdb"


def answer(warehouse: Path, query: str) -> list[tuple[t.Any, ...]]:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(query).fetchall()


def values(pair: Row) -> list[t.Any]:
    """Give a text as it is, all else as JSON."""
    found = (pair.get("name"), pair.get("value"))
    return [v if v is None or isinstance(v, str) else json.dumps(v) for v in found]


def test_queries_for_those_who_come_from_dlt(account: Account, warehouse: Path) -> None:
    bookings = account.objects("bookings")
    names = ["id", *re.findall(r" AS (\w+)", NESTED)]
    parts = [name.split("__") for name in names[1:]]
    wanted = [(b["id"], *((b.get(one) or {}).get(of) for one, of in parts)) for b in bookings]
    assert sorted(answer(warehouse, NESTED)) == sorted(wanted)
    assert all(any(column) for column in zip(*wanted, strict=True))
    for stream, column in (("bookings", "attendees"), ("users", "teams"), ("webhooks", "events")):
        query = ATTENDEES.replace("attendees", column).replace("bookings", stream)
        objects = account.objects(stream)
        wanted = [(i["id"], v, n) for i in objects for n, v in enumerate(i[column] or ())]
        assert sorted(answer(warehouse, query)) == sorted(wanted) != []
    forms = [(b["id"], (b["form_submission"] or {}).get("custom_fields")) for b in bookings]
    contacts = [(c["id"], c["custom_fields"]) for c in account.objects("contacts")]
    of_contacts = CUSTOM_FIELDS.replace("form_submission -> '$.custom_fields'", "custom_fields")
    queries = {CUSTOM_FIELDS: forms, of_contacts.replace("bookings", "contacts"): contacts}
    for query, found in queries.items():
        pairs = [(key, *values(pair)) for key, its in found for pair in its or ()]
        assert len(pairs) > 3
        assert sorted(map(str, answer(warehouse, query))) == sorted(map(str, pairs))
    (new,) = re.findall(r"`(_extra ->> '\$\.name_of_it')`", PAGES["docs/moving-from-dlt.md"])
    assert ("new",) in answer(warehouse, f"SELECT {new} FROM oncehub.teams")


def test_freshness(account: Account, warehouse: Path) -> None:
    found = {stream: times for stream, *times in answer(warehouse, FRESH)}
    assert found.keys() == {*BY_TIME, "users"}
    newest = max(item["last_updated_time"] for item in account.objects("bookings"))
    assert found["bookings"][1].isoformat()[:19] == newest[:19]
    # Nothing has changed since, and yet every stream says that there was a run.
    began = datetime.fromisoformat(warehouse.with_name("began").read_text()).replace(tzinfo=None)
    assert all(loaded > began for loaded, _ in found.values())
    assert answer(warehouse, ALARM) == []
    late = ALARM.replace("INTERVAL 2 HOURS", "INTERVAL 0 HOURS")
    assert len(answer(warehouse, late)) == 1
