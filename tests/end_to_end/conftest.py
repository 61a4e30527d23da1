"""Servers that several files of tests share."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import Account, Sandbox
from tests.support import inside, postgres, programs


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
    with Sandbox(account, key=programs.KEY) as api:
        settings = programs.settings_for(api.url, emit_activate_version_messages=True)
        catalog = inside.catalog("bookings", "booking_hosts", "teams", "users", "webhooks")
        first = programs.run_tap(folder, settings, catalog=catalog)
        programs.load(folder, first.output)
        before = shutil.copy(folder / "warehouse.duckdb", folder / "before.duckdb")
        for item in account.objects("bookings")[:30]:
            account.edit("bookings", item["id"], subject="", field_of_next_year=["", None, 0.1])
        for item in account.objects("users")[:2]:
            account.delete("users", item["id"])
        account.add("bookings")
        settings["include_webhook_secrets"] = True
        second = programs.run_tap(folder, settings, catalog=catalog, state=first.state)
        programs.load(folder, second.output)
    return before, folder / "warehouse.duckdb"
