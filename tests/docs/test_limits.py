"""docs/limits.md: what its tables count are the requests that the tap sends."""

from __future__ import annotations

import re
import time
import typing as t
from collections import Counter
from datetime import datetime

import pytest

from sandbox import Account, Sandbox
from tests.support import inside, programs
from tests.support.programs import ROOT, pages_of
from tests.support.project import Project
from tests.support.streams import ALL

if t.TYPE_CHECKING:
    from pathlib import Path

PAGE = ROOT.joinpath("docs/limits.md").read_text()
NOW = "2026-03-01T12:00:00+00:00"
SHORT_LISTS = 6
"""Pages, events and so on, each counted with one page."""
ON_DEMAND = ("booking", "booking_calendar", "conversations", "booking_hosts", "booking_page_links")
BY_DEFAULT = [name for name in ALL if name not in {*ON_DEMAND, "test_auth"}]


def first_sync(bookings: int, contacts: int, sms: int, users: int, calendars: int) -> int:
    """Requests of a first sync of what is selected by default, with 30 days of slots."""
    short = users, calendars  # read again by the streams that ask for each of their objects
    lists = sum(pages_of(size) for size in (bookings, contacts, sms, *short, *short))
    whose_key, last_of_sms = 1, 1
    return lists + SHORT_LISTS + users + calendars + whose_key + last_of_sms


@pytest.mark.parametrize("single", [False, True])
def test_the_tap_asks_no_more_and_no_less(*, single: bool) -> None:
    lists = {"contacts": 120, "sms_notifications": 20, "users": 7, "booking_calendars": 4}
    account = Account(seed=3, bookings=230, **lists, now=NOW)
    account.clock.offset_seconds = datetime.fromisoformat(NOW).timestamp() - time.time()
    streams = [*BY_DEFAULT, *(["booking", "booking_calendar"] if single else [])]
    with Sandbox(account, key=programs.KEY) as api:
        assert inside.run(programs.settings_for(api.url), inside.catalog(*streams)).ended == "well"
        wanted = first_sync(230, 120, 20, 7, 4) + (pages_of(230) + 230 + 1 + 4) * single
        assert len(api.log) == wanted


def test_what_only_filters_and_expansions_tell_costs_what_the_page_says() -> None:
    account = Account(seed=3, bookings=80, users=7, nasty=False)
    counts = {}
    with Sandbox(account, key=programs.KEY) as api:
        for stream in ("conversations", "booking_hosts", "booking_page_links"):
            api.reset_log()
            inside.run(programs.settings_for(api.url), inside.catalog(stream))
            counts[stream] = Counter(entry.api_path for entry in api.log)
    owners = {name: len(account.objects(name)) for name in ("users", "master_pages", "event_types")}
    assert counts["conversations"] == {"/bookings": 1, "/test": 1}
    assert counts["booking_hosts"] == {"/bookings": owners["users"], "/users": 1, "/test": 1}
    assert counts["booking_page_links"]["/booking-pages"] == sum(owners.values())


@pytest.mark.slow
def test_the_selection_in_the_environment(tmp_path: Path) -> None:
    (name, value) = re.findall(r"^    (TAP_ONCEHUB__SELECT)='(.*)'$", PAGE, re.MULTILINE)[0]
    project = Project(tmp_path / "project", "http://127.0.0.1:9", None, **{name: value})
    listed = project.meltano("select", "--list", "--all", "tap-oncehub").output.decode()
    found = set(re.findall(r"\[(?:automatic|selected) *\] (\w+)\.", listed))
    assert found == {"bookings", "contacts", "users"}
