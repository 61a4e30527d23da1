"""Passes over a list: killed and resumed, and which checkpoints they resume from."""

from __future__ import annotations

import json
import typing as t
from datetime import datetime, timedelta, timezone

import pytest

from tap_oncehub.pagination import Position
from tap_oncehub.state.checkpoint import CURSORS_KEPT, SyncPass

KEY = "last_updated_time"
BEGAN = datetime(2026, 5, 1, 12, tzinfo=timezone.utc)
LATER = BEGAN + timedelta(hours=3)

State: t.TypeAlias = "dict[str, t.Any]"


def incremental(state: State, start_date: str | None = None, lookback: float = 0) -> SyncPass:
    return SyncPass(
        {"bookings": state},
        replication_key=KEY,
        start_date=start_date,
        lookback=timedelta(seconds=lookback),
    )


def full(state: State) -> SyncPass:
    return SyncPass({"users": state}, replication_key=None)


def cursor_of(sync_pass: SyncPass) -> str | None:
    return sync_pass.position.after if sync_pass.position else None


def bookmark(value: str, **more: t.Any) -> State:
    return {"replication_key": KEY, "replication_key_value": value, **more}


def written(state: State) -> State:
    """Give what a STATE message holds."""
    return t.cast("State", json.loads(json.dumps(state)))


def run(state: State, *values: t.Any, began: datetime = BEGAN) -> None:
    """Read a list to its end, in one page."""
    sync_pass = incremental(state)
    sync_pass.mark_started(began)
    sync_pass.commit_page(Position("X-1"), values)
    sync_pass.finish()


def killed(state: State, *cursors: str, **options: t.Any) -> State:
    """Begin a pass and kill it after some pages."""
    sync_pass = incremental(state, **options)
    sync_pass.mark_started(BEGAN)
    for cursor in cursors:
        sync_pass.commit_page(Position(cursor), [f"2026-04-0{cursor[-1]}T00:00:00Z"])
    return written(state)


# --- the bookmark at the end of a pass


@pytest.mark.parametrize(
    ("values", "end"),
    [
        (["2026-04-01T00:00:00.250Z", "2026-03-01T00:00:00Z"], "2026-04-01T00:00:00.250Z"),
        (["2026-04-01T00:00:00Z", None, "", "soon", 5, {"a": 1}], "2026-04-01T00:00:00Z"),
        # compared as times, not as texts
        (["2026-04-01T00:00:00Z", "2026-04-01T00:00:00.500Z"], "2026-04-01T00:00:00.500Z"),
        (["2026-04-01T05:00:00+09:00", "2026-04-01T00:00:00Z"], "2026-04-01T00:00:00Z"),
        (["2026-03-31T22:00:00-05:00", "2026-04-01T00:00:00Z"], "2026-04-01T03:00:00Z"),
    ],
)
def test_a_pass_leaves_a_plain_singer_bookmark(values: list[t.Any], end: str) -> None:
    state: State = {}

    run(state, *values)

    assert state.pop("version") > 0
    assert state == bookmark(end, start_date=None)


def test_a_pass_that_read_nothing_leaves_no_trace() -> None:
    state: State = {}
    incremental(state).mark_started(BEGAN)
    assert state == {}

    run(state)
    assert not {"checkpoint", "replication_key_value"} & state.keys()


@pytest.mark.parametrize(
    ("state", "first", "overlaps"),
    [
        (bookmark("2026-03-01T12:00:00Z"), "2026-03-01T11:59:30Z", True),
        (bookmark("2026-03-01T12:00:00Z"), "2026-03-01T12:00:01Z", False),
        (bookmark("2026-03-01T12:00:00Z"), "2026-03-02T00:00:01Z", False),
        # A known record of another day shows nothing; with that day before it, nothing is missing.
        (bookmark("2026-03-01T12:00:00Z", newest_value="2026-03-02T00:05:00Z"),
         "2026-03-02T00:05:00Z", False),
        (bookmark("2026-03-01T12:00:00Z", newest_value="2026-03-01T13:00:00Z"),
         "2026-03-01T13:00:00Z", True),
        (bookmark("2026-03-01T12:00:00Z", newest_value="2026-01-01T00:00:00Z"),
         "2026-03-02T00:00:01Z", False),
        (bookmark("2026-03-01T00:00:01Z"), "2026-03-02T00:00:01Z", True),
        ({}, "2026-03-02T00:00:01Z", True),
    ],
)  # fmt: skip
def test_a_record_shows_whether_the_filter_compares_times(
    state: State, first: str, *, overlaps: bool
) -> None:
    sync_pass = incremental(state, lookback=60)
    sync_pass.observe([first])
    assert sync_pass.overlaps is overlaps


def test_a_start_date_with_a_time_shows_it_by_a_record_of_its_day() -> None:
    for first, overlaps in (("2026-03-01T18:00:00Z", True), ("2026-03-02T00:00:01Z", False)):
        sync_pass = incremental({}, start_date="2026-03-01T12:00:00Z")
        sync_pass.observe([first])
        assert sync_pass.overlaps is overlaps


# --- killed and resumed


def test_a_pass_keeps_its_filter_version_and_start_over_all_its_runs() -> None:
    state = bookmark("2026-03-01T00:00:00Z")
    passes = []
    for number in range(9):
        passes.append(incremental(state, lookback=60))
        assert cursor_of(passes[-1]) == (f"B-{number - 1}" if number else None)
        passes[-1].mark_started(BEGAN + timedelta(minutes=number))
        passes[-1].commit_page(Position(f"B-{number}"), [f"2026-04-0{9 - number}T00:00:00Z"])
        state = written(state)
    assert {sync_pass.since for sync_pass in passes} == {"2026-02-28T23:59:00.000Z"}
    assert len({sync_pass.version for sync_pass in passes}) == 1
    assert [sync_pass.resumed for sync_pass in passes] == [False] + [True] * 8

    last = incremental(state, lookback=60)
    last.mark_started(LATER)
    last.observe(["2026-05-01T14:00:00Z"])
    last.finish()

    assert state["replication_key_value"] == "2026-05-01T12:00:00.000Z"
    assert "checkpoint" not in state


def test_the_last_few_cursors_are_kept_and_given_up_one_by_one() -> None:
    state = killed({}, *(f"B-{number}" for number in range(1, 9)))
    sync_pass = incremental(state)

    seen = [cursor_of(sync_pass)]
    while sync_pass.position:
        sync_pass.rewind()
        seen.append(cursor_of(sync_pass))

    assert seen == ["B-8", "B-7", "B-6", "B-5", "B-4", None]
    assert len(seen) == CURSORS_KEPT + 1


def test_a_position_is_kept_once_with_what_comes_next() -> None:
    state: State = {}
    sync_pass = incremental(state)
    sync_pass.mark_started(BEGAN)
    for cursor in ("C", "A", "B", "A"):
        sync_pass.commit_page(Position(cursor, f"{cursor}2", "2026-04-01T00:00:00Z"), [])

    resumed = incremental(written(state))

    assert resumed.position == Position("A", "A2", "2026-04-01T00:00:00Z")
    resumed.rewind()
    assert cursor_of(resumed) == "B"
    resumed.rewind()
    resumed.commit_page(Position("D"), [])
    assert incremental(written(resumed._holder))._point.cursors == ["C", "D"]


def test_a_state_that_holds_cursors_only_is_resumed() -> None:
    state = killed({}, "B-1", "B-2")
    del state["checkpoint"]["firsts"]

    assert incremental(state).position == Position("B-2")


def test_a_discarded_pass_is_read_again_from_the_same_bookmark() -> None:
    state = killed(bookmark("2026-03-01T00:00:00Z"), "B-1")

    incremental(state).discard()

    assert "checkpoint" not in state
    assert incremental(state).since == "2026-03-01T00:00:00.000Z"


# --- checkpoints that are not used


@pytest.mark.parametrize(
    ("before", "now", "resumes"),
    [
        ({"start_date": "2025-01-01"}, {"start_date": "2026-01-01"}, True),
        ({"start_date": "2025-01-01"}, {"start_date": "2024-01-01"}, False),
        ({"start_date": "2025-01-01"}, {}, False),
        ({"lookback": 300}, {"lookback": 60}, True),
        ({"lookback": 300}, {"lookback": 3600}, False),
    ],
)
def test_a_checkpoint_is_used_unless_more_is_to_be_read_now(
    before: dict[str, t.Any], now: dict[str, t.Any], *, resumes: bool
) -> None:
    state = bookmark("2026-03-01T00:00:00Z") if "lookback" in before else {}
    first = incremental(state, **before)
    state = killed(state, "B-1", **before)

    sync_pass = incremental(state, **now)

    assert (sync_pass.rejected_because is None) is sync_pass.resumed is resumes
    assert (cursor_of(sync_pass), sync_pass.since == first.since) == (
        ("B-1", True) if resumes else (None, False)
    )


def test_a_bookmark_set_back_by_hand_begins_a_new_pass() -> None:
    state = killed(bookmark("2026-03-01T00:00:00Z"), "B-1")
    state["replication_key_value"] = "2026-01-01T00:00:00Z"

    sync_pass = incremental(state)

    assert sync_pass.rejected_because
    assert sync_pass.since == "2026-01-01T00:00:00.000Z"


GOOD = killed({}, "B-1")["checkpoint"]


@pytest.mark.parametrize(
    "point",
    [
        *({}, [], "B-1", 0, False, {"cursors": ["B-1"]}),
        *(GOOD | {"version": version} for version in ("new", None, -(10**17), 10**15, 10**30)),
        *(
            GOOD | {"streams": streams}
            for streams in (None, "bookings", [], ["contacts"], ["bookings", "booking"])
        ),
        *(GOOD | {"cursors": cursors} for cursors in (None, "B-1", [], [1], [None])),
        *(GOOD | {"began": began} for began in (None, "yesterday", 1767225600)),
        *(GOOD | {"newest": newest} for newest in ("soon", ["2026-01-01T00:00:00Z"])),
        *(GOOD | {"since": f"2026-{month}-01T00:00:00Z"} for month in ("13", "01")),
    ],
)
def test_a_checkpoint_that_makes_no_sense_begins_a_new_pass(point: t.Any) -> None:
    state = {"checkpoint": point}

    sync_pass = incremental(state)

    assert sync_pass.rejected_because
    assert (cursor_of(sync_pass), sync_pass.since, sync_pass.resumed) == (None, None, False)
    assert datetime.fromtimestamp(sync_pass.version / 1000, tz=timezone.utc).year > 2000
    sync_pass.mark_started(BEGAN)
    sync_pass.commit_page(Position("B-7"), ["2026-04-07T00:00:00Z"])
    assert cursor_of(incremental(written(state))) == "B-7"


def test_unknown_parts_of_a_checkpoint_are_no_harm() -> None:
    assert cursor_of(incremental({"checkpoint": GOOD | {"colour": "red"}})) == "B-1"


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
    sync_pass = together(bookings=first, booking=second)
    sync_pass.mark_started(BEGAN)
    sync_pass.commit_page(Position("B-1"), ["2026-04-01T00:00:00Z"])
    assert "checkpoint" in first
    assert "checkpoint" not in second

    sync_pass.finish()

    assert first == second
    assert first["replication_key_value"] == "2026-04-01T00:00:00Z"


def test_a_stream_that_joins_begins_a_new_pass() -> None:
    assert together(bookings=killed({}, "B-1"), booking={}).rejected_because


# --- full-table passes and their versions


def test_a_full_pass_takes_no_notice_of_an_incremental_one() -> None:
    sync_pass = SyncPass(
        {"bookings": killed(bookmark("2026-03-01T00:00:00Z"), "B-1")}, replication_key=None
    )

    assert sync_pass.rejected_because
    assert sync_pass.since is None


@pytest.mark.parametrize("version", [None, "x", -5, 2**80, 1.5, {}, True])
def test_an_impossible_version_does_not_count(version: t.Any) -> None:
    now = datetime.now(timezone.utc).timestamp() * 1000

    assert now - 1 <= full({"version": version}).version < now + 60_000


@pytest.mark.parametrize("begin", [full, incremental])
def test_the_checkpoint_of_a_complete_pass_that_comes_back_is_ignored(
    begin: t.Callable[[State], SyncPass],
) -> None:
    state: State = {}
    sync_pass = begin(state)
    sync_pass.mark_started(BEGAN)
    sync_pass.commit_page(Position("U-1"), [])
    unfinished = written(state)
    sync_pass.finish()

    # Meltano merges the state of a run that failed: what the tap removed is there again.
    assert begin(unfinished | written(state)).position is None
    assert begin(unfinished).position is not None
