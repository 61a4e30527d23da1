"""Bookmarks: where the next pass starts, and which states are refused."""

from __future__ import annotations

import typing as t
from datetime import datetime, timedelta, timezone

import pytest

from tap_oncehub.engine.errors import SettingsError
from tap_oncehub.state.bookmark import Bookmark, check_state

State: t.TypeAlias = "dict[str, t.Any]"
KEY = "last_updated_time"


def bookmark(state: State, start_date: str | None = None, lookback: float = 0) -> Bookmark:
    return Bookmark(state, KEY, start_date, timedelta(seconds=lookback))


def utc(*date: int) -> datetime:
    return datetime(*date, tzinfo=timezone.utc)  # type: ignore[misc,arg-type]


def just_before(year: int, month: int, day: int) -> datetime:
    """Give the filter, which is strict, that includes what was updated at a date itself."""
    return utc(year, month, day) - timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("value", "start_date", "lookback", "start"),
    [
        (None, None, 300, None),
        (None, "2026-01-01T00:00:00Z", 300, just_before(2026, 1, 1)),
        ("2026-04-01T00:00:00Z", None, 0, utc(2026, 4, 1)),
        ("2026-04-01T00:00:00Z", None, 300, utc(2026, 3, 31, 23, 55)),
        ("2026-04-01T02:00:00+02:00", None, 0, utc(2026, 4, 1)),
        ("2026-04-01", None, 0, utc(2026, 4, 1)),
        ("0001-01-01T00:00:00Z", None, 300, utc(1, 1, 1)),
        # not before start_date
        ("2026-01-01T00:01:00Z", "2026-01-01", 300, just_before(2026, 1, 1)),
        ("2025-06-01T00:00:00Z", "2026-01-01", 0, just_before(2026, 1, 1)),
    ],
)
def test_where_a_pass_starts(
    value: str | None, start_date: str | None, lookback: float, start: datetime | None
) -> None:
    state = {"replication_key_value": value} if value else {}

    assert bookmark(state, start_date, lookback).start == start


@pytest.mark.parametrize(
    ("before", "now", "start"),
    [
        # as it was
        ([None], None, utc(2026, 4, 1)),
        (["2026-01-01"], "2026-01-01T01:00:00+01:00", utc(2026, 4, 1)),
        # later: nothing new is wanted
        (["2026-01-01"], "2026-02-01", utc(2026, 4, 1)),
        ([None], "2026-02-01", utc(2026, 4, 1)),
        # later than the bookmark
        (["2026-01-01"], "2026-04-15", just_before(2026, 4, 15)),
        # earlier, or removed: what lies before was never read
        (["2026-01-01"], "2025-01-01", just_before(2025, 1, 1)),
        (["2026-01-01"], None, None),
        # and is read once
        (["2026-01-01", "2025-01-01"], "2025-01-01", utc(2026, 4, 1)),
        (["2026-01-01", None], "2025-01-01", utc(2026, 4, 1)),
        (["2025-01-01", "2026-01-01"], "2025-01-01", utc(2026, 4, 1)),
        # what a start_date beyond the bookmark skipped was not
        (["2026-01-01", "2026-05-01"], "2026-01-01", just_before(2026, 1, 1)),
    ],
)
def test_a_start_date_may_change(
    before: list[str | None], now: str | None, start: datetime | None
) -> None:
    state: State = {}
    for start_date in before:
        bookmark(state, start_date).advance("2026-04-01T00:00:00Z", "2026-04-03T00:00:00Z")

    assert bookmark(state, now).start == start


def test_a_bookmark_moves_forward_only_and_not_past_the_start_of_the_pass() -> None:
    state: State = {}
    bookmark(state).advance("2026-03-01T00:00:00.500Z", "2026-03-01T00:00:00Z")
    assert state["replication_key_value"] == "2026-03-01T00:00:00Z"
    bookmark(state).advance("2026-01-01T00:00:00Z", "2026-04-01T00:00:00Z")
    assert state["replication_key_value"] == "2026-03-01T00:00:00Z"


def test_a_bookmark_of_another_key_does_not_count() -> None:
    state = {"replication_key": "creation_time", "replication_key_value": "2026-02-01T00:00:00Z"}
    assert bookmark(state).start is None


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"bookmarks": {}},
        {"bookmarks": {"bookings": {}}},
        {"bookmarks": {"bookings": {"replication_key_value": "2026-01-31"}}},
        {"bookmarks": {"bookings": {"replication_key_value": None, "start_date": None}}},
        {"bookmarks": {"users": {"replication_key_value": 5}}},
        {"bookmarks": {"of_another_tap": {"replication_key_value": "x"}}},
    ],
)
def test_a_usable_state_is_accepted(state: State) -> None:
    check_state(state, ["bookings"])


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ([], "bookmarks"),
        ("text", "bookmarks"),
        (None, "bookmarks"),
        ({"bookmarks": []}, "bookmarks"),
        ({"bookmarks": {"bookings": []}}, "bookings"),
        ({"bookmarks": {"bookings": "2026-01-31"}}, "bookings"),
        ({"bookmarks": {"bookings": {"replication_key_value": "soon"}}}, "replication_key_value"),
        ({"bookmarks": {"bookings": {"replication_key_value": 1767225600}}}, "bookings"),
        ({"bookmarks": {"bookings": {"start_date": "soon"}}}, "start_date"),
    ],
)
def test_an_unusable_state_is_refused_with_its_place(state: t.Any, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        check_state(state, ["bookings"])
