"""Accounts and servers that several files of tests share."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import Account, Sandbox
from tests.support import inside, postgres, programs


@pytest.fixture
def account() -> Account:
    """Ten pages of bookings, where a page holds ten; a file of tests may have another one."""
    lists = {"contacts": 12, "sms_notifications": 30, "users": 12}
    return Account(seed=4, bookings=100, **lists, nasty=False, now="2026-03-01T12:00:00Z")


@pytest.fixture
def api(account: Account) -> Iterator[Sandbox]:
    with Sandbox(account, key=programs.KEY) as running:
        yield running


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Postgres]:
    with postgres.running() as server:
        yield server


@pytest.fixture
def database(
    postgres_server: postgres.Postgres, request: pytest.FixtureRequest
) -> postgres.Postgres:
    return postgres_server.new_database(request.node.name)


@pytest.fixture(scope="session")
def account_files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """An account's DuckDB file, and the same file after edits, deletes and a new column."""
    folder = tmp_path_factory.mktemp("account")
    account = Account(seed=7, bookings=150, users=20, booking_calendars=12)
    streams = ("bookings", "booking_hosts", "teams", "users", "webhooks")
    more = {"emit_activate_version_messages": True}
    with Sandbox(account, key=programs.KEY) as api:
        first = inside.sync(api, *streams, **more)
        programs.load(folder, first.output)
        before = shutil.copy(folder / "warehouse.duckdb", folder / "before.duckdb")
        for item in account.objects("bookings")[:30]:
            account.edit("bookings", item["id"], subject="", field_of_next_year=["", None, 0.1])
        for item in account.objects("users")[:2]:
            account.delete("users", item["id"])
        account.add("bookings")
        more["include_webhook_secrets"] = True
        second = inside.sync(api, *streams, state=first.state, **more)
        programs.load(folder, second.output)
    return before, folder / "warehouse.duckdb"
