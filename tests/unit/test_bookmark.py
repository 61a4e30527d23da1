"""Bookmarks: where the next pass starts, and which states are refused."""

from __future__ import annotations

import typing as t
from datetime import datetime, timedelta, timezone

import pytest

from tap_oncehub.errors import SettingsError
from tap_oncehub.state.bookmark import Bookmark, check_state

State: t.TypeAlias = "dict[str, t.Any]"
KEY = "last_updated_time"


def bookmark(state: State, start_date: str | None = None, lookback: float = 0) -> Bookmark:
    return Bookmark(state, KEY, start_date, timedelta(seconds=lookback))


def utc(*date: int) -> datetime:
    return datetime(*date, tzinfo=timezone.utc)  # type: ignore[misc,arg-type]


def test_without_a_bookmark_everything_from_start_date_is_wanted() -> None:
    assert bookmark({}).start is None
    # The filter is strict, and start_date itself is included.
    start = bookmark({}, "2026-01-01T00:00:00Z").start
    assert start == utc(2026, 1, 1) - timedelta(milliseconds=1)


def test_a_pass_starts_behind_the_bookmark_but_not_before_start_date() -> None:
    state = {"replication_key_value": "2026-02-01T00:00:00Z"}
    assert bookmark(state, lookback=60).start == utc(2026, 2, 1) - timedelta(seconds=60)
    assert bookmark(state, "2026-01-31T23:59:30Z", lookback=60).start == utc(
        2026, 1, 31, 23, 59, 29, 999000
    )


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
