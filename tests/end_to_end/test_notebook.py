"""The notebook, run from its first cell to its last."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import typing as t
from collections import Counter
from datetime import datetime, timezone

import duckdb
import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from sandbox import Account
from tests.support import models, programs, warehouse
from tests.support.streams import LISTS

if t.TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

MARIMO = programs.ROOT / ".tools/notebook/bin/marimo"


def meetings(account: Account) -> list[dict[str, t.Any]]:
    """Give the bookings that the notebook counts."""
    gone = replaced(account)
    every = account.objects("bookings")
    return [b for b in every if b.get("in_trash") is not True and b["id"] not in gone]


def replaced(account: Account) -> set[str]:
    """Give the ids of bookings whose place another took."""
    found = (b.get("rescheduled_booking_id") for b in account.objects("bookings"))
    return {key for key in found if key}


def export(folder: Path, name: str = "warehouse.duckdb") -> str:
    page = folder / "account.html"
    command = [str(MARIMO), "export", "html", "notebooks/account.py", "--no-include-code"]
    file = str(folder / name)
    done = programs.run([*command, f"--output={page}"], programs.ROOT, WAREHOUSE=file)
    assert done.status == 0, done.log
    text = page.read_text("utf-8")
    assert "marimo+error" not in text
    return text


def load(folder: Path, account: Account, *streams: str, marts: bool) -> None:
    models.load(folder, account, *streams)
    if marts:
        models.build(folder)


@pytest.mark.parametrize("marts", [False, True], ids=["raw", "marts"])
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
    assert shown["bookings"] == f"{len(bookings):,}"
    assert shown["upcoming"] == f"{upcoming:,}"
    assert shown["canceled"] == f"{canceled / len(bookings):.1%}"
    every = [b["id"] for b in account.objects("bookings") if b.get("in_trash") is not True]
    left_out = len(replaced(account).intersection(every))
    assert f"{left_out} bookings whose place" in page
    for stream in LISTS:
        assert stream in page
    assert "No bookings." not in page
    assert ("There are no marts" in page) is not marts
    assert ("customer_company" in page) is marts


@pytest.mark.parametrize("marts", [False, True], ids=["raw", "marts"])
@pytest.mark.parametrize("tables", [False, True], ids=["no tables", "no rows"])
def test_it_works_on_an_empty_account(tmp_path: Path, *, tables: bool, marts: bool) -> None:
    if tables:
        models.load(tmp_path, Account(seed=1, bookings=0, contacts=0, users=0, booking_calendars=0))
    else:
        duckdb.connect(str(tmp_path / "warehouse.duckdb")).close()
    if marts:
        models.build(tmp_path)
    page = export(tmp_path)
    assert page.count("No bookings.") >= 6
    assert ("Nothing has been loaded yet" in page) is not tables


@pytest.mark.parametrize("marts", [False, True], ids=["raw", "marts"])
@pytest.mark.parametrize("stream", ["bookings", "users"])
def test_it_works_without_most_streams(tmp_path: Path, stream: str, *, marts: bool) -> None:
    account = Account(seed=1, bookings=60, nasty=False)
    load(tmp_path, account, stream, marts=marts)
    page = export(tmp_path)
    assert (account.objects("bookings")[0]["owner"] in page) is (stream == "bookings")
    assert ("No bookings." in page) is (stream == "users")


def test_sample_data_is_called_so(tmp_path: Path) -> None:
    models.load(tmp_path, Account(seed=1, bookings=20))
    assert "sample data" not in export(tmp_path)
    (tmp_path / "warehouse.duckdb").rename(tmp_path / "demo.duckdb")
    assert "sample data" in export(tmp_path, "demo.duckdb")


def test_it_says_when_the_marts_are_behind(tmp_path: Path) -> None:
    account = Account(seed=1, bookings=20)
    models.load(tmp_path, account)
    models.build(tmp_path)
    assert "loaded later" not in export(tmp_path)
    models.load(tmp_path, account)
    assert "loaded later" in export(tmp_path)


FILTERED = """
import json, sys, types
from notebooks import account
chosen = json.loads(sys.argv[1])
filters = {name: types.SimpleNamespace(value=value) for name, value in chosen.items()}
_, names = account.app.run(defs=filters)
print(names["con"].execute("SELECT count(*) FROM chosen").fetchall()[0][0])
"""


@pytest.mark.parametrize("marts", [False, True], ids=["raw", "marts"])
def test_the_filters_choose(tmp_path: Path, *, marts: bool) -> None:
    account = Account(seed=1, bookings=200, nasty=False)
    load(tmp_path, account, marts=marts)
    bookings = meetings(account)
    names = {u["id"]: f"{u['first_name']} {u['last_name']}" for u in account.objects("users")}
    calendars = {c["id"]: c["name"] for c in account.objects("booking_calendars")}
    one = next(b for b in bookings if b["booking_calendar"])
    owner, calendar, day = one["owner"], one["booking_calendar"], one["starting_time"][:10]

    def chosen(owners: list[str], places: list[str], first: str, last: str) -> int:
        wanted = {"dates": [first, last], "owner": owners, "calendar": places}
        command = [str(MARIMO.with_name("python")), "-c", FILTERED, json.dumps(wanted)]
        file = str(tmp_path / "warehouse.duckdb")
        return int(programs.run(command, programs.ROOT, WAREHOUSE=file).output)

    always = ("1970-01-01", "2999-01-01")
    assert chosen([], [], *always) == len(bookings)
    assert chosen([names[owner]], [], *always) == sum(b["owner"] == owner for b in bookings)
    assert chosen([names[owner]], [calendars[calendar]], *always) == sum(
        (b["owner"], b["booking_calendar"]) == (owner, calendar) for b in bookings
    )
    assert chosen([], [], day, day) == sum(b["starting_time"][:10] == day for b in bookings)


def test_while_a_load_has_the_file_it_says_so(tmp_path: Path) -> None:
    writer = (
        "import duckdb; c = duckdb.connect('warehouse.duckdb'); print('open', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", writer],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout
        process.stdout.readline()
        assert "is in use by a load" in export(tmp_path)
        process.kill()


def test_without_a_warehouse_it_says_how_to_get_one(tmp_path: Path) -> None:
    assert "make run" in export(tmp_path)


def test_owners_of_one_name_are_told_apart_and_empty_days_have_their_place(tmp_path: Path) -> None:
    account = Account(seed=1, bookings=60, users=4, nasty=False)
    for user in account.objects("users")[:2]:
        account.edit("users", user["id"], first_name="Ann", last_name="Lee")
    models.load(tmp_path, account)
    charts = specifications(export(tmp_path))
    shown = {
        name: int(rows) for rows, name in re.findall(r'"bookings":(\d+),.*?"name":"(.+?)"', charts)
    }
    owned = Counter(b["owner"] for b in meetings(account))
    namesakes = [user["id"] for user in account.objects("users")[:2]]
    assert all(owned[user] for user in namesakes)
    assert [shown[f"AnnLee({user})"] for user in namesakes] == [owned[user] for user in namesakes]
    days = ",".join(map(str, range(31)))
    assert f'"domain":[{days}]' in charts
    assert '"domain":["Mon","Tue","Wed","Thu","Fri","Sat","Sun"]' in charts


def specifications(page: str) -> str:
    """Return a page with the JSON of its charts in the open, without blanks."""
    for escaped, plain in (("\\u0026quot;", '"'), ("\\u0026#92;n", ""), ("\\u0026#92;", "")):
        page = page.replace(escaped, plain)
    return re.sub(r"\s", "", page)


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
                patient = Retry(connect=9, backoff_factor=0.1)
                browser.mount(page, HTTPAdapter(max_retries=patient))
                assert "/auth/login" in browser.get(page, timeout=30).url
                # It takes the token for a cookie.
                assert "/auth/login" not in browser.get(address, timeout=30).url
        finally:
            os.killpg(process.pid, signal.SIGTERM)
