"""The same account in PostgreSQL: a real server, the loader of meltano.yml."""

from __future__ import annotations

import json
import typing as t

import pytest

from sandbox import Account, Sandbox
from tests.support import inside, loaders, programs, warehouse
from tests.support.streams import ALL, LISTS, offered

if t.TYPE_CHECKING:
    from pathlib import Path

    from tests.support.postgres import Postgres

GONE_FROM = {"users": 3, "booking_calendars": 2, "webhooks": 1}


def load(folder: Path, database: Postgres, run: programs.Run, **more: t.Any) -> None:
    assert run.status == 0, run.log
    state = loaders.load("target-postgres", folder, run.output, **database.settings, **more)
    assert state == run.state


def assert_equal(database: Postgres, stream: str, objects: list[warehouse.Row]) -> None:
    # PostgreSQL cannot hold U+0000; the loader writes U+FFFD in its place.
    text = json.dumps(objects).replace("\\\\u0000", "kept").replace("\\u0000", "\\ufffd")
    wanted = warehouse.expected(stream, json.loads(text.replace("kept", "\\\\u0000")))
    warehouse.compare(stream, database.table(stream), wanted)


def test_every_stream_arrives_is_updated_and_what_is_gone_is_marked(
    tmp_path: Path, database: Postgres
) -> None:
    switches = {"nul_characters": True, "webhook_events": "objects"}
    account = Account(seed=7, bookings=120, users=50, booking_calendars=8, webhooks=4)
    settings: dict[str, t.Any] = {"page_size": 20, "emit_activate_version_messages": True}
    with Sandbox(account, key=programs.KEY, **switches) as api:
        first = inside.spawn(tmp_path, api, *ALL, **settings)
        load(tmp_path, database, first)
        assert "\\u0000" in first.output.decode()
        for stream in ALL:
            objects = offered(api, account, stream)
            assert objects, stream
            assert_equal(database, stream, objects)
        assert "secret" not in next(iter(database.table("webhooks").values()))

        edited, other = (account.objects("bookings")[number]["id"] for number in (7, 77))
        account.edit("bookings", edited, subject="edited", duration_minutes=None)
        account.edit("bookings", other, field_of_next_year={"a": ["new", 1]})
        account.edit("users", account.objects("users")[0]["id"], first_name="Renamed")
        account.add("bookings")
        gone = {stream: delete(account, stream, n) for stream, n in GONE_FROM.items()}
        settings["include_webhook_secrets"] = True
        second = inside.spawn(tmp_path, api, *LISTS, state=first.state, **settings)
        assert len(second.records("bookings")) < len(first.records("bookings"))
        half = cut_after_a_page_of_users(second)
        load(tmp_path, database, half)
        assert not marked(database, "users"), "marked before the pass was complete"
        rest = inside.spawn(tmp_path, api, *LISTS, state=half.state, **settings)
        assert 0 < len(rest.records("users")) < 47, "the pass does not go on"
    load(tmp_path, database, rest)
    for stream, ids in gone.items():
        assert marked(database, stream) == ids, stream
        database.execute(f"DELETE FROM oncehub.{stream} WHERE _sdc_deleted_at IS NOT NULL")
    for stream in set(LISTS) - {"webhooks"}:
        assert_equal(database, stream, account.objects(stream))
    assert database.table("bookings")[(other,)]["_extra"]["field_of_next_year"]
    # A property that is new becomes a column.
    secrets = {item["id"]: item.get("secret") for item in account.objects("webhooks")}
    assert {key: row["secret"] for (key,), row in database.table("webhooks").items()} == secrets


@pytest.mark.slow
def test_what_is_gone_is_removed_on_request(tmp_path: Path, database: Postgres) -> None:
    account, state = Account(seed=3, bookings=10, users=9), None
    with Sandbox(account, key=programs.KEY) as api:
        for _ in range(2):
            more = {"emit_activate_version_messages": True}
            run = inside.spawn(tmp_path, api, "users", state=state, **more)
            load(tmp_path, database, run, hard_delete=True)
            state = run.state
            assert_equal(database, "users", account.objects("users"))
            delete(account, "users", 2)


def cut_after_a_page_of_users(run: programs.Run) -> programs.Run:
    """What the loader gets of a run that was killed then."""
    lines, seen = run.output.splitlines(keepends=True), False
    for number, message in enumerate(run.messages, start=1):
        seen = seen or (message["type"] == "RECORD" and message["stream"] == "users")
        if seen and message["type"] == "STATE":
            return programs.Run(0, b"".join(lines[:number]), "")
    raise AssertionError


def delete(account: Account, stream: str, count: int) -> set[str]:
    ids = [item["id"] for item in account.objects(stream)][-count:]
    return {account.delete(stream, key) for key in ids}


def marked(database: Postgres, stream: str) -> set[str]:
    found = database.rows(f"oncehub.{stream}", "id, _sdc_deleted_at")
    return {row["id"] for row in found if row["_sdc_deleted_at"]}


@pytest.mark.slow
def test_one_word_is_another_destination_and_its_time_zone_does_not_matter(
    tmp_path: Path, postgres_server: Postgres
) -> None:
    account = Account(seed=5, bookings=20)
    database = postgres_server.new_database("kolkata", time_zone="Asia/Kolkata")
    with Sandbox(account, key=programs.KEY) as api:
        pair, state = ("run", "tap-oncehub", "target-postgres"), tmp_path.as_uri()
        variables = {"MELTANO_STATE_BACKEND_URI": state, **database.variables}
        run = programs.run_meltano(programs.ROOT, api.url, *pair, **variables)
    assert run.status == 0, run.log
    assert_equal(database, "bookings", account.objects("bookings"))
