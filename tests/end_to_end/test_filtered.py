"""What only filters and expansions tell, killed at any moment, and after changes."""

import pytest

from sandbox import Account, Sandbox
from tests.support import inside, programs
from tests.support.streams import KEYS, offered

STREAMS = ("booking_hosts", "booking_page_links", "conversations")


@pytest.mark.parametrize("order", ["created", "updated"])
def test_it_is_complete_after_kills_and_asks_only_for_changes_then(order: str) -> None:
    account = Account(seed=4, bookings=120, users=6, nasty=False)
    loaded = inside.Warehouse()
    users = [user["id"] for user in account.objects("users")]
    with Sandbox(account, key=programs.KEY, order=order) as api:
        for number in range(8):
            end: inside.End = {"kill_after": 20 + 9 * number} if number < len(users) else {}
            run = inside.sync(api, *STREAMS, state=loaded.state, end=end, page_size=7)
            loaded.load(run.messages)
            if end:
                account.edit("users", users[number], last_name="Moved")
        for stream in STREAMS:
            objects = offered(api, account, stream)
            wanted = {tuple(row[name] for name in KEYS[stream]) for row in objects}
            assert set(loaded.tables[stream]) == wanted, stream
        account.clock.offset_seconds += 3600
        changed = account.assign(account.objects("bookings")[50]["id"], users[0], users[1])
        run = inside.sync(api, *STREAMS, state=loaded.state, page_size=7)
        assert run.ended == "well"
    hosts = {(row["booking_id"], row["user_id"]) for row in run.records("booking_hosts")}
    assert {(changed, users[0]), (changed, users[1])} <= hosts
    assert len(hosts) < 20


@pytest.mark.parametrize("by_id", [True, False])
def test_a_server_that_expands_nothing_fails_that_stream_alone(*, by_id: bool) -> None:
    with Sandbox(Account(seed=4, bookings=80), key=programs.KEY, expand_by_id=by_id) as api:
        # Refused as unknown, or the list does not answer, and the object stays as it is.
        fault = ("400", "/bookings*") if by_id else ("500", "/bookings")
        api.faults.add(*fault, query="expand", times=None)
        run = inside.sync(api, "conversations", "bookings", max_wait_seconds=0)
    assert run.ended == "failed"
    assert len(run.records("bookings")) == 80
    assert not run.records("conversations")


def test_a_filter_that_the_plan_refuses_ends_the_stream() -> None:
    account = Account(seed=4, bookings=60, users=6, nasty=False)
    with Sandbox(account, key=programs.KEY) as api:
        api.faults.add("403", "/bookings", after=2)
        run = inside.sync(api, "booking_hosts")
    users = sorted(user["id"] for user in account.objects("users"))
    assert run.ended == "failed"
    assert {row["user_id"] for row in run.records("booking_hosts")} == set(users[:2])


def test_a_list_that_is_not_found_after_its_first_page_has_not_ended() -> None:
    account = Account(seed=4, bookings=60, nasty=False)
    loaded = inside.Warehouse()
    with Sandbox(account, key=programs.KEY) as api:
        api.faults.add("404", "/bookings", after=3, times=None)
        failed = inside.sync(api, "conversations", page_size=7)
        loaded.load(failed.messages)
        assert failed.ended == "failed"
        api.faults.clear()
        loaded.load(inside.sync(api, "conversations", state=loaded.state).messages)
    assert set(loaded.rows("conversations")) == {row["id"] for row in account.conversations()}
