"""The lines that a person reads while a sync goes on, on a clock of the test's own."""

from __future__ import annotations

import logging
import time
import typing as t
from datetime import datetime, timezone

import pytest

from tap_oncehub.engine.progress import Progress


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
    rest = "24,000 a minute, back to 2019-07-03, 197 requests left"
    assert lines() == [
        f"bookings: 4,000 records, {rest}, may be stopped at any time: the next run resumes",
        f"bookings: 8,000 records, {rest}",
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
    assert [line.count("waiting until 12:00:35 UTC") for line in lines()] == [1]
    clock.now += 10
    progress.report_wait(users, 3, until)
    assert [line.count("waiting until 12:00:35 UTC") for line in lines()] == [1, 1]
    clock.now += 10
    progress.report_wait(users, 0.9, until)
    assert lines()[2:] == ["users: 0 records"], "of a wait under a second nobody needs to know"


def test_a_program_finds_the_figures_beside_the_text(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    progress = begin(left=12)
    users = progress.stats("users")
    progress.count_request(users)
    users.records = 30
    clock.now += 10
    progress.report_wait(users, 35, datetime(2026, 3, 1, 12, 0, 35, tzinfo=timezone.utc))
    assert vars(caplog.records[-1])["progress"] == {
        "stream": "users",
        "records": 30,
        "records_per_minute": 180,
        "back_to": None,
        "requests_left": 12,
        "waiting_until": "2026-03-01T12:00:35+00:00",
    }
    progress.summarize(12)
    assert vars(caplog.records[-1])["run_stats"] == {"requests": 1, "min_requests": 12}


def test_what_the_next_run_needs_is_not_guessed(lines: Lines) -> None:
    progress = begin()
    progress.count_request(progress.stats("users"))
    progress.summarize(None)
    assert lines() == ["users: 0 records, 1 request, 0 s waited"]


def test_notices_name_ten_and_count_the_rest(lines: Lines) -> None:
    progress = begin()
    progress.note("users", "users without a schedule", "USR-1")
    for number in range(1200):
        progress.note("slots", "calendars skipped", f"BKC-{number}")
    progress.summarize(None)
    first, second = lines()
    assert first == "users: users without a schedule: USR-1"
    assert second.startswith("slots: calendars skipped: BKC-0, BKC-1, ")
    assert second.endswith("BKC-9 and 1,190 more")
