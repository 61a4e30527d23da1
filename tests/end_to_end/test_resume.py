"""A sync that is ended at any moment goes on where it was, and loses nothing."""

import signal
import subprocess
import time
import typing as t
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from sandbox import Account, Sandbox
from tests.support import inside, kills, programs
from tests.support.programs import pages_of

A_DAY = 86400
AVAILABILITY = "user_scheduling_availability"
NEW = timedelta(days=9999)
"""Later than anything that was read."""
Row: t.TypeAlias = dict[str, t.Any]


@pytest.fixture
def account() -> Account:
    """Ten pages of bookings, where a page holds ten."""
    lists = {"contacts": 12, "sms_notifications": 30, "users": 12}
    return Account(seed=4, bookings=100, **lists, nasty=False, now="2026-03-01T12:00:00Z")


@pytest.fixture
def api(account: Account) -> Iterator[Sandbox]:
    with Sandbox(account, key=programs.KEY) as running:
        yield running


@pytest.fixture
def settings() -> Row:
    return {"page_size": 10, "lookback_seconds": 0}


def ids(rows: t.Iterable[Row]) -> list[str]:
    return [row["id"] for row in rows]


def kill_after(pages: int) -> inside.End:
    """Kill a run as soon as so many pages are written, with their state."""
    kinds = [""]
    left = [pages]

    def watch(message: inside.Message, _: int) -> None:
        left[0] -= (kinds[-1], message["type"]) == ("RECORD", "STATE")
        kinds.append(message["type"])
        if not left[0]:
            raise inside.KilledError

    return {"watch": watch}


def bookmark(state: inside.State, stream: str = "bookings") -> datetime:
    return moment(state["bookmarks"][stream]["replication_key_value"])


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


# --- the process and its signals


def test_three_kills_at_exact_pages_repeat_nothing(
    tmp_path: Path, api: Sandbox, account: Account
) -> None:
    settings = programs.settings_for(api.url, page_size=10)
    catalog = inside.catalog("bookings")
    state, rows = None, []
    for pages in (1, 4, 3):
        with kills.holding_back(api, "/bookings", pages) as asked:
            run = kills.end_tap(
                signal.SIGKILL, asked, tmp_path, settings, state=state, catalog=catalog
            )
        assert run.output.endswith(b"\n")
        assert run.messages[-1]["type"] == "STATE"
        assert len(run.records("bookings")) == 9 * pages + (state is None)
        state = run.state
        rows += run.records("bookings")
    last = programs.run_tap(tmp_path, settings, state=state, catalog=catalog)
    assert last.status == 0, last.log
    assert ids(rows + last.records("bookings")) == ids(account.objects("bookings"))
    assert api.count("/bookings") == pages_of(100, 10) + 3


@pytest.mark.parametrize(
    ("number", "status", "unbuffered"), [(signal.SIGINT, 130, "1"), (signal.SIGTERM, 143, "")]
)
def test_a_signal_lets_the_tap_finish_the_record_and_write_the_state(
    tmp_path: Path, number: signal.Signals, status: int, unbuffered: str
) -> None:
    account = Account(seed=4, bookings=200)
    with Sandbox(account, key=programs.KEY) as api:
        settings, catalog = programs.settings_for(api.url), inside.catalog("bookings")
        env = {"PYTHONUNBUFFERED": unbuffered}
        run = kills.end_tap(number, None, tmp_path, settings, env, catalog=catalog)
        assert run.status == status, run.log
        assert run.output.endswith(b"\n")
        assert 0 < len(run.records("bookings")) < 100  # less than a page: between two records
        assert "the next run resumes from the last state" in run.log
        assert not run.errors
        rest = programs.run_tap(tmp_path, settings, state=run.state, catalog=catalog)
        read = run.records("bookings") + rest.records("bookings")
        assert set(ids(read)) == set(ids(account.objects("bookings")))
        assert len(read) < 200 + 100


def test_a_second_signal_ends_at_once_even_if_nobody_reads(tmp_path: Path) -> None:
    with Sandbox(Account(seed=4, bookings=300), key=programs.KEY) as api:
        command = programs.tap_command(tmp_path, programs.settings_for(api.url))
        pipe, env = subprocess.PIPE, programs.environment()
        with subprocess.Popen(command, stdout=pipe, stderr=subprocess.DEVNULL, env=env) as tap:
            assert tap.stdout
            kills.wait_for(kills.Full(tap.stdout), tap)
            tap.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            assert tap.poll() is None
            tap.send_signal(signal.SIGTERM)
            assert tap.wait(10) == 128 + signal.SIGTERM


def test_a_kill_after_any_message_repeats_at_most_a_page(api: Sandbox, account: Account) -> None:
    settings = {"page_size": 5}
    whole = inside.sync(api, "contacts", **settings).messages
    since = 0
    for number, message in enumerate(whole[:-1], start=1):
        since = 0 if message["type"] == "STATE" else since + (message["type"] == "RECORD")
        assert since <= 5
        first = inside.sync(api, "contacts", end={"kill_after": number}, **settings)
        state = first.states[-1] if first.states else None
        second = inside.sync(api, "contacts", state=state, **settings)
        assert (first.ended, second.ended) == ("killed", "well")
        read = ids(first.records("contacts") + second.records("contacts"))
        assert set(read) == set(ids(account.objects("contacts")))
        assert len(read) <= 12 + 5


# --- the bookmark at the end of a pass


@pytest.mark.parametrize("ahead", [-2 * A_DAY, 0, 2 * A_DAY])
def test_the_bookmark_is_from_when_the_pass_began_on_the_earlier_clock(
    api: Sandbox, account: Account, settings: Row, ahead: int
) -> None:
    api.clock.offset_seconds = ahead
    objects = ids(account.objects("bookings"))
    servers = datetime.fromtimestamp(api.clock.time(), timezone.utc)
    began = min(servers, datetime.now(timezone.utc))
    first = inside.sync(api, "bookings", end=kill_after(3), **settings)
    api.clock.offset_seconds += 3600
    behind = account.edit("bookings", objects[5], subject="edited behind the cursor")
    account.edit("bookings", objects[95], subject="edited before the cursor")
    added = account.add("bookings")
    second = inside.sync(api, "bookings", state=first.states[-1], **settings)
    end = bookmark(second.states[-1])
    # As exact as the header Date, which has whole seconds.
    assert began - timedelta(seconds=30) < end <= began
    assert {*added, behind}.isdisjoint(ids(second.records("bookings")))
    third = inside.sync(api, "bookings", state=second.states[-1], **settings)
    assert {*added, behind} <= set(ids(third.records("bookings")))


def test_a_start_date_moved_later_earlier_and_away(
    api: Sandbox, account: Account, settings: Row
) -> None:
    times = sorted(moment(row["last_updated_time"]) for row in account.objects("bookings"))
    early, middle, late, nothing = times[20], times[50], times[80], times[-1] + NEW
    state: inside.State = {}
    for start, since in (
        (middle, middle),  # what was updated at that very time belongs to it
        (late, nothing),
        (early, early),  # back to where nothing was read yet
        (early, nothing),
        (None, times[0]),
        (None, nothing),
    ):
        more = {"start_date": start.isoformat()} if start else {}
        run = inside.sync(api, "bookings", state=state, **settings, **more)
        assert ids(run.records("bookings")) == updated_since(account, since)
        state = run.states[-1]


def updated_since(account: Account, since: datetime) -> list[str]:
    every = account.objects("bookings")
    return ids(row for row in every if moment(row["last_updated_time"]) >= since)


def test_the_lookback_reads_again_from_before_the_bookmark(
    api: Sandbox, account: Account, settings: Row
) -> None:
    state = inside.sync(api, "bookings", **settings).states[-1]
    more = {**settings, "lookback_seconds": 40 * A_DAY}
    run = inside.sync(api, "bookings", state=state, **more)
    since = bookmark(state) - timedelta(days=40) + timedelta(milliseconds=1)
    assert 0 < len(run.records("bookings")) < 100
    assert ids(run.records("bookings")) == updated_since(account, since)
    assert bookmark(run.states[-1]) == bookmark(state)


def test_sms_statuses_are_read_again_for_three_days(
    api: Sandbox, account: Account, settings: Row
) -> None:
    stream = "sms_notifications"
    api.clock.offset_seconds = -100 * 3600.0  # never ahead of this machine's clock
    (watched,) = account.add(stream)
    state: inside.State = {}
    read = []
    changes = ((0, "sent"), (60, "delivered"), (0, "rejected"), (20, "failed"), (0, "sent"))
    for hours, status in changes:
        api.clock.offset_seconds += hours * 3600
        account.add(stream, bool(hours))  # others are sent meanwhile, so the bookmark moves on
        account.edit(stream, watched, status=status)
        run = inside.sync(api, stream, state=state, **settings)
        state = run.states[-1]
        read += [r["status"] for r in run.records(stream) if r["id"] == watched]
    assert read == ["sent", "delivered", "rejected", "failed"]


# --- full tables and what is gone from them


VERSIONED = {"emit_activate_version_messages": True, "page_size": 3}


def test_versions_are_activated_after_the_last_record_and_only_on_demand(api: Sandbox) -> None:
    streams = ("users", AVAILABILITY, "bookings")
    run = inside.sync(api, *streams, **VERSIONED)
    kinds = [(m["type"], m.get("stream")) for m in run.messages]
    plain = inside.sync(api, *streams, page_size=3)
    for stream in streams:
        after = kinds[kinds.index(("ACTIVATE_VERSION", stream)) :]
        assert ("RECORD", stream) not in after
        assert set(plain.versions(stream)) == {("RECORD", None)}


def test_a_child_without_any_parent_is_announced_before_its_version_is(
    api: Sandbox, account: Account
) -> None:
    for key in ids(account.objects("users")):
        account.delete("users", key)
    run = inside.sync(api, AVAILABILITY, **VERSIONED)
    kinds = [m["type"] for m in run.messages if m.get("stream") == AVAILABILITY]
    assert kinds == ["SCHEMA", "ACTIVATE_VERSION"]


def test_what_was_read_without_a_version_is_read_again_before_one_is_activated(
    api: Sandbox, account: Account
) -> None:
    metadata = {"bookings": {"replication-method": "FULL_TABLE"}}
    full, incremental = inside.catalog("bookings", metadata=metadata), inside.catalog("bookings")
    versioned = programs.settings_for(api.url, **VERSIONED)
    plain = versioned | {"emit_activate_version_messages": False}
    for settings, catalog in ((plain, full), (versioned, incremental)):
        warehouse = inside.Warehouse()
        warehouse.load(inside.run(settings, catalog, kill_after=60).messages)
        warehouse.load(inside.run(versioned, full, warehouse.state).messages)
        assert set(warehouse.rows("bookings")) == set(ids(account.objects("bookings")))


@pytest.mark.parametrize(("status", "killed"), [("403", False), ("409", False), ("409", True)])
def test_a_full_pass_that_misses_rows_keeps_those_of_the_one_before(
    api: Sandbox, status: str, *, killed: bool
) -> None:
    warehouse = inside.Warehouse()
    warehouse.load(inside.sync(api, AVAILABILITY, **VERSIONED).messages)
    complete = list(warehouse.rows(AVAILABILITY))
    api.faults.add(status, f"/users/{complete[0]}/scheduling-availability", times=3)

    def kill(message: inside.Message, _: int) -> None:
        if killed and message.get("record", {}).get("user_id") == complete[4]:
            raise inside.KilledError

    for _ in range(2):
        end: inside.End = {"watch": kill}
        lacking = inside.sync(api, AVAILABILITY, state=warehouse.state, end=end, **VERSIONED)
        assert lacking.ended in {"killed", "failed"}
        assert "ACTIVATE_VERSION" not in dict(lacking.versions(AVAILABILITY))
        warehouse.load(lacking.messages)
    for _ in range(2):
        run = inside.sync(api, AVAILABILITY, state=warehouse.state, **VERSIONED)
        warehouse.load(run.messages)
    assert set(warehouse.rows(AVAILABILITY)) == set(complete)
