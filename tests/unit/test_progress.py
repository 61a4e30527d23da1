"""The lines that a person reads while a sync goes on, on a clock of the test's own."""

from __future__ import annotations

import logging
import re
import time
import typing as t

import pytest

from tap_oncehub import progress
from tap_oncehub.api.rate_limit import RequestLimiter
from tap_oncehub.errors import InterruptedSyncError
from tap_oncehub.progress import Progress, Remarks
from tap_oncehub.signals import Interruption


class Clock:
    """Time passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.naps: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.naps.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock.monotonic)
    monkeypatch.setattr(progress.time, "sleep", clock.sleep)
    return clock


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> t.Callable[[], list[str]]:
    caplog.set_level(logging.INFO)
    return lambda: [record.message for record in caplog.records]


Lines: t.TypeAlias = "t.Callable[[], list[str]]"


def begin() -> Progress:
    return Progress(logging.getLogger("tap"), Interruption())


def test_a_line_every_ten_seconds_of_requests(clock: Clock, lines: Lines) -> None:
    shown = begin()
    bookings = shown.tally("bookings")
    shown.turn_to(bookings)
    for _ in range(101):
        shown.requested(bookings)
        bookings.records += 100
        clock.now += 0.25
    assert lines() == [
        "bookings: 4,000 records, 41 requests, 0 s waited",
        "bookings: 8,000 records, 81 requests, 0 s waited",
    ]


def test_the_line_says_how_far_back_and_how_many_requests_are_left(
    clock: Clock, lines: Lines
) -> None:
    shown = begin()
    shown.limiter = RequestLimiter(0, 200, 300, shown.pause)
    contacts = shown.tally("contacts")
    contacts.back_to = "2019-07-03T10:11:12Z"
    shown.turn_to(contacts)
    clock.now += 10
    for _ in range(3):
        shown.limiter.acquire()
    shown.requested(contacts)
    (line,) = lines()
    assert line == (
        "contacts: 0 records, 1 request, 0 s waited, back to 2019-07-03, "
        "197 requests left in this window"
    )


def test_a_long_wait_is_told_at_once_and_then_every_ten_seconds(clock: Clock, lines: Lines) -> None:
    shown = begin()
    bookings = shown.tally("bookings")
    shown.turn_to(bookings)
    shown.pause(35)
    assert clock.naps == [10, 10, 10, 5]
    assert bookings.waited == 35
    assert len(lines()) == 4
    ends = {line.rpartition(", waiting until ")[2] for line in lines()}
    assert len(ends) == 1
    assert re.fullmatch(r"\d\d:\d\d:\d\d \S+", ends.pop())


def test_short_waits_are_told_every_ten_seconds_too(clock: Clock, lines: Lines) -> None:
    shown = begin()
    bookings = shown.tally("bookings")
    shown.turn_to(bookings)
    for _ in range(13):
        shown.pause(3)
    assert clock.now == 1039
    assert bookings.waited == 39
    assert len(lines()) == 3
    assert all(", waiting until " in line for line in lines())


def test_no_line_for_what_is_quick(clock: Clock, lines: Lines) -> None:
    shown = begin()
    users = shown.tally("users")
    shown.turn_to(users)
    shown.requested(users)
    shown.pause(2)
    assert lines() == []


def test_nothing_is_said_before_there_is_a_stream(clock: Clock, lines: Lines) -> None:
    shown = begin()
    shown.pause(11)
    assert shown.stream == ""
    assert lines() == []


def test_waits_are_put_to_the_account_of_the_stream_that_waits(clock: Clock) -> None:
    shown = begin()
    shown.turn_to(shown.tally("users"))
    shown.pause(1)
    shown.turn_to(shown.tally("teams"))
    assert shown.stream == "teams"
    shown.pause(2)
    assert shown.tally("users").waited == 1
    assert shown.tally("teams").waited == 2


def test_one_line_a_stream_at_the_end(clock: Clock, lines: Lines) -> None:
    shown = begin()
    shown.tally("teams")
    for name, records, seconds in (("bookings", 1234567, 99.6), ("users", 3, 0)):
        tally = shown.tally(name)
        shown.requested(tally)
        tally.records, tally.waited = records, seconds
    shown.summary()
    assert lines() == [
        "bookings: 1,234,567 records, 1 request, 100 s waited",
        "users: 3 records, 1 request, 0 s waited",
    ]


def test_a_signal_ends_a_wait_and_what_was_waited_counts(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = begin()
    bookings = shown.tally("bookings")
    shown.turn_to(bookings)

    def sleep(seconds: float) -> None:
        clock.now += 4
        shown.interruption.handle(15)

    monkeypatch.setattr(progress.time, "sleep", sleep)
    with pytest.raises(InterruptedSyncError):
        shown.pause(60)
    assert bookings.waited == 4


def test_remarks_count_everything_and_name_ten(lines: Lines) -> None:
    remarks = Remarks()
    remarks.add("users", "without a schedule", "USR-1")
    for number in range(1200):
        remarks.add("calendars", "without slots", f"BKC-{number}")
    remarks.tell(logging.getLogger("tap"))
    first, second = lines()
    assert first == "users: without a schedule: 1 (USR-1)"
    assert second.startswith("calendars: without slots: 1200 (BKC-0, BKC-1, ")
    assert second.endswith("BKC-9 and 1,190 more)")
