"""The dbt models in DuckDB and PostgreSQL: what they make of a small account, in marts.yml."""

import json
import re
import typing as t
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
import yaml

from sandbox import Account, Sandbox
from tap_oncehub.schemas import SCHEMAS
from tests.support import loaders, models, postgres, programs
from tests.support.project import Project
from tests.support.streams import ALL, KEYS

Row: t.TypeAlias = dict[str, t.Any]
Query: t.TypeAlias = Callable[[str], list[Row]]

EXPECTED = yaml.safe_load(Path(__file__).with_name("marts.yml").read_text("utf-8"))
READ_AT = "2101-03-07T12:00:00Z"
PAGE = programs.ROOT.joinpath("docs/query.md").read_text("utf-8")
QUESTION = re.compile(r"(?m)^-- (\w.*\?)\n(?:--   .*\n)*((?:.+\n)*?.+);$")
QUESTIONS = dict(QUESTION.findall(PAGE))


def messages(streams: dict[str, list[Row]]) -> bytes:
    """What the tap would write: only the columns that some row has, and who is gone."""
    found: list[Row] = []
    for stream, rows in streams.items():
        names, schema = {name for row in rows for name in row}, {**SCHEMAS.get_schema(stream)}
        schema["properties"] = {n: p for n, p in schema["properties"].items() if n in names}
        found.append({"type": "SCHEMA", "schema": schema, "key_properties": KEYS[stream]})
        for row in rows:
            record = {name: value for name, value in row.items() if name != "_gone"}
            more = {"time_extracted": READ_AT, "version": 2 - ("_gone" in row)}
            found.append({"type": "RECORD", "record": record, **more})
        found.append({"type": "ACTIVATE_VERSION", "version": 2})
        for message in found:
            message.setdefault("stream", stream)
    found.append({"type": "STATE", "value": {"bookmarks": {}}})
    lines = [json.dumps(one, default=lambda time: f"{time.isoformat()}Z") for one in found]
    return "\n".join(lines).encode()


def in_duckdb(folder: Path) -> Query:
    def query(sql: str) -> list[Row]:
        with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as connection:
            cursor = connection.execute(sql)
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    return query


def described() -> dict[str, list[str]]:
    text = programs.ROOT.joinpath("transform/models/models.yml").read_text("utf-8")
    found = yaml.safe_load(text)["models"]
    return {model["name"]: [column["name"] for column in model["columns"]] for model in found}


def plain(value: t.Any) -> t.Any:
    """Give a value in a form that is the same from every database."""
    if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d($|T)", value):
        value = datetime.fromisoformat(re.sub(r"Z$|\+00:00$", "", value))
    if type(value) is date:
        return datetime(value.year, value.month, value.day)  # noqa: DTZ001
    is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    return round(float(value), 6) if is_number else value


@pytest.fixture(scope="module", params=["duckdb", pytest.param("postgres", marks=pytest.mark.slow)])
def query(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Query]:
    """Load the account with the real loader, build the models, and give what asks them."""
    folder = tmp_path_factory.mktemp("models")
    if request.param == "duckdb":
        programs.load(folder, messages(EXPECTED["loaded"]))
        assert "ERROR=0" in models.build(folder)
        yield in_duckdb(folder)
        return
    with postgres.running() as server:
        database = server.new_database("models")
        login = {f"DBT_POSTGRES_{k.upper()}": str(v) for k, v in database.settings.items()}
        models.dbt(folder, "postgres", "build", **login)  # of no tables
        # What is loaded later adds a column to a table that views read.
        users = {"users": [{"id": "U2"}]}
        for streams in (users, EXPECTED["loaded"]):
            output = messages(streams)
            loaders.load("target-postgres", folder, output, **database.settings)
            assert "ERROR=0" in models.dbt(folder, "postgres", "build", **login)
        yield lambda sql: database.rows(f"({sql}) AS answer")


@pytest.mark.parametrize("mart", EXPECTED["columns"])
def test_mart_by_columns(query: Query, mart: str) -> None:
    key, *columns = described()[mart]
    assert EXPECTED["columns"][mart].keys() == {*columns}
    found = {row[key]: row for row in query(f"SELECT * FROM oncehub_marts.{mart}")}
    for column, values in EXPECTED["columns"][mart].items():
        named = {one: value for value, keys in values.items() for one in keys.split()}
        other = named.pop("_", None)
        assert named.keys() <= found.keys()
        for one, row in found.items():
            wanted = named.get(one, other)
            assert plain(row[column]) == (one if wanted == "own" else plain(wanted)), (one, column)


@pytest.mark.parametrize("table", EXPECTED["rows"])
def test_table_by_rows(query: Query, table: str) -> None:
    names = described()[table.partition(".")[2]]
    rows = query(f"SELECT * FROM oncehub_{table}")
    found = [[plain(row[name]) for name in names] for row in rows]
    wanted = [[*map(plain, row)] for row in EXPECTED["rows"][table]]
    assert sorted(found, key=str) == sorted(wanted, key=str)


@pytest.mark.parametrize("question", sorted({*QUESTIONS, *EXPECTED["answers"]}))
def test_question(query: Query, question: str) -> None:
    wanted, found = EXPECTED["answers"][question], query(QUESTIONS[question])
    if isinstance(wanted, int):
        assert len(found) == wanted
        return
    today = datetime.now(timezone.utc).date()
    wanted = [[plain((today - v).days if type(v) is date else v) for v in row] for row in wanted]
    # PostgreSQL's columns come in any order.
    answers = Counter(tuple(sorted(map(str, map(plain, row.values())))) for row in found)
    assert answers == Counter(tuple(sorted(map(str, row))) for row in wanted)


@pytest.mark.parametrize(("time", "total"), [("starting_time", 7), ("creation_time", 5)])
def test_report_of_oncehub_by_other_columns(query: Query, time: str, total: int) -> None:
    sql = QUESTIONS["What do OnceHub's own reports show?"].replace("starting_time", time)
    sql = sql.replace("AND status <> 'requested' ", "") if time == "creation_time" else sql
    for column in ("booked_on_name", "event_type_name", "master_page_name", "customer_email"):
        found = query(sql.replace("owner_name", column))
        assert sum(row["bookings"] for row in found) == total


def test_every_column_is_described(query: Query) -> None:
    found = query(
        "SELECT table_name AS model, column_name AS name FROM information_schema.columns "
        "WHERE table_schema IN ('oncehub_marts', 'oncehub_staging') ORDER BY ordinal_position"
    )
    for model, names in described().items():
        assert [row["name"] for row in found if row["model"] == model] == names
    assert {row["model"] for row in found} == described().keys()


@pytest.mark.slow
@pytest.mark.parametrize("streams", [(), ("bookings",), ALL])
def test_difficult_account_and_streams_that_are_not_loaded(
    tmp_path: Path, streams: tuple[str, ...]
) -> None:
    account = Account(seed=7, bookings=300, users=30)
    if streams:
        models.load(tmp_path, account, *streams)
    assert "ERROR=0" in models.build(tmp_path)
    query = in_duckdb(tmp_path)
    health = {row["stream"]: row for row in query("FROM oncehub_marts.account_health")}
    loaded = {name for name, row in health.items() if row["is_loaded"]}
    assert loaded == set(streams) & health.keys()
    bookings = [b for b in account.objects("bookings") if b.get("in_trash") is not True]
    assert len(query("FROM oncehub_marts.bookings")) == len(bookings) * bool(streams)


@pytest.mark.slow
def test_meltano_loads_and_makes_them_in_one_command(tmp_path: Path) -> None:
    account = Account(seed=3, bookings=40)
    with Sandbox(account, key=programs.KEY) as api:
        project = Project(tmp_path, api.url)
        for name in ("transform", ".meltano/utilities"):
            (tmp_path / name).symlink_to(programs.ROOT / name)
        for _ in range(2):  # the second load comes while the models are there
            run = project.run("tap-oncehub", "target-duckdb", "dbt-duckdb:build")
            assert run.status == 0, run.log
            account.add("bookings", 3, in_trash=True)
    wanted = [b for b in account.objects("bookings") if b.get("in_trash") is not True]
    with duckdb.connect(str(project.database), read_only=True) as connection:
        assert len(connection.table("oncehub_marts.bookings")) == len(wanted)
