"""When a stream that is not read in every run is due again."""

from __future__ import annotations

import typing as t
from datetime import datetime, timedelta, timezone

import pytest

from tap_oncehub.state.refresh import Refresh, takes_part

BEGAN = datetime(2026, 5, 1, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("hours", "form", "later", "is_due"),
    [
        (24, ["a"], 1, False),
        (24, ["a"], 24, True),
        (24, ["a"], -25, True),  # a clock that was wrong
        (24, ["b"], 1, True),
        (0, ["a"], 0, True),
    ],
)
def test_a_stream_is_due_when_its_hours_have_passed_or_its_form_has_changed(
    hours: float, form: list[str], later: float, *, is_due: bool
) -> None:
    state: dict[str, t.Any] = {}
    Refresh(state, 24, ["a"]).complete(BEGAN.isoformat())

    due = Refresh(state, hours, form).due(BEGAN + timedelta(hours=later))

    assert (due is None) is is_due


@pytest.mark.parametrize("saved", [None, "x", [], {}, {"form": "x"}, {"began": "soon"}])
def test_what_makes_no_sense_is_due_and_takes_no_part(saved: t.Any) -> None:
    state = {"complete_pass": saved, "checkpoint": saved}

    assert Refresh(state, 24, ["a"]).due(BEGAN) is None
    assert not takes_part(state, "users")
