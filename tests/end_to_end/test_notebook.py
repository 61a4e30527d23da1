"""The notebook, run from its first cell to its last."""

import json
import os
import re
import signal
import subprocess
import typing as t
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path

import duckdb
import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from sandbox import Account
from tests.support import models, programs, warehouse
from tests.support.streams import LISTS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

MARIMO = programs.ROOT / ".tools/notebook/bin/marimo"
RAW_AND_MARTS = pytest.mark.parametrize("marts", [False, True], ids=["raw", "marts"])
FILTERED = """
import json, sys, types
from notebooks import account
chosen = json.loads(sys.argv[1])
filters = {name: types.SimpleNamespace(value=value) for name, value in chosen.items()}
_, names = account.app.run(defs=filters)
print(names["con"].execute("SELECT count(*) FROM chosen").fetchall()[0][0])
"""


def meetings(account: Account) -> list[dict[str, t.Any]]:
    """Give the bookings that the notebook counts."""
    every = account.objects("bookings")
    replaced = {b.get("rescheduled_booking_id") for b in every}
    return [b for b in every if b.get("in_trash") is not True and b["id"] not in replaced]


def export(folder: Path, name: str = "warehouse.duckdb") -> str:
    page = folder / "account.html"
    command = [str(MARIMO), "export", "html", "notebooks/account.py", "--no-include-code"]
    file = str(folder / name)
    done = programs.run([*command, f"--output={page}"], programs.ROOT, WAREHOUSE=file)
    assert done.status == 0, done.log
    text = page.read_text("utf-8")
    assert "marimo+error" not in text
    return text


def specifications(page: str) -> str:
    """Return a page with the JSON of its charts in the open, without blanks."""
    for escaped, plain in (("\\u0026quot;", '"'), ("\\u0026#92;n", ""), ("\\u0026#92;", "")):
        page = page.replace(escaped, plain)
    return re.sub(r"\s", "", page)


def load(folder: Path, account: Account, *streams: str, marts: bool = False) -> None:
    models.load(folder, account, *streams)
    if marts:
        models.build(folder)


@RAW_AND_MARTS
def test_it_shows_what_is_in_the_warehouse(tmp_path: Path, *, marts: bool) -> None:
    account = Account(seed=1, bookings=1300)
    load(tmp_path, account, marts=marts)
    page = export(tmp_path)
    bookings = meetings(account)
    assert 0 < len(bookings) < len(account.objects("bookings")) - 20
    canceled = sum(b.get("status") == "canceled" for b in bookings)
    now = f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%S}"
    upcoming = sum(
        b.get("status") in {"requested", "scheduled", "rescheduled"}
        and warehouse.moment(b["starting_time"]).isoformat() > now
        for b in bookings
    )
    stat = r"""data-value='"([^"]+)"'data-label='"([^"]+)"'"""
    shown = {label: value for value, label in re.findall(stat, specifications(page))}
    wanted = {"bookings": f"{len(bookings):,}", "upcoming": f"{upcoming:,}"}
    assert shown.items() >= (wanted | {"canceled": f"{canceled / len(bookings):.1%}"}).items()
    kept = [b for b in account.objects("bookings") if b.get("in_trash") is not True]
    assert f"{len(kept) - len(bookings)} bookings whose place" in page
    assert all(stream in page for stream in LISTS)
    assert "No bookings." not in page
    assert ("There are no marts" in page) is not marts
    assert ("customer_company" in page) is marts
    if marts:
        load(tmp_path, account)
        assert "loaded later" not in page
        assert "loaded later" in export(tmp_path)


@RAW_AND_MARTS
@pytest.mark.parametrize("tables", [False, True], ids=["no tables", "no rows"])
def test_it_works_on_an_empty_account(tmp_path: Path, *, tables: bool, marts: bool) -> None:
    if tables:
        load(tmp_path, Account(seed=1, bookings=0, contacts=0, users=0, booking_calendars=0))
    else:
        duckdb.connect(str(tmp_path / "warehouse.duckdb")).close()
    if marts:
        models.build(tmp_path)
    page = export(tmp_path)
    assert page.count("No bookings.") >= 6
    assert ("Nothing has been loaded yet" in page) is not tables


@RAW_AND_MARTS
@pytest.mark.parametrize("stream", ["bookings", "users"])
def test_it_works_without_most_streams(tmp_path: Path, stream: str, *, marts: bool) -> None:
    account = Account(seed=1, bookings=60, nasty=False)
    load(tmp_path, account, stream, marts=marts)
    page = export(tmp_path)
    assert (account.objects("bookings")[0]["owner"] in page) is (stream == "bookings")
    assert ("No bookings." in page) is (stream == "users")


def test_it_says_what_the_file_is(tmp_path: Path) -> None:
    assert "make run" in export(tmp_path)  # where there is none
    file = tmp_path / "warehouse.duckdb"
    load(tmp_path, Account(seed=1, bookings=20))
    assert "sample data" not in export(tmp_path)
    with duckdb.connect(str(file)):
        assert "is being written by" in export(tmp_path)
    file.rename(tmp_path / "demo.duckdb")
    assert "sample data" in export(tmp_path, "demo.duckdb")


@RAW_AND_MARTS
def test_the_filters_choose(tmp_path: Path, *, marts: bool) -> None:
    account = Account(seed=1, bookings=200, nasty=False)
    load(tmp_path, account, marts=marts)
    bookings = meetings(account)
    names = {u["id"]: f"{u['first_name']} {u['last_name']}" for u in account.objects("users")}
    calendars = {c["id"]: c["name"] for c in account.objects("booking_calendars")}
    one = next(b for b in bookings if b["booking_calendar"])
    owner, calendar, day = one["owner"], one["booking_calendar"], one["starting_time"][:10]
    always = ["1970-01-01", "2999-01-01"]
    for owners, places, dates, wanted in (
        ([], [], always, bookings),
        ([names[owner]], [], always, [b for b in bookings if b["owner"] == owner]),
        (
            [names[owner]],
            [calendars[calendar]],
            always,
            [b for b in bookings if (b["owner"], b["booking_calendar"]) == (owner, calendar)],
        ),
        ([], [], [day, day], [b for b in bookings if b["starting_time"][:10] == day]),
    ):
        chosen = json.dumps({"dates": dates, "owner": owners, "calendar": places})
        command = [str(MARIMO.with_name("python")), "-c", FILTERED, chosen]
        file = str(tmp_path / "warehouse.duckdb")
        assert int(programs.run(command, programs.ROOT, WAREHOUSE=file).output) == len(wanted)


def test_owners_of_one_name_are_told_apart_and_empty_days_have_their_place(tmp_path: Path) -> None:
    account = Account(seed=1, bookings=60, users=4, nasty=False)
    namesakes = [user["id"] for user in account.objects("users")[:2]]
    for user in namesakes:
        account.edit("users", user, first_name="Ann", last_name="Lee")
    load(tmp_path, account)
    charts = specifications(export(tmp_path))
    rows = re.findall(r'"bookings":(\d+),.*?"name":"(.+?)"', charts)
    shown = {name: int(count) for count, name in rows}
    owned = Counter(b["owner"] for b in meetings(account))
    assert [shown[f"AnnLee({user})"] for user in namesakes] == [owned[user] for user in namesakes]
    assert all(owned[user] for user in namesakes)
    assert f'"domain":[{",".join(map(str, range(31)))}]' in charts
    assert '"domain":["Mon","Tue","Wed","Thu","Fri","Sat","Sun"]' in charts


def test_only_who_started_it_can_open_it() -> None:
    with subprocess.Popen(
        ["/usr/bin/env", "make", "notebook", "NOTEBOOK_ARGS=--headless"],
        cwd=programs.ROOT,
        env=programs.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    ) as process:
        try:
            found = (re.search(r"http://\S+", line) for line in process.stdout or ())
            address = next(match[0] for match in found if match)
            page, _, token = address.partition("?access_token=")
            assert token
            with requests.Session() as browser:
                # It says where it listens before it does.
                browser.mount(page, HTTPAdapter(max_retries=Retry(connect=9, backoff_factor=0.1)))
                assert "/auth/login" in browser.get(page, timeout=30).url
                # It takes the token for a cookie.
                assert "/auth/login" not in browser.get(address, timeout=30).url
        finally:
            os.killpg(process.pid, signal.SIGTERM)
