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
    wanted = warehouse.expected(stream, without_nul(objects))
    warehouse.compare(stream, database.table(stream), wanted)


def without_nul(node: t.Any) -> t.Any:
    """PostgreSQL cannot hold U+0000; the loader writes U+FFFD in its place."""
    if isinstance(node, str):
        return node.replace("\0", "\ufffd")
    if isinstance(node, list):
        return [without_nul(item) for item in node]
    if isinstance(node, dict):
        return {without_nul(name): without_nul(item) for name, item in node.items()}
    return node


def test_every_stream_arrives_field_by_field_and_a_second_run_updates_rows(
    tmp_path: Path, database: Postgres
) -> None:
    switches = {"nul_characters": True, "webhook_events": "objects"}
    account = Account(seed=7, bookings=350, users=60, booking_calendars=12, webhooks=4)
    with Sandbox(account, key=programs.KEY, **switches) as api:
        settings = programs.settings_for(api.url)
        first = programs.run_tap(tmp_path, settings, catalog=inside.catalog(*ALL))
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
        settings["include_webhook_secrets"] = True
        second = programs.run_tap(tmp_path, settings, state=first.state)
        load(tmp_path, database, second)
        assert len(second.records("bookings")) < len(first.records("bookings"))
    for stream in set(LISTS) - {"webhooks"}:
        assert_equal(database, stream, account.objects(stream))
    assert database.table("bookings")[(other,)]["_extra"]["field_of_next_year"]
    # A property that is new becomes a column.
    secrets = {item["id"]: item.get("secret") for item in account.objects("webhooks")}
    assert {key: row["secret"] for (key,), row in database.table("webhooks").items()} == secrets


def test_what_is_gone_from_a_full_table_is_marked_or_removed(
    tmp_path: Path, database: Postgres
) -> None:
    account = Account(seed=3, bookings=40, users=50, booking_calendars=8, webhooks=4)
    with Sandbox(account, key=programs.KEY) as api:
        settings = programs.settings_for(api.url, page_size=20, emit_activate_version_messages=True)
        catalog = inside.catalog("bookings", *GONE_FROM)
        first = programs.run_tap(tmp_path, settings, catalog=catalog)
        load(tmp_path, database, first)
        before = {stream: keys(database, stream) for stream in GONE_FROM}
        gone = {stream: set(delete(account, stream, n)) for stream, n in GONE_FROM.items()}
        (kept,) = delete(account, "bookings", 1)
        whole = programs.run_tap(tmp_path, settings, state=first.state, catalog=catalog)
        half = cut_after_a_page_of_users(whole)
        load(tmp_path, database, half)
        assert not marked(database, "users"), "marked before the pass was complete"

        rest = programs.run_tap(tmp_path, settings, state=half.state, catalog=catalog)
        assert 0 < len(rest.records("users")) < 47, "the pass does not go on"
    load(tmp_path, database, rest)
    for stream, ids in gone.items():
        assert marked(database, stream) == ids, stream
        assert keys(database, stream) == before[stream]
    load(tmp_path, database, rest, hard_delete=True)
    assert_equal(database, "users", account.objects("users"))
    # A list that is read by time does not tell what is gone from it.
    assert kept in keys(database, "bookings")


def cut_after_a_page_of_users(run: programs.Run) -> programs.Run:
    """What the loader gets of a run that was killed then."""
    kept, seen = [], False
    for line in run.output.splitlines(keepends=True):
        message = json.loads(line)
        kept.append(line)
        seen = seen or (message["type"] == "RECORD" and message["stream"] == "users")
        if seen and message["type"] == "STATE":
            break
    return programs.Run(0, b"".join(kept), "")


def delete(account: Account, stream: str, count: int) -> list[str]:
    ids = [item["id"] for item in account.objects(stream)][-count:]
    return [account.delete(stream, key) for key in ids]


def keys(database: Postgres, stream: str) -> set[str]:
    return {row["id"] for row in database.rows(f"oncehub.{stream}", "id")}


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
        run = programs.run_meltano(
            programs.ROOT,
            api.url,
            *("run", "tap-oncehub", "target-postgres"),
            MELTANO_STATE_BACKEND_URI=tmp_path.as_uri(),
            **database.variables,
        )
    assert run.status == 0, run.log
    assert_equal(database, "bookings", account.objects("bookings"))
