"""What only filters and expansions tell, killed at any moment, and after changes."""

from __future__ import annotations

import pytest

from sandbox import Account, Sandbox
from tests.support import inside, programs
from tests.support.streams import KEYS, offered

STREAMS = ("booking_hosts", "booking_page_links", "conversations")


@pytest.mark.parametrize("order", ["created", "updated"])
def test_it_is_complete_after_kills_and_asks_only_for_changes_then(order: str) -> None:
    account = Account(seed=4, bookings=120, users=6, nasty=False)
    catalog, loaded = inside.catalog(*STREAMS), inside.Warehouse()
    users = [user["id"] for user in account.objects("users")]
    with Sandbox(account, key=programs.KEY, order=order) as api:
        settings = programs.settings_for(api.url, page_size=7)
        for number in range(6):
            run = inside.run(settings, catalog, loaded.state, kill_after=20 + 9 * number)
            loaded.load(run.messages)
            account.edit("users", users[number], last_name="Moved")
        for _ in range(2):
            loaded.load(inside.run(settings, catalog, loaded.state).messages)
        for stream in STREAMS:
            rows = [
                tuple(row[name] for name in KEYS[stream]) for row in offered(api, account, stream)
            ]
            assert set(loaded.tables[stream]) == set(rows), stream
        account.clock.offset_seconds += 3600
        changed = account.assign(account.objects("bookings")[50]["id"], users[0], users[1])
        run = inside.run(settings, catalog, loaded.state)
        assert run.ended == "well"
    hosts = {(row["booking_id"], row["user_id"]) for row in run.records("booking_hosts")}
    assert {(changed, users[0]), (changed, users[1])} <= hosts
    assert len(hosts) < 20


def test_a_server_that_expands_nothing_brings_no_rows_and_no_failure() -> None:
    with Sandbox(Account(seed=4, bookings=80), key=programs.KEY, expand_by_id=False) as api:
        run = inside.run(programs.settings_for(api.url), inside.catalog("conversations"))
    assert run.ended == "well"
    assert not run.records("conversations")


@pytest.mark.parametrize(("status", "ended"), [("409", "well"), ("405", "failed")])
def test_a_filter_that_is_refused_costs_its_rows_only(status: str, ended: str) -> None:
    account = Account(seed=4, bookings=60, users=6, nasty=False)
    with Sandbox(account, key=programs.KEY) as api:
        api.faults.add(status, "/bookings", after=2)
        run = inside.run(programs.settings_for(api.url), inside.catalog("booking_hosts"))
    users = sorted(user["id"] for user in account.objects("users"))
    assert run.ended == ended
    found = {row["user_id"] for row in run.records("booking_hosts")}
    assert found == {*users[:2], *(users[3:] if ended == "well" else ())}
