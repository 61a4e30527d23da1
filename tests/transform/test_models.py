"""The dbt models in DuckDB and PostgreSQL, compared with what the API's objects say."""

import re
import typing as t
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
import yaml

from sandbox import Account, Sandbox
from tests.support import inside, loaders, models, postgres, programs, warehouse
from tests.support.answers import REPORT, answers, questions, report
from tests.support.project import Project
from tests.support.streams import ALL, LISTS

Read: t.TypeAlias = Callable[[str], list[models.Row]]


CLASSIC = ("booking_pages", "master_pages", "event_types", "booking_page_links")
CALENDARS = ("booking_calendars", "booking_calendar_time_slots")
BY_ID = {"booking", "booking_calendar", "test_auth"}
"""Streams that no model shows."""
DATE = re.compile(r"\d{4}-\d\d-\d\d[ T]|^\d{4}-\d\d-\d\d$")


def read_duckdb(file: Path) -> Read:
    connection = duckdb.connect(str(file), read_only=True)

    def read(table: str) -> list[models.Row]:
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
    if isinstance(value, str) and len(value) > 18 and value[10] == "T" and value[:4].isdigit():
        value = warehouse.moment(value)
    if isinstance(value, date):  # a datetime is one, too
        return value.isoformat()
    if isinstance(value, str | bool | None):
        return value
    return round(float(value), 6)


def keyed(row: t.Iterable[t.Any]) -> tuple[t.Any, ...]:
    return tuple(
        plain(warehouse._readable(value)) if isinstance(value, str | datetime) else value
        for value in row
    )


def assert_rows(found: list[models.Row], wanted: dict[str, models.Row]) -> None:
    rows = {next(iter(row.values())): row for row in found}
    assert len(rows) == len(found)
    assert rows.keys() == wanted.keys()
    for key, row in wanted.items():
        assert rows[key].keys() == row.keys()
        pairs = {name: (rows[key][name], value) for name, value in row.items()}
        differences = {n: pair for n, pair in pairs.items() if plain(pair[0]) != plain(pair[1])}
        assert not differences, key


def assert_models(read: Read, streams: models.Streams) -> None:
    """Compare the marts, and what was made of lists, with the objects."""
    bookings = models.bookings(streams)
    assert_rows(read("marts.bookings"), bookings)
    assert_rows(read("marts.contacts"), models.contacts(streams))
    by_day = {}
    for row in read("marts.daily_bookings"):
        key = str(row["day"]) if row["day"] else None, *(row[name] for name in _BY)
        by_day[key] = {name: plain(row[name]) for name in (*_COUNTS, "minutes")}
    assert by_day == models.daily_bookings(streams)
    found_slots = {
        (row["booking_calendar_id"], row["weekday"], row["hour"]): (
            *(row["free_slots"], row["booked_slots"]),
        )
        for row in read("marts.capacity")
    }
    assert found_slots == models.capacity(streams, read_at(read))
    for view, wanted in models.lists(streams).items():
        found = Counter(keyed(row.values()) for row in read(f"staging.{view}"))
        assert found == Counter({keyed(row): n for row, n in wanted.items()}), view
    health = {row["stream"]: row for row in read("marts.account_health")}
    assert health.keys() == set(ALL) - BY_ID
    for stream, row in health.items():
        assert (row["record_count"], row["deleted_count"]) == (len(streams[stream]), 0), stream
        extra = {name for made in streams[stream] for name in made["_extra"] or ()}
        assert set((row["new_fields"] or "").split(", ")) == set(", ".join(extra).split(", "))


_BY = ("owner_id", "booked_on_id", "status")
_COUNTS = ("bookings", "first_bookings", "meetings", "held_meetings", "sessions")


def read_at(read: Read) -> datetime | None:
    """Give the time at which the time slots were last read."""
    slots = read("staging.stg_booking_calendar_time_slots")
    return max((warehouse.moment(str(slot["read_at"])) for slot in slots), default=None)


def load(folder: Path, api: Sandbox, *streams: str, **settings: t.Any) -> None:
    """Load these streams into a folder's warehouse."""
    settings = programs.settings_for(api.url, **settings)
    run = programs.run_tap(folder, settings, catalog=inside.catalog(*streams))
    programs.load(folder, run.output)


class Made(t.NamedTuple):
    """A warehouse with the models, and the rows that it was made from."""

    read: Read
    query: Callable[[str], list[tuple[t.Any, ...]]]
    streams: models.Streams


def entangle(account: Account) -> None:
    """Link bookings as no account should have them, and put a part of a chain into the trash."""
    keys = [item["id"] for item in account.objects("bookings")]
    links = {20: 21, 21: 22, 22: 20, 23: 20, 30: 30, 40: 41, 42: 41, 50: 51, 51: 52, 61: 60}
    for place, earlier in links.items():
        account.edit("bookings", keys[place], rescheduled_booking_id=keys[earlier])
    account.edit("bookings", keys[51], in_trash=True)
    account.edit("bookings", keys[70], rescheduled_booking_id="BKNG-GONE")
    calendars = sorted(item["id"] for item in account.objects("booking_calendars"))
    free = [key for key in calendars if not account.refusal("booking_calendar_time_slots", key)]
    owner = account.objects("users")[0]["id"]
    now = datetime.now(timezone.utc)
    ahead = [
        (days, status, calendar, {"owner": owner})
        for status in ("requested", "scheduled", "rescheduled", "canceled", "rescheduled")
        for days, calendar in enumerate(free[:3], 2)
    ]
    # Some by themselves: a session, too, counts once.
    ahead += [(6, "rescheduled", free[0], {}), (7, "canceled", free[0], {})]
    for days, status, calendar, more in ahead:
        start = f"{now + timedelta(days=days):%Y-%m-%dT%H:00:00Z}"
        account.add(
            "bookings", status=status, booking_calendar=calendar, booking_page=None,
            starting_time=start, **more,
        )  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    folder = tmp_path_factory.mktemp("models")
    account = Account(seed=7, bookings=300, users=30)
    gone = account.objects("bookings")[5]["id"]
    entangle(account)
    with Sandbox(account, key=programs.KEY) as api:
        load(folder, api, *ALL)
        streams = models.rows_of(api, account)
        # What is deleted is in no list: only a request for it tells.
        account.delete("bookings", gone)
        load(folder, api, "booking", booking_ids=[gone])
    streams["booking"] = [{"id": gone, "deleted": True, "_extra": None}]
    assert "ERROR=0" in models.build(folder)
    with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as connection:
        read = read_duckdb(folder / "warehouse.duckdb")
        yield Made(read, lambda sql: connection.execute(sql).fetchall(), streams)


def test_figures_are_those_of_the_account(made: Made) -> None:
    found = made.read("marts.bookings")
    assert made.streams["booking"][0]["id"] not in {row["booking_id"] for row in found}
    for name in ("reschedules", "hosts", "utm_campaign", "payment_amount", "cancel_reason"):
        assert any(row[name] for row in found), name
    assert_models(made.read, made.streams)


def test_every_column_is_described(made: Made) -> None:
    found = made.query(
        "SELECT table_name, list(column_name ORDER BY column_index) FROM duckdb_columns() "
        "WHERE schema_name IN ('oncehub_marts', 'oncehub_staging') GROUP BY 1"
    )
    assert dict(found) == described()


@pytest.mark.parametrize("question", questions())
def test_question_is_answered(made: Made, question: str) -> None:
    sql = questions()[question]
    assert len(sql.splitlines()) <= 8
    assert_answer(question, made.query(sql), made.streams, read_at(made.read))


@pytest.mark.parametrize("time", ["starting_time", "creation_time"])
def test_report_of_oncehub_by_other_columns(made: Made, time: str) -> None:
    rows = list(models.bookings(made.streams).values())
    for column in ("booked_on_name", "event_type_name", "master_page_name", "customer_email"):
        sql = questions()[REPORT].replace("owner_name", column).replace("starting_time", time)
        if time == "creation_time":
            sql = sql.replace("AND status <> 'requested' ", "")
        wanted = report(rows, column, time)
        assert len(wanted) > 1
        assert Counter(made.query(sql)) == wanted


def assert_answer(
    question: str,
    found: list[tuple[t.Any, ...]],
    streams: models.Streams,
    slots_read_at: datetime | None,
    arrange: t.Callable[[list[t.Any]], t.Iterable[t.Any]] = tuple,
) -> None:
    """Compare an answer; the columns may come in any order, if they are sorted."""
    if "fresh" in question:
        counts = {value: row for row in found for value in row if value in ALL}
        assert counts.keys() == set(ALL) - BY_ID
        assert all(len(streams[stream]) in row for stream, row in counts.items())
        return
    wanted = answers(streams, slots_read_at)[question].elements()
    rows, expected = (
        Counter(tuple(arrange(list(map(cell, row)))) for row in its) for its in (found, wanted)
    )
    assert len(rows) > 1
    assert rows == expected


def cell(value: t.Any) -> t.Any:
    """Give a value as the expected answers have it."""
    if isinstance(value, float | Decimal):
        return round(float(value), 6)
    if isinstance(value, date | datetime):
        value = str(value)
    return value[:10] if isinstance(value, str) and DATE.match(value) else value


@pytest.mark.slow
def test_figures_in_postgresql(tmp_path: Path) -> None:
    account = Account(seed=7, bookings=300, users=30)
    with postgres.running() as server, Sandbox(account, key=programs.KEY) as api:
        database = server.new_database("models")
        login = {f"DBT_POSTGRES_{k.upper()}": str(v) for k, v in database.settings.items()}
        settings = programs.settings_for(api.url)
        for is_loaded in (False, True):
            if is_loaded:
                run = programs.run_tap(tmp_path, settings, catalog=inside.catalog(*ALL))
                loaders.load("target-postgres", tmp_path, run.output, **database.settings)
            assert "ERROR=0" in models.dbt(tmp_path, "postgres", "build", **login)
        read, streams = read_postgres(database), models.rows_of(api, account)
        assert_models(read, streams)
        for question, sql in questions().items():
            found = [tuple(row.values()) for row in database.rows(f"({sql}) AS answer")]
            assert_answer(question, found, streams, read_at(read), lambda r: sorted(r, key=str))
        # The views do not keep a later load from adding a column.
        settings["include_webhook_secrets"] = True
        again = programs.run_tap(tmp_path, settings)
        loaders.load("target-postgres", tmp_path, again.output, **database.settings)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("left_out", "empty"),
    [
        *(((*CLASSIC, *CALENDARS), ()), (("bookings",), ()), (ALL, ())),
        *(((), CLASSIC[:3]), ((), CALENDARS[:1]), ((), LISTS)),
    ],
)
def test_streams_that_are_not_loaded_count_as_empty(
    tmp_path: Path, left_out: tuple[str, ...], empty: tuple[str, ...]
) -> None:
    account = Account(seed=3, **{"bookings": 150, "users": 20, **dict.fromkeys(empty, 0)})
    chosen = set(ALL) - set(left_out)
    with Sandbox(account, key=programs.KEY) as api:
        if chosen:
            load(tmp_path, api, *chosen)
        streams = models.rows_of(api, account, chosen)
    assert "ERROR=0" in models.build(tmp_path)
    assert_models(read_duckdb(tmp_path / "warehouse.duckdb"), streams)


@pytest.mark.slow
def test_columns_that_are_not_selected_are_null(tmp_path: Path) -> None:
    catalog = inside.catalog("bookings")
    for entry in catalog["streams"]:
        for part in entry["metadata"]:
            if part["breadcrumb"] and part["breadcrumb"][-1] not in {"id", "last_updated_time"}:
                part["metadata"]["selected"] = False
    with Sandbox(Account(seed=3, bookings=50), key=programs.KEY) as api:
        run = programs.run_tap(tmp_path, programs.settings_for(api.url), catalog=catalog)
    programs.load(tmp_path, run.output)
    assert "ERROR=0" in models.build(tmp_path)
    found = read_duckdb(tmp_path / "warehouse.duckdb")("marts.bookings")
    assert {(row["status"], row["owner_id"]) for row in found} == {(None, None)}
    assert len(found) == 50


@pytest.mark.slow
def test_meltano_loads_and_makes_them_in_one_command(tmp_path: Path) -> None:
    account = Account(seed=3, bookings=40)
    with Sandbox(account, key=programs.KEY) as api:
        project = Project(tmp_path, api.url)
        (tmp_path / "transform").symlink_to(programs.ROOT / "transform")
        (tmp_path / ".meltano/utilities").symlink_to(programs.ROOT / ".meltano/utilities")
        for _ in range(2):  # the second load comes while the models are there
            run = project.run("tap-oncehub", "target-duckdb", "dbt-duckdb:build")
            assert run.status == 0, run.log
            account.add("bookings", 3, in_trash=True)
        assert (tmp_path / ".meltano/run/dbt-duckdb/target/manifest.json").exists()
    wanted = [b for b in account.objects("bookings") if b.get("in_trash") is not True]
    assert len(read_duckdb(project.database)("marts.bookings")) == len(wanted)
