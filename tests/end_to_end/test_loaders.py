"""The same account in PostgreSQL, Snowflake's emulator and JSON lines, by meltano.yml's loaders."""

import json
import typing as t
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from sandbox import Account, Sandbox
from tests.support import destinations, inside, loaders, programs, warehouse
from tests.support.postgres import Postgres
from tests.support.streams import ALL, LISTS, offered

Objects: t.TypeAlias = dict[str, list[warehouse.Row]]
GONE = {"users": 3, "booking_calendars": 2, "webhooks": 1}


class Sync(t.NamedTuple):
    """A run, and what the API offered then."""

    run: inside.Run
    objects: Objects

    def load(self, loader: str, folder: Path, program: str | None = None, **more: t.Any) -> None:
        """Load it: the loader hands back the last state."""
        state = loaders.load(loader, folder, self.run.output, program, **more)
        assert state == self.run.states[-1]


@pytest.fixture(scope="module")
def syncs() -> list[Sync]:
    """A first run, and one after edits and deletes, with a new column."""
    account = Account(seed=7, bookings=40, users=12, booking_calendars=8, webhooks=4)
    made, state = [], None
    with Sandbox(account, key=programs.KEY, nul_characters=True, webhook_events="objects") as api:
        for more in ({}, {"include_webhook_secrets": True}):
            settings = programs.settings_for(api.url, emit_activate_version_messages=True, **more)
            run = inside.run(settings, inside.catalog(*ALL, settings=more), state)
            made.append(Sync(run, {stream: offered(api, account, stream) for stream in ALL}))
            state = run.states[-1]
            edited, other = (account.objects("bookings")[number]["id"] for number in (7, 17))
            account.edit("bookings", edited, subject="edited", duration_minutes=None)
            account.edit("bookings", other, field_of_next_year={"a": ["new", 1]})
            for stream, count in GONE.items():
                for item in account.objects(stream)[-count:]:
                    account.delete(stream, item["id"])
            api.reset_log()
    assert len(made[1].run.records("bookings")) < len(made[0].run.records("bookings"))
    return made


def without_nul(objects: t.Any) -> t.Any:
    """PostgreSQL cannot hold U+0000; the loader writes U+FFFD in its place."""
    return json.loads(json.dumps(objects).replace(r"\u0000", r"\ufffd"))


# The loader has no setting for another place than Snowflake's own.
NEAR = """
import os, snowflake.connector
place = {"host": "127.0.0.1", "port": int(os.environ["SNOWFLAKE_PORT"]), "protocol": "http"}
place["schema"] = "PUBLIC"  # the emulator merges in a session that has one, a table at a time
connect = snowflake.connector.connect
snowflake.connector.connect = lambda **login: connect(**login | place)
from target_snowflake.target import TargetSnowflake
TargetSnowflake.max_parallelism = 1
TargetSnowflake.cli()
"""


class Place(t.NamedTuple):
    """A database that answers."""

    settings: dict[str, t.Any]
    rows: Callable[[str], list[warehouse.Row]]
    held: Callable[[t.Any], t.Any]  # what it makes of objects
    program: str | None = None


@contextmanager
def postgres(_: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    database: Postgres = request.getfixturevalue("database")
    yield Place(database.settings, lambda x: database.rows(f"oncehub.{x}"), without_nul)


@contextmanager
def snowflake(folder: Path, _: pytest.FixtureRequest) -> Iterator[Place]:
    program = folder / "near"
    python = Path(loaders.program("target-snowflake")).with_name("python")
    program.write_text(f"#!{python}\n{NEAR}")
    program.chmod(0o700)
    login = dict.fromkeys(("account", "user", "password"), "made-up")
    with destinations.snowflake(folder) as to, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SNOWFLAKE_PORT", to.variables["SNOWFLAKE_PORT"])
        yield Place(login | {"database": "D"}, to.rows, lambda x: x, str(program))


@pytest.mark.parametrize(
    ("loader", "place"),
    [
        ("target-postgres", postgres),
        pytest.param("target-snowflake", snowflake, marks=pytest.mark.warehouses),
    ],
)
def test_database(
    loader: str, place: t.Any, tmp_path: Path, syncs: list[Sync], request: pytest.FixtureRequest
) -> None:
    first, second = syncs
    assert b"\\u0000" in first.run.output
    with place(tmp_path, request) as to:
        first.load(loader, tmp_path, to.program, **to.settings)
        for stream, objects in first.objects.items():
            assert objects, stream
            wanted = warehouse.expected(stream, to.held(objects))
            warehouse.compare(stream, warehouse.loaded(stream, to.rows(stream)), wanted)
        second.load(loader, tmp_path, to.program, **to.settings)
        for stream in set(LISTS) - {"webhooks"}:
            wanted = warehouse.expected(stream, to.held(second.objects[stream]))
            rows = to.rows(stream)
            found = warehouse.loaded(stream, rows)
            gone = {key for (key,) in found.keys() - wanted.keys()}
            assert len(gone) == GONE.get(stream, 0)
            assert {row["id"] for row in rows if row["_sdc_deleted_at"]} == gone
            warehouse.compare(stream, {key: found[key] for key in wanted}, wanted)
        # A property that is new becomes a column.
        secrets = {row["id"]: row.get("secret") for row in second.objects["webhooks"]}
        found = {row["id"]: row["secret"] for row in to.rows("webhooks")}
        assert secrets.items() <= found.items()


def test_json_lines(tmp_path: Path, syncs: list[Sync]) -> None:
    def rows(stream: str) -> list[warehouse.Row]:
        text, times = (tmp_path / f"files/{stream}.jsonl").read_text(), warehouse.times(stream)
        records = [json.loads(line, parse_float=Decimal) for line in text.split("\n") if line]
        return [
            {k: warehouse.moment(v) if v and k in times else v for k, v in record.items()}
            for record in records
        ]

    files = {"destination_path": str(tmp_path / "files"), "do_timestamp_file": False}
    for sync in syncs:
        sync.load("target-jsonl", tmp_path, **files)
    first, second = syncs
    for stream in ALL:
        lines, count = rows(stream), len(first.run.records(stream))
        found = warehouse.by_key(stream, lines[:count])
        warehouse.compare(stream, found, warehouse.expected(stream, first.objects[stream]))
        assert len(lines) == count + len(second.run.records(stream)), "added below"
    newest = {(row["id"],): row for row in rows("bookings")}
    wanted = warehouse.expected("bookings", second.objects["bookings"])
    warehouse.compare("bookings", newest, wanted)


@pytest.mark.slow
def test_time_zone_of_postgres_does_not_matter(tmp_path: Path, postgres_server: Postgres) -> None:
    account = Account(seed=5, bookings=20)
    database = postgres_server.new_database("kolkata", time_zone="Asia/Kolkata")
    with Sandbox(account, key=programs.KEY) as api:
        state = {"MELTANO_STATE_BACKEND_URI": tmp_path.as_uri()}
        pair = ("run", "tap-oncehub", "target-postgres")
        run = programs.run_meltano(programs.ROOT, api.url, *pair, **state, **database.variables)
    assert run.status == 0, run.log
    wanted = warehouse.expected("bookings", account.objects("bookings"))
    warehouse.compare("bookings", database.table("bookings"), wanted)
