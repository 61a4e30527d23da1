"""The lines that a person reads while a sync goes on, on a clock of the test's own."""

from __future__ import annotations

import logging
import time
import typing as t
from datetime import datetime, timezone

import pytest

from tap_oncehub.engine.progress import Notices, Progress


class Clock:
    """Time passes only when somebody sleeps."""

    now = 1000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", lambda: clock.now)
    return clock


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> t.Callable[[], list[str]]:
    caplog.set_level(logging.INFO)
    return lambda: [record.message for record in caplog.records]


Lines: t.TypeAlias = "t.Callable[[], list[str]]"


def begin(left: int | None = None) -> Progress:
    return Progress(logging.getLogger("tap"), lambda: left)


def test_a_line_every_ten_seconds_of_requests(clock: Clock, lines: Lines) -> None:
    progress = begin(left=197)
    bookings = progress.stats("bookings")
    for _ in range(101):
        progress.count_request(bookings)
        bookings.records += 100
        bookings.back_to = "2019-07-03T10:11:12Z"
        clock.now += 0.25
    rest = "0 s waited, back to 2019-07-03, 197 requests left in this window"
    assert lines() == [
        f"bookings: 4,000 records, 41 requests, {rest}",
        f"bookings: 8,000 records, 81 requests, {rest}",
    ]


def test_a_long_wait_is_reported_and_a_short_one_when_a_report_is_due(
    clock: Clock, lines: Lines
) -> None:
    progress = begin()
    users = progress.stats("users")
    until = datetime(2026, 3, 1, 12, 0, 35, tzinfo=timezone.utc)
    progress.report_wait(users, 3, until)
    assert lines() == []
    progress.report_wait(users, 35, until)
    assert lines() == ["users: 0 records, 0 requests, 0 s waited, waiting until 12:00:35 UTC"]
    clock.now += 10
    progress.report_wait(users, 3, until)
    assert len(lines()) == 2


def test_notices_count_everything_and_name_ten(lines: Lines) -> None:
    notices = Notices()
    notices.add("users", "users without a schedule", "USR-1")
    for number in range(1200):
        notices.add("slots", "calendars skipped", f"BKC-{number}")
    notices.log(logging.getLogger("tap"))
    first, second = lines()
    assert first == "users: 1 users without a schedule (USR-1)"
    assert second.startswith("slots: 1200 calendars skipped (BKC-0, BKC-1, ")
    assert second.endswith("BKC-9 and 1,190 more)")
