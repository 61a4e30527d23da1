"""A sync that is ended at any moment goes on where it was, and loses nothing."""

import signal
import subprocess
import time
import typing as t
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from sandbox import Account, Sandbox
from tests.support import inside, kills, programs

A_DAY = 86400
PAGES = {"page_size": 10, "lookback_seconds": 0}
Rows: t.TypeAlias = t.Iterable[dict[str, t.Any]]


def ids(rows: Rows) -> list[str]:
    return [row["id"] for row in rows]


def bookmark(state: inside.State, stream: str = "bookings") -> datetime:
    return moment(state["bookmarks"][stream]["replication_key_value"])


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def updated_since(account: Account, since: datetime) -> list[str]:
    every = account.objects("bookings")
    return ids(row for row in every if moment(row["last_updated_time"]) >= since)


# --- the process and its signals


@contextmanager
def stuck(folder: Path, api: Sandbox, **env: str) -> Iterator[subprocess.Popen[bytes]]:
    """The tap, when nobody reads what it writes."""
    settings, catalog = programs.settings_for(api.url), inside.catalog("bookings")
    command = programs.tap_command(folder, settings, catalog=catalog)
    made = programs.environment(**env)
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=made) as tap,
    ):
        kills.wait_until_full(tap.stdout, tap)
        yield tap


@pytest.mark.parametrize(
    ("number", "status", "unbuffered"), [(signal.SIGINT, 130, "1"), (signal.SIGTERM, 143, "")]
)
def test_a_signal_lets_the_tap_finish_the_record_and_write_the_state(
    tmp_path: Path, number: signal.Signals, status: int, unbuffered: str
) -> None:
    account = Account(seed=4, bookings=200)
    with Sandbox(account, key=programs.KEY) as api:
        with stuck(tmp_path, api, PYTHONUNBUFFERED=unbuffered) as tap:
            tap.send_signal(number)
            output = tap.stdout.read()
        run = programs.Run(tap.returncode, output, (tmp_path / "log").read_text())
        assert run.status == status, run.log
        assert run.output.endswith(b"\n")
        assert 0 < len(run.records("bookings")) < 100  # less than a page: between two records
        assert "the next run resumes from the last state" in run.log
        assert not run.errors
        rest = inside.sync(api, "bookings", state=run.state)
    read = run.records("bookings") + rest.records("bookings")
    assert set(ids(read)) == set(ids(account.objects("bookings")))
    assert len(read) < 200 + 100


def test_a_second_signal_ends_at_once_even_if_nobody_reads(tmp_path: Path, api: Sandbox) -> None:
    with stuck(tmp_path, api) as tap:
        tap.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert tap.poll() is None
        tap.send_signal(signal.SIGTERM)
        assert tap.wait(10) == 128 + signal.SIGTERM


def test_a_kill_after_any_message_repeats_what_no_state_tells(
    api: Sandbox, account: Account
) -> None:
    whole = inside.sync(api, "contacts", page_size=5)
    requests, since = api.count("/contacts"), 0
    for number, message in enumerate(whole.messages[:-1], start=1):
        since = 0 if message["type"] == "STATE" else since + (message["type"] == "RECORD")
        assert since <= 5
        loaded = inside.Warehouse()
        api.reset_log()
        first = loaded.sync(api, "contacts", page_size=5, kill_after=number)
        second = loaded.sync(api, "contacts", page_size=5)
        assert (first.ended, second.ended) == ("killed", "well")
        read = ids(first.records("contacts") + second.records("contacts"))
        assert set(read) == set(ids(account.objects("contacts")))
        assert len(read) == len(account.objects("contacts")) + since
        assert api.count("/contacts") <= requests + 1


# --- the bookmark at the end of a pass


def test_a_bookmark_later_than_now_is_not_believed(
    api: Sandbox, account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    later = (datetime.now(timezone.utc) + timedelta(days=2)).isoformat()
    loaded = inside.Warehouse(state={"bookmarks": {"bookings": {"replication_key_value": later}}})
    loaded.sync(api, "bookings")
    assert "later than now" in caplog.text
    caplog.clear()
    again = loaded.sync(api, "bookings")
    assert loaded.rows("bookings").keys() == set(ids(account.objects("bookings")))
    assert "later than now" not in caplog.text
    assert len(again.records("bookings")) < 50


def test_a_start_date_moved_later_earlier_and_away(api: Sandbox, account: Account) -> None:
    times = sorted(moment(row["last_updated_time"]) for row in account.objects("bookings"))
    early, middle, late, nothing = times[20], times[50], times[80], times[-1] + timedelta(days=9999)
    loaded = inside.Warehouse()
    for start, since in (
        (middle, middle),  # what was updated at that very time belongs to it
        (late, nothing),
        (early, early),  # back to where nothing was read yet
        (early, nothing),
        (None, times[0]),
        (None, nothing),
    ):
        more = {"start_date": start.isoformat()} if start else {}
        run = loaded.sync(api, "bookings", **PAGES, **more)
        assert ids(run.records("bookings")) == updated_since(account, since)


def test_the_lookback_reads_again_from_before_the_bookmark(api: Sandbox, account: Account) -> None:
    state = inside.sync(api, "bookings", **PAGES).state
    more = PAGES | {"lookback_seconds": 40 * A_DAY}
    run = inside.sync(api, "bookings", state=state, **more)
    since = bookmark(state) - timedelta(days=40) + timedelta(milliseconds=1)
    assert 0 < len(run.records("bookings")) < 100
    assert ids(run.records("bookings")) == updated_since(account, since)
    assert bookmark(run.state) == bookmark(state)


def test_sms_statuses_are_read_again_for_three_days(api: Sandbox, account: Account) -> None:
    stream = "sms_notifications"
    api.clock.offset_seconds = -100 * 3600.0  # never ahead of this machine's clock
    (watched,) = account.add(stream)
    loaded, read = inside.Warehouse(), []
    changes = ((0, "sent"), (60, "delivered"), (0, "rejected"), (20, "failed"), (0, "sent"))
    for hours, status in changes:
        api.clock.offset_seconds += hours * 3600
        account.add(stream, bool(hours))  # others are sent meanwhile, so the bookmark moves on
        account.edit(stream, watched, status=status)
        run = loaded.sync(api, stream, **PAGES)
        read += [r["status"] for r in run.records(stream) if r["id"] == watched]
    assert read == ["sent", "delivered", "rejected", "failed"]


def test_the_state_of_another_account_is_refused(tmp_path: Path, api: Sandbox) -> None:
    # What every version of the tap has written for this one.
    state = {"bookmarks": {"test_auth": {"account": "8cc7b95ec037af82"}}}
    assert inside.sync(api, "bookings", state=state).ended == "well"
    state["bookmarks"]["test_auth"]["account"] = "0123456789abcdef"
    api.reset_log()
    run = inside.spawn(tmp_path, api, "bookings", state=state)
    assert (run.status, len(api.log), run.records("bookings")) == (1, 1, [])
    assert run.errors[-1].endswith("remove test_auth from the state.")
