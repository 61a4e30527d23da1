"""The dbt models in DuckDB and PostgreSQL, compared with what the API's objects say."""

from __future__ import annotations

import re
import typing as t
from collections import Counter
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import duckdb
import pytest
import yaml

from sandbox import Account, Sandbox
from tests.support import inside, loaders, models, postgres, programs, warehouse
from tests.support.answers import REPORT, answers, questions, report
from tests.support.project import Project
from tests.support.streams import ALL, LISTS

if t.TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Read: t.TypeAlias = Callable[[str], list[models.Row]]

CLASSIC = ("booking_pages", "master_pages", "event_types", "booking_page_links")
_COUNTS = ("bookings", "first_bookings", "meetings", "held_meetings", "sessions")
DATE = re.compile(r"\d{4}-\d\d-\d\d[ T]|^\d{4}-\d\d-\d\d$")
CALENDARS = ("booking_calendars", "booking_calendar_time_slots")


def read_duckdb(file: Path) -> Read:
    def read(table: str) -> list[models.Row]:
        with duckdb.connect(str(file), read_only=True) as connection:
            cursor = connection.execute(f"FROM oncehub_{table}")
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    return read


def read_postgres(database: postgres.Postgres) -> Read:
    names = described()

    def read(table: str) -> list[models.Row]:
        # JSON keeps no order of columns.
        rows = database.rows(f"oncehub_{table}")
        return [{name: row[name] for name in names[table.split(".")[1]]} for row in rows]

    return read


def described() -> dict[str, list[str]]:
    """Give the columns of each model, as its description has them."""
    text = programs.ROOT.joinpath("transform/models/models.yml").read_text("utf-8")
    found = yaml.safe_load(text)["models"]
    return {model["name"]: [column["name"] for column in model["columns"]] for model in found}


def plain(value: t.Any) -> t.Any:
    """Give a value in a form that is the same from every database."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str) and len(value) > 18 and value[10] == "T" and value[:4].isdigit():
        return warehouse.moment(value).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str | bool | None):
        return value
    return round(float(value), 6)


def assert_rows(found: list[models.Row], wanted: dict[str, models.Row]) -> None:
    key = next(iter(next(iter(wanted.values())))) if wanted else ""
    assert len(found) == len(wanted)
    for row in found:
        expected = wanted[row[key]]
        assert row.keys() == expected.keys()
        differences = {
            name: (row[name], value)
            for name, value in expected.items()
            if plain(row[name]) != plain(value)
        }
        assert not differences, f"{row[key]}: {differences}"


def assert_models(read: Read, streams: models.Streams) -> None:
    """Compare the marts, and what was made of lists, with the objects."""
    assert_rows(read("marts.bookings"), models.bookings(streams))
    assert_rows(read("marts.contacts"), models.contacts(streams))
    by_day = {}
    for row in read("marts.daily_bookings"):
        day = str(row["day"]) if row["day"] else None
        key = day, row["owner_id"], row["booked_on_id"], row["status"]
        by_day[key] = {name: plain(row[name]) for name in (*_COUNTS, "minutes")}
    assert by_day == models.daily_bookings(streams)
    found_slots = {
        (row["booking_calendar_id"], row["weekday"], row["hour"]): (
            row["free_slots"],
            row["booked_slots"],
        )
        for row in read("marts.capacity")
    }
    assert found_slots == models.capacity(streams, read_at(read))
    for view, wanted in models.lists(streams).items():
        found = Counter(tuple(map(_key, row.values())) for row in read(f"staging.{view}"))
        assert found == Counter({tuple(map(_key, k)): n for k, n in wanted.items()}), view
    health = {row["stream"]: row for row in read("marts.account_health")}
    for stream, row in health.items():
        assert row["record_count"] == len(streams[stream]), stream
        assert row["deleted_count"] == 0, stream
        extra = {name for made in streams[stream] for name in made["_extra"] or ()}
        assert split(row["new_fields"] or "") == split(", ".join(extra)), stream
    assert health.keys() == set(ALL) - {"booking", "booking_calendar", "test_auth"}


def read_at(read: Read) -> datetime | None:
    """Give the time at which the time slots were last read."""
    slots = read("staging.stg_booking_calendar_time_slots")
    return max((warehouse.moment(str(slot["read_at"])) for slot in slots), default=None)


def split(names: str) -> set[str]:
    return set(names.split(", ")) - {""}


def _key(value: t.Any) -> t.Any:
    return plain(warehouse._readable(value)) if isinstance(value, str | datetime) else value


class Made(t.NamedTuple):
    """A warehouse with the models, and the rows that it was made from."""

    file: Path
    streams: models.Streams
    gone: str


def entangle(account: Account) -> None:
    """Link bookings as no account should have them, and put a part of a chain into the trash."""
    keys = [item["id"] for item in account.objects("bookings")]
    links = {20: 21, 21: 22, 22: 20, 23: 20, 30: 30, 40: 41, 42: 41, 50: 51, 51: 52, 61: 60}
    for place, earlier in links.items():
        account.edit("bookings", keys[place], rescheduled_booking_id=keys[earlier])
    account.edit("bookings", keys[51], in_trash=True)
    account.edit("bookings", keys[70], rescheduled_booking_id="BKNG-GONE")
    calendars = [item["id"] for item in account.objects("booking_calendars")]
    free = {key for key in calendars if not account.refusal("booking_calendar_time_slots", key)}
    owner = account.objects("users")[0]["id"]
    for status in ("requested", "scheduled", "rescheduled", "canceled", "rescheduled"):
        for days, calendar in enumerate(sorted(free)[:3], 2):
            start = datetime.now(timezone.utc).replace(minute=0) + timedelta(days=days)
            account.add(
                "bookings", status=status, owner=owner, booking_calendar=calendar,
                booking_page=None, starting_time=f"{start:%Y-%m-%dT%H:%M:00Z}",
            )  # fmt: skip
    # Some by themselves: a session, too, counts once.
    for days, status in enumerate(("rescheduled", "canceled"), 6):
        start = datetime.now(timezone.utc) + timedelta(days=days)
        account.add(
            "bookings", status=status, booking_calendar=min(free), booking_page=None,
            starting_time=f"{start:%Y-%m-%dT%H:00:00Z}",
        )  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("models")
    account = Account(seed=7, bookings=300, users=30)
    gone = account.objects("bookings")[5]["id"]
    entangle(account)
    with Sandbox(account, key=programs.KEY) as api:
        catalog = inside.catalog(*ALL)
        run = programs.run_tap(folder, programs.settings_for(api.url), catalog=catalog)
        programs.load(folder, run.output)
        streams = models.rows_of(api, account)
        # What is deleted is in no list: only a request for it tells.
        account.delete("bookings", gone)
        settings = programs.settings_for(api.url, booking_ids=[gone])
        run = programs.run_tap(folder, settings, catalog=inside.catalog("booking"))
    programs.load(folder, run.output)
    streams["booking"] = [{"id": gone, "deleted": True, "_extra": None}]
    assert "ERROR=0" in models.build(folder)
    return Made(folder / "warehouse.duckdb", streams, gone)


def test_the_figures_are_those_of_the_account(made: Made) -> None:
    read = read_duckdb(made.file)
    found = read("marts.bookings")
    assert made.gone not in {row["booking_id"] for row in found}
    for name in ("reschedules", "hosts", "utm_campaign", "payment_amount", "cancel_reason"):
        assert any(row[name] for row in found), name
    assert_models(read, made.streams)


def test_every_column_is_described(made: Made) -> None:
    with duckdb.connect(str(made.file), read_only=True) as connection:
        found = connection.execute(
            "SELECT table_name, list(column_name ORDER BY column_index) FROM duckdb_columns() "
            "WHERE schema_name IN ('oncehub_marts', 'oncehub_staging') GROUP BY 1"
        ).fetchall()
    assert dict(found) == described()


@pytest.mark.parametrize("question", questions())
def test_the_questions_are_answered(made: Made, question: str) -> None:
    sql = questions()[question]
    assert len(sql.splitlines()) <= 8
    assert max(map(len, sql.splitlines())) <= 100
    with duckdb.connect(str(made.file), read_only=True) as connection:
        found = connection.execute(sql).fetchall()
    assert_answer(question, found, made.streams, read_at(read_duckdb(made.file)))


@pytest.mark.parametrize("time", ["starting_time", "creation_time"])
@pytest.mark.parametrize(
    "dimension",
    ["owner_name", "booked_on_name", "event_type_name", "master_page_name", "customer_email"],
)
def test_oncehubs_reports(made: Made, dimension: str, time: str) -> None:
    sql = questions()[REPORT].replace("owner_name", dimension).replace("starting_time", time)
    if time == "creation_time":
        sql = sql.replace("AND status <> 'requested' ", "")
    with duckdb.connect(str(made.file), read_only=True) as connection:
        found = connection.execute(sql).fetchall()
    wanted = report(list(models.bookings(made.streams).values()), dimension, time)
    assert len(wanted) > 1
    assert Counter(found) == wanted


def assert_answer(
    question: str,
    found: list[tuple[t.Any, ...]],
    streams: models.Streams,
    slots_read_at: datetime | None,
    *,
    ordered: bool = True,
) -> None:
    """Compare an answer; the columns may come in any order, if they are not ordered."""
    if "fresh" in question:
        loaded = {value for row in found for value in row if value in ALL}
        assert loaded == set(ALL) - {"booking", "booking_calendar", "test_auth"}
        for row in found:
            (stream,) = set(row) & loaded
            assert len(streams[stream]) in row
        return
    arranged = tuple if ordered else (lambda row: tuple(sorted(row, key=str)))
    rows = Counter(arranged([cell(value) for value in row]) for row in found)
    wanted = answers(streams, slots_read_at)[question]
    assert len(rows) > 1, rows
    assert rows == Counter(arranged(list(map(cell, row))) for row in wanted.elements())


def cell(value: t.Any) -> t.Any:
    """Give a value as the expected answers have it."""
    if isinstance(value, float | Decimal):
        return round(float(value), 6)
    if isinstance(value, date | datetime):
        value = str(value)
    return value[:10] if isinstance(value, str) and DATE.match(value) else value


@pytest.mark.slow
def test_the_same_in_postgresql(tmp_path: Path) -> None:
    account = Account(seed=7, bookings=300, users=30)
    with postgres.running() as server, Sandbox(account, key=programs.KEY) as api:
        database = server.new_database("models")
        login = {f"DBT_POSTGRES_{k.upper()}": str(v) for k, v in database.settings.items()}
        assert "ERROR=0" in models.dbt(tmp_path, "postgres", "build", **login)
        catalog = inside.catalog(*ALL)
        settings = programs.settings_for(api.url)
        run = programs.run_tap(tmp_path, settings, catalog=catalog)
        loaders.load("target-postgres", tmp_path, run.output, **database.settings)
        streams = models.rows_of(api, account)
        assert "ERROR=0" in models.dbt(tmp_path, "postgres", "build", **login)
        assert_models(read_postgres(database), streams)
        slots = read_at(read_postgres(database))
        for question, sql in questions().items():
            found = [tuple(row.values()) for row in database.rows(f"({sql}) AS answer")]
            assert_answer(question, found, streams, slots, ordered=False)
        # The views do not keep a later load from adding a column.
        settings["include_webhook_secrets"] = True
        again = programs.run_tap(tmp_path, settings)
        loaders.load("target-postgres", tmp_path, again.output, **database.settings)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("left_out", "empty"),
    [
        (CLASSIC, ()),
        (CALENDARS, ()),
        (("bookings",), ()),
        (ALL, ()),
        ((), CLASSIC[:3]),
        ((), CALENDARS[:1]),
    ],
)
def test_streams_that_are_not_loaded_count_as_empty(
    tmp_path: Path, left_out: tuple[str, ...], empty: tuple[str, ...]
) -> None:
    account = Account(seed=3, bookings=150, users=20, **dict.fromkeys(empty, 0))
    chosen = set(ALL) - set(left_out)
    with Sandbox(account, key=programs.KEY) as api:
        if chosen:
            catalog = inside.catalog(*chosen)
            run = programs.run_tap(tmp_path, programs.settings_for(api.url), catalog=catalog)
            programs.load(tmp_path, run.output)
        streams = models.rows_of(api, account, chosen)
    assert "ERROR=0" in models.build(tmp_path)
    assert_models(read_duckdb(tmp_path / "warehouse.duckdb"), streams)


@pytest.mark.slow
def test_an_account_without_anything_and_columns_that_are_not_selected(tmp_path: Path) -> None:
    nothing = Account(seed=3, bookings=0, contacts=0, users=0, booking_calendars=0)
    models.load(tmp_path, nothing)
    assert "ERROR=0" in models.build(tmp_path)
    read = read_duckdb(tmp_path / "warehouse.duckdb")
    assert read("marts.bookings") == []
    assert all(row["is_loaded"] for row in read("marts.account_health") if row["stream"] in LISTS)

    (tmp_path / "some").mkdir()
    catalog = inside.catalog("bookings")
    kept = {"id", "status", "last_updated_time"}
    for entry in catalog["streams"]:
        for part in entry["metadata"]:
            if part["breadcrumb"] and part["breadcrumb"][-1] not in kept:
                part["metadata"]["selected"] = False
    account = Account(seed=3, bookings=50)
    with Sandbox(account, key=programs.KEY) as api:
        run = programs.run_tap(tmp_path, programs.settings_for(api.url), catalog=catalog)
    programs.load(tmp_path / "some", run.output)
    assert "ERROR=0" in models.build(tmp_path / "some")
    found = read_duckdb(tmp_path / "some/warehouse.duckdb")("marts.bookings")
    assert {row["status"] for row in found} == {
        b.get("status") for b in account.objects("bookings")
    }


@pytest.mark.slow
def test_meltano_loads_and_makes_them_in_one_command(tmp_path: Path) -> None:
    account = Account(seed=3, bookings=40)
    with Sandbox(account, key=programs.KEY) as api:
        project = Project(tmp_path, api.url)
        (tmp_path / "transform").symlink_to(programs.ROOT / "transform")
        (tmp_path / ".meltano/utilities").symlink_to(programs.ROOT / ".meltano/utilities")
        run = project.run("tap-oncehub", "target-duckdb", "dbt-duckdb:build")
        assert run.status == 0, run.log
        # A load while the models are there, and the models once more.
        account.add("bookings", 3)
        again = project.run("tap-oncehub", "target-duckdb", "dbt-duckdb:build")
        assert again.status == 0, again.log
        assert (tmp_path / ".meltano/run/dbt-duckdb/target/manifest.json").exists()
    wanted = [b for b in account.objects("bookings") if b.get("in_trash") is not True]
    assert len(read_duckdb(project.database)("marts.bookings")) == len(wanted)
