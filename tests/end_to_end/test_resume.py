"""A sync that is ended at any moment goes on where it was, and loses nothing."""

from __future__ import annotations

import json
import signal
import typing as t
from datetime import datetime, timedelta, timezone

import pytest

from sandbox import Account, Sandbox
from tests.support import inside, kills, programs
from tests.support.programs import pages_of

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

POLICIES = ("400", "404", "start", "empty", "position")
A_DAY = 86400
AVAILABILITY = "user_scheduling_availability"
Row: t.TypeAlias = dict[str, t.Any]


@pytest.fixture
def account() -> Account:
    """Ten pages of bookings, where a page holds ten."""
    return Account(seed=4, bookings=100, contacts=30, sms_notifications=30, nasty=False)


@pytest.fixture
def api(account: Account) -> Iterator[Sandbox]:
    with Sandbox(account, key=programs.KEY) as running:
        yield running


@pytest.fixture
def settings(api: Sandbox) -> dict[str, t.Any]:
    return programs.settings_for(api.url, page_size=10, lookback_seconds=0)


def ids(rows: t.Iterable[Row]) -> list[str]:
    return [row["id"] for row in rows]


def at_page(number: int) -> int:
    """Messages up to the state after a page of ten, overlapping by one, of a first full pass."""
    states_and_schema, new_rows_and_state = 3, 10
    return states_and_schema + number * new_rows_and_state + 1


def position(state: inside.State, stream: str = "bookings") -> list[str]:
    """Give where the latest page ended: the id to ask after, and the one that must come first."""
    positions = (state["bookmarks"][stream]["resume"] or [[]])[-1]
    return t.cast("list[str]", positions[-1][:2] if positions else [])


def bookmark(state: inside.State, stream: str = "bookings") -> datetime:
    """Give the bookmark of a stream whose pass has ended."""
    assert not position(state, stream)
    return moment(state["bookmarks"][stream]["replication_key_value"])


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def written(at: datetime) -> str:
    return at.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# --- the process and its signals


@pytest.mark.parametrize(("number", "status"), [(signal.SIGKILL, -9), (signal.SIGTERM, 143)])
def test_three_kills_at_exact_pages_repeat_nothing(
    tmp_path: Path, api: Sandbox, account: Account, number: signal.Signals, status: int
) -> None:
    settings = programs.settings_for(api.url, page_size=10)
    catalog = inside.catalog("bookings")
    state, rows = None, []
    for pages in (1, 4, 3):
        with kills.holding_back(api, "/bookings", pages) as asked:
            run = kills.end_tap(number, asked, tmp_path, settings, state=state, catalog=catalog)
        assert run.status == status, run.log
        assert run.output.endswith(b"\n")
        assert run.messages[-1]["type"] == "STATE"
        assert len(run.records("bookings")) == 9 * pages + (state is None)
        state = run.state
        rows += run.records("bookings")
    last = programs.run_tap(tmp_path, settings, state=state, catalog=catalog)
    assert last.status == 0, last.log
    assert ids(rows + last.records("bookings")) == ids(account.objects("bookings"))
    assert api.count("/bookings") == pages_of(100, 10) + 3
    assert bookmark(last.state)


@pytest.mark.parametrize(
    ("number", "status", "unbuffered"), [(signal.SIGINT, 130, "1"), (signal.SIGTERM, 143, "")]
)
def test_a_signal_lets_the_tap_finish_the_record_and_write_the_state(
    tmp_path: Path, number: signal.Signals, status: int, unbuffered: str
) -> None:
    account = Account(seed=4, bookings=200)
    with Sandbox(account, key=programs.KEY) as api:
        settings = programs.settings_for(api.url)
        catalog = inside.catalog("bookings")
        env = {"PYTHONUNBUFFERED": unbuffered}
        run = kills.end_tap(number, None, tmp_path, settings, env, catalog=catalog)
        assert run.status == status, run.log
        assert run.output.endswith(b"\n")
        assert 0 < len(run.records("bookings")) < 200
        assert run.state
        assert "the next run resumes from the last state" in run.log
        assert not run.errors
        rest = programs.run_tap(tmp_path, settings, state=run.state, catalog=catalog)
        read = run.records("bookings") + rest.records("bookings")
        assert set(ids(read)) == set(ids(account.objects("bookings")))
        assert len(read) < 200 + 100
        assert api.count("/bookings") <= 3 + 1


# --- any moment at all


def test_a_kill_after_any_message_repeats_at_most_a_page(
    api: Sandbox, account: Account, settings: dict[str, t.Any]
) -> None:
    catalog = inside.catalog("contacts")
    objects = ids(account.objects("contacts"))
    last = len(inside.run(settings, catalog).messages)
    for moment_of_death in range(1, last):
        api.reset_log()
        first = inside.run(settings, catalog, kill_after=moment_of_death)
        assert first.ended == "killed"
        state = first.states[-1] if first.states else None
        second = inside.run(settings, catalog, state)
        read = ids(first.records("contacts") + second.records("contacts"))
        assert set(read) == set(objects)
        assert len(read) <= 30 + 10
        # Where the last, full page was all, a resumed run goes back a page to be sure.
        assert api.count("/contacts") <= 4 + 2


def test_a_state_follows_every_page_and_stays_small() -> None:
    account = Account(seed=1, bookings=3000, nasty=False)
    with Sandbox(account, key=programs.KEY) as api:
        settings = programs.settings_for(api.url)
        run = inside.run(settings, inside.catalog("bookings", "contacts"))
    assert run.ended == "well"
    since = 0
    for message in run.messages:
        since = 0 if message["type"] == "STATE" else since + (message["type"] == "RECORD")
        assert since <= 100
    assert len(run.states) >= (3000 + 1500) // 100
    assert max(len(json.dumps(state)) for state in run.states) < 4096


# --- the bookmark at the end of a pass


@pytest.mark.parametrize("ahead", [-2 * A_DAY, 0, 2 * A_DAY])
def test_the_bookmark_is_from_when_the_pass_began_on_the_servers_clock(
    api: Sandbox, account: Account, settings: dict[str, t.Any], ahead: int
) -> None:
    api.clock.offset_seconds = ahead
    catalog = inside.catalog("bookings")
    objects = ids(account.objects("bookings"))
    servers = datetime.fromtimestamp(api.clock.time(), timezone.utc)
    began = min(servers, datetime.now(timezone.utc))
    first = inside.run(settings, catalog, kill_after=at_page(3))
    api.clock.offset_seconds += 3600
    behind = account.edit("bookings", objects[5], subject="edited behind the cursor")
    account.edit("bookings", objects[95], subject="edited before the cursor")
    added = account.add("bookings")
    second = inside.run(settings, catalog, first.states[-1], kill_after=at_page(3) - 2)
    api.clock.offset_seconds += 3600
    third = inside.run(settings, catalog, second.states[-1])
    end = bookmark(third.states[-1])
    # The earlier clock; as exact as the header Date, which has whole seconds.
    assert began - timedelta(seconds=30) < end <= began
    assert {*added, behind}.isdisjoint(ids(third.records("bookings")))
    fourth = inside.run(settings, catalog, third.states[-1])
    assert {*added, behind} <= set(ids(fourth.records("bookings")))
    assert api.count("/bookings") == pages_of(100, 10) + 1


def test_more_than_a_page_updated_at_one_and_the_same_time(
    api: Sandbox, account: Account, settings: dict[str, t.Any]
) -> None:
    catalog = inside.catalog("bookings")
    first = inside.run(settings, catalog)
    same = written(bookmark(first.states[-1]) + timedelta(minutes=1))
    chosen = ids(account.objects("bookings"))[20:55]
    for key in chosen:
        account.edit("bookings", key, last_updated_time=same)
    api.clock.offset_seconds += 7200
    before = api.count("/bookings")
    killed = inside.run(settings, catalog, first.states[-1], kill_after=at_page(2) - 1)
    rest = inside.run(settings, catalog, killed.states[-1])
    assert ids(killed.records("bookings") + rest.records("bookings")) == chosen
    assert api.count("/bookings") == before + pages_of(35, 10)
    assert bookmark(rest.states[-1]) == moment(same)


# --- cursors whose objects are gone


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("gone", [slice(53, 55), slice(55, 100), slice(54), slice(99), slice(100)])
def test_objects_about_the_cursor_are_deleted(account: Account, policy: str, gone: slice) -> None:
    catalog = inside.catalog("bookings")
    with Sandbox(account, key=programs.KEY, deleted_cursor=policy) as api:
        settings = programs.settings_for(api.url, page_size=10)
        first = inside.run(settings, catalog, kill_after=at_page(6))
        objects = ids(account.objects("bookings"))
        assert position(first.states[-1]) == objects[53:55]
        for key in objects[gone]:
            account.delete("bookings", key)
        second = inside.run(settings, catalog, first.states[-1])
        assert second.ended == "well"
        read = ids(first.records("bookings") + second.records("bookings"))
        assert set(ids(account.objects("bookings"))) <= set(read)
        assert bookmark(second.states[-1])
        cursors_and_first_pages = 3 * 2  # one, two, then three positions back
        assert api.count("/bookings") <= 6 + cursors_and_first_pages + pages_of(100, 10)


# --- settings and states that change


def read_since(
    run: inside.InsideRun, account: Account, since: datetime | None, stream: str = "bookings"
) -> None:
    """Check that a run read what was updated since, and nothing else."""
    key = "creation_time" if stream == "sms_notifications" else "last_updated_time"
    expected = [
        row["id"] for row in account.objects(stream) if since is None or moment(row[key]) >= since
    ]
    assert ids(run.records(stream)) == expected


def test_a_start_date_moved_later_earlier_and_away(
    account: Account, settings: dict[str, t.Any]
) -> None:
    catalog = inside.catalog("bookings")
    times = sorted(moment(row["last_updated_time"]) for row in account.objects("bookings"))
    early, middle, late = times[20], times[50], times[80]
    state: inside.State = {}
    for start, since in (
        (middle, middle),  # what was updated at that very time belongs to it
        (late, times[-1] + timedelta(seconds=1)),  # nothing new
        (early, early),  # back to where nothing was read yet
        (early, times[-1] + timedelta(seconds=1)),
        (None, None),
        (None, times[-1] + timedelta(seconds=1)),
    ):
        more = {"start_date": written(start)} if start else {}
        run = inside.run(settings | more, catalog, state)
        read_since(run, account, since)
        state = run.states[-1]


def test_the_lookback_reads_again_from_before_the_bookmark(
    account: Account, settings: dict[str, t.Any]
) -> None:
    catalog = inside.catalog("bookings")
    state = inside.run(settings, catalog).states[-1]
    run = inside.run(settings | {"lookback_seconds": 40 * A_DAY}, catalog, state)
    read_since(run, account, bookmark(state) - timedelta(days=40) + timedelta(milliseconds=1))
    assert bookmark(run.states[-1]) == bookmark(state)


def test_sms_statuses_are_read_again_for_three_days(
    api: Sandbox, account: Account, settings: dict[str, t.Any]
) -> None:
    catalog = inside.catalog("sms_notifications")
    api.clock.offset_seconds = -100 * 3600.0  # never ahead of this machine's clock
    (watched,) = account.add("sms_notifications")
    state: inside.State = {}
    read = []
    for hours, status in (
        (0, "sent"),
        (60, "delivered"),
        (0, "rejected"),
        (20, "failed"),
        (0, "sent"),
    ):
        if hours:
            # Others are sent meanwhile, so the bookmark moves on.
            api.clock.offset_seconds += hours * 3600
            account.add("sms_notifications")
        account.edit("sms_notifications", watched, status=status)
        run = inside.run(settings, catalog, state)
        state = run.states[-1]
        read += [r["status"] for r in run.records("sms_notifications") if r["id"] == watched]
    assert read == ["sent", "delivered", "rejected", "failed"]


# --- full tables and what is gone from them


def versions(run: inside.InsideRun, stream: str) -> set[tuple[str, int | None]]:
    return set(run.versions(stream))


@pytest.fixture
def versioned(settings: dict[str, t.Any]) -> dict[str, t.Any]:
    return settings | {"emit_activate_version_messages": True, "page_size": 3}


def test_a_full_pass_over_two_runs_has_one_version_activated_at_its_end(
    versioned: dict[str, t.Any],
) -> None:
    streams = ("users", AVAILABILITY)
    catalog = inside.catalog(*streams)
    whole = inside.run(versioned, catalog)
    complete = inside.Warehouse()
    complete.load(whole.messages)
    for moment_of_death in range(3, len(whole.messages)):
        warehouse = inside.Warehouse()
        first = inside.run(versioned, catalog, kill_after=moment_of_death)
        warehouse.load(first.messages)
        second = inside.run(versioned, catalog, warehouse.state)
        warehouse.load(second.messages)
        for stream in streams:
            kinds = [kind for kind, _ in first.versions(stream) + second.versions(stream)]
            numbers = {number for _, number in versions(first, stream) | versions(second, stream)}
            if position(first.states[-1], stream):  # it goes on
                assert len(numbers) == 1
            assert kinds[-1] == "ACTIVATE_VERSION"
            assert warehouse.rows(stream).keys() == complete.rows(stream).keys()


def test_versions_are_activated_after_the_last_record_and_only_on_demand(
    versioned: dict[str, t.Any],
) -> None:
    streams = ("users", AVAILABILITY, "bookings")
    catalog = inside.catalog(*streams)
    run = inside.run(versioned, catalog)
    kinds = [(m["type"], m.get("stream")) for m in run.messages]
    for stream in streams:
        after = kinds[kinds.index(("ACTIVATE_VERSION", stream)) :]
        assert ("RECORD", stream) not in after
    plain = inside.run(versioned | {"emit_activate_version_messages": False}, catalog)
    for stream in streams:
        assert versions(plain, stream) == {("RECORD", None)}


def test_a_child_without_any_parent_is_announced_before_its_version_is(
    account: Account, versioned: dict[str, t.Any]
) -> None:
    for key in ids(account.objects("users")):
        account.delete("users", key)
    run = inside.run(versioned, inside.catalog(AVAILABILITY))
    kinds = [m["type"] for m in run.messages if m.get("stream") == AVAILABILITY]
    assert kinds == ["SCHEMA", "ACTIVATE_VERSION"]


def test_what_was_read_without_a_version_is_read_again_before_one_is_activated(
    account: Account, versioned: dict[str, t.Any]
) -> None:
    metadata = {"bookings": {"replication-method": "FULL_TABLE"}}
    full, incremental = inside.catalog("bookings", metadata=metadata), inside.catalog("bookings")
    plain = versioned | {"emit_activate_version_messages": False}
    for settings, catalog in ((plain, full), (versioned, incremental)):
        warehouse = inside.Warehouse()
        first = inside.run(settings, catalog, kill_after=60)
        assert position(first.states[-1])
        warehouse.load(first.messages)
        warehouse.load(inside.run(versioned, full, warehouse.state).messages)
        assert set(warehouse.rows("bookings")) == set(ids(account.objects("bookings")))


# --- streams that are read object by object


def test_a_kill_among_calendars_repeats_at_most_a_page_of_them() -> None:
    account = Account(seed=4, bookings=10, booking_calendars=7, nasty=False)
    catalog = inside.catalog("booking_calendar_time_slots")
    ranges, size = 2, 3
    with Sandbox(account, key=programs.KEY) as api:
        settings = programs.settings_for(api.url, page_size=size, time_slots_days=31)
        whole = inside.run(settings, catalog)
        needed = slots_asked(api)
        for calendar in ids(account.objects("booking_calendars")):

            def end(message: inside.Message, _: int, calendar: str = calendar) -> None:
                if message.get("record", {}).get("booking_calendar_id") == calendar:
                    raise inside.KilledError

            api.reset_log()
            first = inside.run(settings, catalog, watch=end)
            second = inside.run(settings, catalog, first.states[-1])
            assert set(slot_keys(first)) | set(slot_keys(second)) >= set(slot_keys(whole))
            if first.ended == "killed":  # some calendars have no slots
                assert slots_asked(api) <= needed + size * ranges


def slots_asked(api: Sandbox) -> int:
    return sum(entry.api_path.endswith("/time-slots") for entry in api.log)


def slot_keys(run: inside.InsideRun) -> list[tuple[str, str]]:
    # Only days that all runs ask for: each begins at its own moment.
    rows = run.records("booking_calendar_time_slots")
    soon = written(datetime.now(timezone.utc) + timedelta(hours=1))
    late = written(datetime.now(timezone.utc) + timedelta(days=30))
    return [
        (row["booking_calendar_id"], row["start_time"])
        for row in rows
        if soon < row["start_time"] < late
    ]


@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize("status", ["403", "409"])
def test_a_full_pass_that_misses_rows_keeps_those_of_the_one_before(
    api: Sandbox, versioned: dict[str, t.Any], status: str, *, killed: bool
) -> None:
    catalog = inside.catalog(AVAILABILITY)
    warehouse = inside.Warehouse()
    warehouse.load(inside.run(versioned, catalog).messages)
    complete = list(warehouse.rows(AVAILABILITY))
    api.faults.add(status, f"/users/{complete[0]}/scheduling-availability", times=3)

    def kill(message: inside.Message, _: int) -> None:
        if killed and message.get("record", {}).get("user_id") == complete[4]:
            raise inside.KilledError

    for _ in range(2):
        lacking = inside.run(versioned, catalog, warehouse.state, watch=kill)
        assert lacking.ended in {"killed", "failed"}
        assert "ACTIVATE_VERSION" not in dict(lacking.versions(AVAILABILITY))
        warehouse.load(lacking.messages)
    for _ in range(2):
        warehouse.load(inside.run(versioned, catalog, warehouse.state).messages)
    assert set(warehouse.rows(AVAILABILITY)) == set(complete)
