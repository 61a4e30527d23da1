"""The times in docs/limits.md follow from the published limits."""

from __future__ import annotations

import math
import re
import shlex
import typing as t

import pytest

from sandbox import Account, Sandbox
from tests.support import inside, programs
from tests.support.programs import ROOT
from tests.support.project import Project
from tests.support.streams import ALL

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGE = ROOT.joinpath("docs/limits.md").read_text()
PER_PAGE, PER_SECOND, PER_WINDOW, WINDOW = 100, 5, 200, 300
SHORT_LISTS = 6
"""Pages, events and so on, each counted with one page."""
ON_DEMAND = ("booking", "booking_calendar", "conversations", "booking_hosts", "booking_page_links")
BY_DEFAULT = [name for name in ALL if name not in {*ON_DEMAND, "test_auth"}]


def rows(first_column: str, second_column: str) -> Iterator[list[str]]:
    """The cells of the table with these headings."""
    lines = iter(PAGE.splitlines())
    for line in lines:
        if line.startswith(f"| {first_column} | {second_column} |"):
            break
    next(lines)
    for line in lines:
        if not line.startswith("|"):
            return
        yield [cell.strip() for cell in line.strip("|").split("|")]


OBJECTS = list(rows("objects", "requests"))
CHILDREN = {row[0]: row[1:] for row in rows("stream", "requests")}
ACCOUNTS = list(rows("bookings", "contacts"))


def number(text: str) -> int:
    return int(text.replace(",", ""))


def spoken(requests: int) -> str:
    windows, rest = divmod(requests - 1, PER_WINDOW)
    seconds = windows * WINDOW + (rest + 1) / PER_SECOND
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours else f"{minutes} min"


def pages(objects: float) -> int:
    return math.floor(objects / PER_PAGE) + 1  # a full page is followed by another, or an empty one


def first_sync(bookings: int, contacts: int, sms: int, users: int, calendars: int) -> int:
    """Requests of a first sync of what is selected by default, with 30 days of slots."""
    lists = sum(pages(size) for size in (bookings, contacts, sms, users, calendars))
    return lists + SHORT_LISTS + users + calendars


@pytest.mark.parametrize("row", OBJECTS)
def test_a_row_of_the_table(row: list[str]) -> None:
    objects, requests, time = row
    assert number(requests) == pages(number(objects))
    assert time == spoken(number(requests))


@pytest.mark.parametrize("name", CHILDREN)
def test_what_costs_a_request_for_each_object(name: str) -> None:
    assert CHILDREN[name][1:4] == [spoken(100), spoken(1000), spoken(10000)]
    assert CHILDREN[name][4] == ("yes" if name in BY_DEFAULT else "when selected")


@pytest.mark.parametrize("row", ACCOUNTS)
def test_a_whole_account(row: list[str]) -> None:
    *sizes, requests, time = row
    bookings, contacts, users, calendars = map(number, sizes)
    assert number(requests) == first_sync(bookings, contacts, bookings // 10, users, calendars)
    assert time == spoken(number(requests))


def test_there_are_enough_rows() -> None:
    wanted = {"1,000", "10,000", "100,000", "1,000,000"}
    assert wanted <= {row[0] for row in OBJECTS}
    assert wanted == {row[0] for row in ACCOUNTS}
    assert len(CHILDREN) == 7


def test_the_sentences_about_times() -> None:
    assert round(1_000_000 / PER_WINDOW * WINDOW / 86400) == 17
    assert "for 1,000,000 of them it would take 17 days" in PAGE
    hourly = 2 * (500 + 6) + SHORT_LISTS + 3
    assert spoken(hourly) == "25 min"
    assert "with 500 of each,\nan hourly run spends 25 minutes" in PAGE


@pytest.mark.parametrize("single", [False, True])
def test_the_tap_asks_no_more_and_no_less(*, single: bool) -> None:
    account = Account(
        seed=3, bookings=230, contacts=120, sms_notifications=20, users=7, booking_calendars=4
    )
    streams = [*BY_DEFAULT, *(["booking", "booking_calendar"] if single else [])]
    with Sandbox(account, key=programs.KEY) as api:
        assert inside.run(programs.settings_for(api.url), inside.catalog(*streams)).ended == "well"
        wanted = first_sync(230, 120, 20, 7, 4) + (230 + 4) * single
        assert len(api.log) == wanted


def test_what_only_filters_and_expansions_tell_costs_what_the_page_says() -> None:
    account = Account(seed=3, bookings=80, users=7, nasty=False)
    with Sandbox(account, key=programs.KEY) as api:
        for stream in ("conversations", "booking_hosts", "booking_page_links"):
            inside.run(programs.settings_for(api.url), inside.catalog(stream))
        counts = {path: sum(found.values()) for path, found in api.log.by_path().items()}
        asked = [entry for entry in api.log if "expand" in entry.query]
    owners = {name: len(account.objects(name)) for name in ("users", "master_pages", "event_types")}
    assert len(asked) == len(account.conversations()) > 1
    assert counts["/v2/bookings"] == 1 + owners["users"]  # the parent of conversations, and hosts
    assert counts["/v2/booking-pages"] == sum(owners.values())
    assert counts["/v2/users"] == 2


@pytest.mark.parametrize(("days", "requests"), [(30, 1), (31, 2), (90, 3)])
def test_the_days_of_time_slots(days: int, requests: int) -> None:
    account = Account(seed=3, bookings=5, booking_calendars=1, nasty=False)
    with Sandbox(account, key=programs.KEY) as api:
        settings = programs.settings_for(api.url, time_slots_days=days)
        inside.run(settings, inside.catalog("booking_calendar_time_slots"))
        slots = [entry for entry in api.log if entry.path.endswith("/time-slots")]
        assert len(slots) == requests


def selected(tmp_path: Path, page: str) -> set[str]:
    """Streams that Meltano reads once the page's command was run."""
    (command,) = re.findall(r"^ +\.venv/bin/meltano (select .*)$", page, re.MULTILINE)
    project = Project(tmp_path / "project", "http://127.0.0.1:9")
    done = project.meltano(*shlex.split(command))
    assert done.status == 0, done.log
    listed = project.meltano("select", "--list", "--all", "tap-oncehub").output.decode()
    return set(re.findall(r"\[(?:automatic|selected) *\] (\w+)\.", listed))


def test_the_command_deselects(tmp_path: Path) -> None:
    assert selected(tmp_path, PAGE) == set(BY_DEFAULT) - {"user_scheduling_availability"}
