import copy
import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tap_oncehub.api.pagination import Position
from tap_oncehub.state.checkpoint import CURSORS_KEPT, SyncPass
from tap_oncehub.times import parse_time

KEY = "last_updated_time"
BEGAN = datetime(2026, 5, 1, 12, tzinfo=timezone.utc)
LATER = BEGAN + timedelta(hours=3)

State = dict[str, Any]


def incremental(state: State, start_date: str | None = None, lookback: float = 0) -> SyncPass:
    return SyncPass(
        {"bookings": state},
        replication_key=KEY,
        start_date=start_date,
        lookback=timedelta(seconds=lookback),
    )


def cursor_of(sync_pass: SyncPass) -> str | None:
    return sync_pass.position.after if sync_pass.position else None


def bookmark(value: str, **more: Any) -> State:
    return {"replication_key": KEY, "replication_key_value": value, **more}


def kill(state: State) -> State:
    """Give what the last STATE message holds."""
    return json.loads(json.dumps(copy.deepcopy(state)))  # type: ignore[no-any-return]


def run(
    state: State, *values: str, start_date: str | None = None, began: datetime = BEGAN
) -> SyncPass:
    """Read a list to its end, in one page."""
    position = incremental(state, start_date)
    position.mark_started(began)
    position.commit_page(Position("X-1"), values)
    position.finish()
    return position


def killed(state: State, *cursors: str, began: datetime = BEGAN, **options: Any) -> State:
    """Begin a pass and kill it after some pages."""
    position = incremental(state, **options)
    position.mark_started(began)
    for cursor in cursors:
        position.commit_page(Position(cursor), [f"2026-04-0{cursor[-1]}T00:00:00Z"])
    return kill(state)


# --- the first pass


def test_a_first_pass_reads_everything_from_the_start() -> None:
    position = incremental({})

    assert (position.since, cursor_of(position), position.resumed) == (None, None, False)
    assert position.rejected_because is None


def test_a_pass_that_has_no_page_behind_it_leaves_no_trace() -> None:
    state: State = {}

    incremental(state).mark_started(BEGAN)

    assert state == {}


def test_the_end_of_a_pass_leaves_a_plain_singer_bookmark() -> None:
    state: State = {}

    run(state, "2026-04-01T00:00:00.250Z", "2026-03-01T00:00:00Z")

    assert state == bookmark("2026-04-01T00:00:00.250Z", start_date=None)


def test_an_empty_list_leaves_no_bookmark() -> None:
    state: State = {}

    run(state)

    assert "checkpoint" not in state
    assert "replication_key_value" not in state


@pytest.mark.parametrize("values", [[None, "", "soon", 5, {"a": 1}], []])
def test_values_that_are_no_times_are_passed_over(values: list[Any]) -> None:
    state: State = {}

    run(state, "2026-04-01T00:00:00Z", *values)

    assert state["replication_key_value"] == "2026-04-01T00:00:00Z"


# --- killed and resumed


def test_a_killed_pass_goes_on_from_its_last_page() -> None:
    state = killed({}, "B-1", "B-2", "B-3")

    position = incremental(state)

    assert (cursor_of(position), position.since, position.resumed) == ("B-3", None, True)
    assert position.rejected_because is None


def test_a_pass_keeps_its_version_filter_and_start_over_all_its_runs() -> None:
    state = bookmark("2026-03-01T00:00:00Z")
    first = incremental(state, lookback=60)
    first.mark_started(BEGAN)
    first.commit_page(Position("B-1"), ["2026-04-01T00:00:00Z"])
    second = incremental(kill(state), lookback=60)
    second.mark_started(LATER)
    second.commit_page(Position("B-2"), [])
    third = incremental(kill(second._holder), lookback=60)

    assert first.since == second.since == third.since == "2026-02-28T23:59:00.000Z"
    assert first.version == second.version == third.version
    assert cursor_of(third) == "B-2"


def test_the_bookmark_is_the_newest_value_of_all_runs() -> None:
    state = killed({}, "B-9", "B-1")

    run(state, "2026-04-05T00:00:00Z", began=LATER)

    assert state["replication_key_value"] == "2026-04-09T00:00:00Z"


def test_the_bookmark_is_never_later_than_the_first_runs_beginning() -> None:
    state = killed({}, "B-1", began=BEGAN)

    run(state, "2026-05-01T14:00:00Z", began=LATER)

    assert state["replication_key_value"] == "2026-05-01T12:00:00.000Z"


def test_a_bookmark_that_lay_in_the_future_comes_back() -> None:
    state = bookmark("2099-01-01T00:00:00Z")

    run(state)

    assert state["replication_key_value"] == "2026-05-01T12:00:00.000Z"


def test_the_first_answer_of_a_pass_says_when_it_began() -> None:
    state: State = {}
    position = incremental(state)
    position.mark_started(BEGAN)
    position.mark_started(LATER)
    position.commit_page(Position("B-1"), ["2099-01-01T00:00:00Z"])

    position.finish()

    assert state["replication_key_value"] == "2026-05-01T12:00:00.000Z"


def test_values_seen_on_the_last_page_count() -> None:
    state: State = {}
    position = incremental(state)
    position.mark_started(BEGAN)
    position.commit_page(Position("B-1"), ["2026-04-01T00:00:00Z"])
    position.observe(["2026-04-02T00:00:00Z"])

    position.finish()

    assert state["replication_key_value"] == "2026-04-02T00:00:00Z"


def test_killing_again_and_again_ends_as_one_run_does() -> None:
    state: State = {}
    for number in range(9):
        position = incremental(state)
        assert cursor_of(position) == (f"B-{number - 1}" if number else None)
        position.mark_started(BEGAN + timedelta(minutes=number))
        position.commit_page(Position(f"B-{number}"), [f"2026-04-0{9 - number}T00:00:00Z"])
        state = kill(state)

    run(state, began=LATER)

    assert state == bookmark("2026-04-09T00:00:00Z", start_date=None)


@pytest.mark.parametrize(
    ("values", "newest"),
    [
        (["2026-04-01T00:00:00Z", "2026-04-01T00:00:00.500Z"], "2026-04-01T00:00:00.500Z"),
        (["2026-04-01T00:00:00.500Z", "2026-04-01T00:00:00Z"], "2026-04-01T00:00:00.500Z"),
        (["2026-04-01T05:00:00+09:00", "2026-04-01T00:00:00Z"], "2026-04-01T00:00:00Z"),
        (["2026-03-31T22:00:00-05:00", "2026-04-01T00:00:00Z"], "2026-03-31T22:00:00-05:00"),
    ],
)
def test_times_are_compared_as_times(values: list[str], newest: str) -> None:
    state: State = {}

    run(state, *values)

    assert parse_time(state["replication_key_value"]) == parse_time(newest)


def test_an_older_value_does_not_move_the_bookmark_back() -> None:
    state = bookmark("2026-04-01T00:00:00.500Z")

    run(state, "2026-04-01T00:00:00Z")

    assert state["replication_key_value"] == "2026-04-01T00:00:00.500Z"


# --- cursors


def test_the_last_few_cursors_are_kept_and_given_up_one_by_one() -> None:
    state = killed({}, *(f"B-{number}" for number in range(1, 9)))
    position = incremental(state)

    seen = [cursor_of(position)]
    while position.position:
        position.rewind()
        seen.append(cursor_of(position))

    assert seen == ["B-8", "B-7", "B-6", "B-5", "B-4", None]
    assert len(seen) == CURSORS_KEPT + 1


def test_a_pass_goes_on_after_stepping_back() -> None:
    state = killed({}, "B-1", "B-2")
    position = incremental(state)
    position.rewind()
    position.commit_page(Position("B-3"), [])

    resumed = incremental(kill(state))

    assert cursor_of(resumed) == "B-3"
    resumed.rewind()
    assert cursor_of(resumed) == "B-1"


def test_an_abandoned_pass_is_read_again_from_the_same_bookmark() -> None:
    state = bookmark("2026-03-01T00:00:00Z")
    position = incremental(state)
    position.mark_started(BEGAN)
    position.commit_page(Position("B-1"), ["2026-04-01T00:00:00Z"])

    position.discard()

    assert state == bookmark("2026-03-01T00:00:00Z")
    assert cursor_of(incremental(state)) is None


# --- where a pass starts


@pytest.mark.parametrize(
    ("value", "lookback", "since"),
    [
        ("2026-04-01T00:00:00Z", 0, "2026-04-01T00:00:00.000Z"),
        ("2026-04-01T00:00:00Z", 300, "2026-03-31T23:55:00.000Z"),
        ("2026-04-01T00:00:00.1239Z", 0, "2026-04-01T00:00:00.123Z"),
        ("2026-04-01T02:00:00+02:00", 0, "2026-04-01T00:00:00.000Z"),
        ("2026-04-01", 0, "2026-04-01T00:00:00.000Z"),
        ("0001-01-01T00:00:00Z", 300, "0001-01-01T00:00:00.000Z"),
    ],
)
def test_a_pass_starts_the_lookback_before_the_bookmark(
    value: str, lookback: float, since: str
) -> None:
    assert incremental(bookmark(value), lookback=lookback).since == since


def test_a_bookmark_by_hand_needs_no_replication_key() -> None:
    state = {"replication_key_value": "2026-04-01T00:00:00Z"}

    assert incremental(state).since == "2026-04-01T00:00:00.000Z"


def test_a_bookmark_of_another_replication_key_does_not_count() -> None:
    state = {"replication_key": "creation_time", "replication_key_value": "2026-04-01T00:00:00Z"}

    assert incremental(state).since is None


def test_the_state_of_another_version_is_understood() -> None:
    state = bookmark("2026-04-01T00:00:00Z", starting_replication_value=None, progress_markers={})

    position = incremental(state, start_date="2026-01-01")

    assert position.since == "2026-04-01T00:00:00.000Z"
    position.mark_started(BEGAN)
    position.observe(["2026-04-02T00:00:00Z"])
    position.finish()
    assert state["replication_key_value"] == "2026-04-02T00:00:00Z"


def just_before(date: str) -> str:
    """Give the filter, which is strict, that includes what was updated at a date itself."""
    moment = parse_time(date)
    assert moment is not None
    return f"{moment - timedelta(milliseconds=1):%Y-%m-%dT%H:%M:%S}.999Z"


def test_without_a_bookmark_start_date_decides() -> None:
    assert incremental({}, "2026-01-01").since == just_before("2026-01-01")
    assert incremental({}, "2026-01-01", lookback=300).since == just_before("2026-01-01")


def test_a_start_date_later_than_the_bookmark_decides() -> None:
    state = bookmark("2025-06-01T00:00:00Z")

    assert incremental(state, "2026-01-01").since == just_before("2026-01-01")


def test_the_lookback_does_not_reach_behind_the_start_date() -> None:
    state: State = {}
    run(state, "2026-01-01T00:01:00Z", start_date="2026-01-01")

    assert incremental(state, "2026-01-01", lookback=300).since == just_before("2026-01-01")


@pytest.mark.parametrize(
    ("before", "now", "since"),
    [
        # as it was
        (None, None, "2026-04-01T00:00:00.000Z"),
        ("2026-01-01", "2026-01-01", "2026-04-01T00:00:00.000Z"),
        ("2026-01-01", "2026-01-01T01:00:00+01:00", "2026-04-01T00:00:00.000Z"),
        # later: nothing new is wanted
        ("2026-01-01", "2026-02-01", "2026-04-01T00:00:00.000Z"),
        (None, "2026-02-01", "2026-04-01T00:00:00.000Z"),
        # later than the bookmark
        ("2026-01-01", "2026-04-15", just_before("2026-04-15")),
        # earlier, or removed: what lies before was never read
        ("2026-01-01", "2025-01-01", just_before("2025-01-01")),
        ("2026-01-01", None, None),
    ],
)
def test_a_start_date_may_change(before: str | None, now: str | None, since: str | None) -> None:
    state: State = {}
    run(state, "2026-04-01T00:00:00Z", start_date=before)

    assert incremental(kill(state), now).since == since


def test_an_earlier_start_date_is_read_once() -> None:
    state: State = {}
    run(state, "2026-04-01T00:00:00Z", start_date="2026-01-01")

    run(state, "2025-02-01T00:00:00Z", start_date="2025-01-01")

    assert incremental(state, "2025-01-01").since == "2026-04-01T00:00:00.000Z"


def test_a_removed_start_date_is_read_once() -> None:
    state: State = {}
    run(state, "2026-04-01T00:00:00Z", start_date="2026-01-01")

    run(state)

    assert incremental(state).since == "2026-04-01T00:00:00.000Z"
    assert incremental(state, "2025-01-01").since == "2026-04-01T00:00:00.000Z"


def test_a_later_start_date_does_not_make_forget_how_far_back_was_read() -> None:
    state: State = {}
    run(state, "2026-04-01T00:00:00Z", start_date="2025-01-01")

    run(state, "2026-04-02T00:00:00Z", start_date="2026-01-01")

    assert incremental(state, "2025-01-01").since == "2026-04-02T00:00:00.000Z"


def test_what_a_start_date_beyond_the_bookmark_skipped_is_read_when_it_goes_back() -> None:
    state: State = {}
    run(state, "2026-02-01T00:00:00Z", start_date="2026-01-01")
    run(state, "2026-04-02T00:00:00Z", start_date="2026-04-01")

    assert incremental(state, "2026-01-01").since == just_before("2026-01-01")


def test_a_pass_from_an_earlier_start_date_survives_kills() -> None:
    state: State = {}
    run(state, "2026-04-01T00:00:00Z", start_date="2026-01-01")

    state = killed(state, "B-1", start_date="2025-01-01")
    position = incremental(state, "2025-01-01")

    assert (cursor_of(position), position.since) == ("B-1", just_before("2025-01-01"))


# --- checkpoints that are not used


def test_a_checkpoint_is_used_when_less_is_to_be_read_now() -> None:
    state = killed({}, "B-1", start_date="2025-01-01")

    position = incremental(state, "2026-01-01")

    assert (cursor_of(position), position.since) == ("B-1", just_before("2025-01-01"))


@pytest.mark.parametrize("start_date", ["2024-01-01", None])
def test_a_checkpoint_is_not_used_when_more_is_to_be_read_now(start_date: str | None) -> None:
    state = killed({}, "B-1", start_date="2025-01-01")

    position = incremental(state, start_date)

    assert position.rejected_because
    assert (cursor_of(position), position.resumed) == (None, False)
    assert position.since == (start_date and just_before(start_date))


def test_a_longer_lookback_begins_a_new_pass() -> None:
    state = killed(bookmark("2026-03-01T00:00:00Z"), "B-1", lookback=300)

    assert cursor_of(incremental(state, lookback=60)) == "B-1"
    assert incremental(state, lookback=3600).rejected_because


def test_a_bookmark_set_back_by_hand_begins_a_new_pass() -> None:
    state = killed(bookmark("2026-03-01T00:00:00Z"), "B-1")
    state["replication_key_value"] = "2026-01-01T00:00:00Z"

    position = incremental(state)

    assert position.rejected_because
    assert position.since == "2026-01-01T00:00:00.000Z"


def good_checkpoint() -> State:
    point = killed({}, "B-1")["checkpoint"]
    assert incremental({"checkpoint": point}).resumed
    return point  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "point",
    [
        {},
        [],
        "B-1",
        0,
        False,
        {"cursors": ["B-1"]},
        good_checkpoint() | {"version": "new"},
        good_checkpoint() | {"version": None},
        good_checkpoint() | {"streams": None},
        good_checkpoint() | {"streams": "bookings"},
        good_checkpoint() | {"streams": []},
        good_checkpoint() | {"streams": ["contacts"]},
        good_checkpoint() | {"streams": ["bookings", "booking"]},
        good_checkpoint() | {"cursors": None},
        good_checkpoint() | {"cursors": "B-1"},
        good_checkpoint() | {"cursors": []},
        good_checkpoint() | {"cursors": [1]},
        good_checkpoint() | {"cursors": [None]},
        good_checkpoint() | {"began": None},
        good_checkpoint() | {"began": "yesterday"},
        good_checkpoint() | {"began": 1767225600},
        good_checkpoint() | {"newest": "soon"},
        good_checkpoint() | {"newest": ["2026-01-01T00:00:00Z"]},
        good_checkpoint() | {"since": "2026-13-01T00:00:00Z"},
        good_checkpoint() | {"since": "2026-01-01T00:00:00Z"},
    ],
)
def test_a_checkpoint_that_makes_no_sense_begins_a_new_pass(point: Any) -> None:
    state = {"checkpoint": point}

    position = incremental(state)

    assert position.rejected_because
    assert (cursor_of(position), position.since, position.resumed) == (None, None, False)
    position.mark_started(BEGAN)
    position.commit_page(Position("B-7"), ["2026-04-07T00:00:00Z"])
    assert cursor_of(incremental(kill(state))) == "B-7"


def test_unknown_parts_of_a_checkpoint_are_no_harm() -> None:
    resumed = incremental({"checkpoint": good_checkpoint() | {"colour": "red"}})
    assert cursor_of(resumed) == "B-1"


@pytest.mark.parametrize("version", [-(10**17), 10**15, 10**30])
def test_a_checkpoint_from_no_possible_time_begins_a_new_pass(version: int) -> None:
    position = incremental({"checkpoint": good_checkpoint() | {"version": version}})

    assert position.rejected_because
    assert datetime.fromtimestamp(position.version / 1000, tz=timezone.utc).year > 2000


# --- several streams that are read from one list


def together(**states: State) -> SyncPass:
    return SyncPass(states, replication_key=KEY)


def test_the_stream_that_is_furthest_behind_decides() -> None:
    newer, older = bookmark("2026-04-02T00:00:00Z"), bookmark("2026-04-01T00:00:00.500Z")

    assert together(bookings=newer, booking=older).since == "2026-04-01T00:00:00.500Z"
    assert together(bookings=older, booking=newer).since == "2026-04-01T00:00:00.500Z"
    assert together(bookings=newer, booking={}).since is None


def test_all_streams_get_the_bookmark_and_the_first_the_checkpoint() -> None:
    first, second = bookmark("2026-03-01T00:00:00Z"), bookmark("2026-02-01T00:00:00Z")
    position = together(bookings=first, booking=second)
    position.mark_started(BEGAN)
    position.commit_page(Position("B-1"), ["2026-04-01T00:00:00Z"])
    assert "checkpoint" in first
    assert "checkpoint" not in second

    position.finish()

    assert first == second == bookmark("2026-04-01T00:00:00Z", start_date=None)


def test_a_stream_that_joins_begins_a_new_pass() -> None:
    state = killed({}, "B-1")

    assert together(bookings=state, booking={}).rejected_because


# --- full-table passes


def full(state: State, start_date: str | None = None) -> SyncPass:
    return SyncPass({"users": state}, replication_key=None, start_date=start_date)


def test_a_full_pass_reads_everything_whatever_bookmark_there_is() -> None:
    state = {"replication_key": KEY, "replication_key_value": "2026-04-01T00:00:00Z"}

    assert full(state, "2026-01-01").since is None


def test_a_full_pass_is_resumed_and_leaves_nothing_behind() -> None:
    state: State = {}
    first = full(state)
    first.mark_started(BEGAN)
    first.commit_page(Position("U-1"), [None])

    second = full(kill(state))
    assert (cursor_of(second), second.version, second.resumed) == ("U-1", first.version, True)
    second.finish()

    assert second._holder == {"version": second.version}


def test_the_checkpoint_of_an_incremental_pass_is_no_use_to_a_full_one() -> None:
    state = killed(bookmark("2026-03-01T00:00:00Z"), "B-1")

    assert SyncPass({"bookings": state}, replication_key=None).rejected_because


# --- the state as a whole


def test_the_state_stays_small() -> None:
    state: State = {}
    position = incremental(state, "2026-01-01T00:00:00Z")
    position.mark_started(BEGAN)
    for number in range(1000):
        position.commit_page(Position(f"BKNG-{number:040}"), ["2026-04-01T00:00:00.123Z"] * 100)

    assert len(json.dumps(state)) < 1024


# --- positions, versions and clocks


def test_a_position_remembers_what_comes_next() -> None:
    state: State = {}
    position = incremental(state)
    position.mark_started(BEGAN)
    position.commit_page(Position("B-1", "B-2", "2026-04-01T00:00:00Z"), [])

    resumed = incremental(kill(state))

    assert resumed.position == Position("B-1", "B-2", "2026-04-01T00:00:00Z")


def test_a_state_that_holds_cursors_only_is_resumed() -> None:
    state = killed({}, "B-1", "B-2")
    del state["checkpoint"]["firsts"]

    assert incremental(state).position == Position("B-2")


def test_a_position_is_kept_once() -> None:
    position = incremental({})
    position.mark_started(BEGAN)
    for cursor in ("A", "B", "A"):
        position.commit_page(Position(cursor), [])
    position.rewind()

    assert position.position == Position("B")
    position.rewind()
    assert position.position is None


def test_a_version_is_later_than_any_before_even_if_the_clock_was_ahead() -> None:
    ahead = int((LATER + timedelta(days=3650)).timestamp() * 1000)
    state: State = {"version": ahead}

    first = SyncPass({"users": state}, replication_key=None)
    first.finish()

    assert first.version == ahead + 1
    assert SyncPass({"users": state}, replication_key=None).version == ahead + 2


@pytest.mark.parametrize("version", [None, "x", -5, 2**80, 1.5, {}, True])
def test_an_impossible_version_does_not_count(version: Any) -> None:
    now = datetime.now(timezone.utc).timestamp() * 1000

    found = SyncPass({"users": {"version": version}}, replication_key=None).version

    assert now - 1 <= found < now + 60_000


def test_a_bookmark_later_than_now_does_not_count() -> None:
    state = bookmark("2099-01-01T00:00:00Z")
    position = SyncPass({"bookings": state}, replication_key=KEY, now=BEGAN)
    assert (position.bookmark_ahead, position.since) == (True, None)
    position.mark_started(BEGAN)

    position.finish()

    assert state["replication_key_value"] == "2026-05-01T12:00:00.000Z"


def test_without_a_date_the_bookmark_stays_as_far_behind_as_the_pass_took() -> None:
    state: State = {}
    position = incremental(state)
    began = datetime.now(timezone.utc) - timedelta(hours=1)
    position.mark_started(began, dated=False)
    position.observe(["2020-01-01T12:00:00Z"])

    position.finish()

    found = parse_time(state["replication_key_value"])
    assert found
    assert abs(found - datetime(2020, 1, 1, 11, tzinfo=timezone.utc)) < timedelta(minutes=1)


def test_a_pass_overlaps_the_one_before_if_a_known_record_comes_back() -> None:
    for value, overlaps in (("2026-02-28T23:59:30Z", True), ("2026-03-01T00:00:01Z", False)):
        position = incremental(bookmark("2026-03-01T00:00:00Z"), lookback=60)
        assert not position.overlaps
        position.observe([value])
        assert position.overlaps is overlaps
    assert incremental(bookmark("2026-03-01T00:00:00Z")).overlaps
    assert incremental({}).overlaps
