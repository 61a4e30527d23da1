"""The notebook, run from its first cell to its last."""

import json
import os
import re
import signal
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
from tests.support import kills, models, programs, warehouse
from tests.support.streams import LISTS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

MARIMO = programs.ROOT / ".tools/notebook/bin/marimo"
STAT = r"""data-value='"([^"]+)"'data-label='"([^"]+)"'"""
FILTERED = """
import json, sys, types
from notebooks import account
for chosen in json.loads(sys.argv[1]):
    filters = {name: types.SimpleNamespace(value=value) for name, value in chosen.items()}
    _, names = account.app.run(defs=filters)
    print(names["con"].execute("SELECT count(*) FROM chosen").fetchall()[0][0])
"""


def meetings(account: Account) -> list[dict[str, t.Any]]:
    every = account.objects("bookings")
    replaced = {b.get("rescheduled_booking_id") for b in every}
    return [b for b in every if b.get("in_trash") is not True and b["id"] not in replaced]


def is_open(booking: dict[str, t.Any]) -> bool:
    return booking.get("status") in {"requested", "scheduled", "rescheduled"}


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


def test_it_shows_what_is_in_the_warehouse_with_and_without_marts(tmp_path: Path) -> None:
    account = Account(seed=1, bookings=1300)
    bookings = meetings(account)
    owned = Counter(b.get("owner") for b in bookings)
    users = [user["id"] for user in account.objects("users")]
    namesakes = sorted(users, key=lambda user: owned[user])[-2:]
    for user in namesakes:
        account.edit("users", user, first_name="Ann", last_name="Lee")
    models.load(tmp_path, account)
    assert 0 < len(bookings) < len(account.objects("bookings")) - 20
    canceled = sum(b.get("status") == "canceled" for b in bookings)
    kept = [b for b in account.objects("bookings") if b.get("in_trash") is not True]
    for marts in (False, True):
        if marts:
            models.build(tmp_path)
        page = export(tmp_path)
        now = f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%S}"
        times = (warehouse.moment(b["starting_time"]).isoformat() for b in bookings if is_open(b))
        charts = specifications(page)
        shown = {label: value for value, label in re.findall(STAT, charts)}
        wanted = {"bookings": f"{len(bookings):,}", "canceled": f"{canceled / len(bookings):.1%}"}
        assert shown.items() >= (wanted | {"upcoming": f"{sum(t > now for t in times):,}"}).items()
        bars = re.findall(r'"bookings":(\d+),.*?"name":"(.+?)"', charts)
        shown = {name: int(number) for number, name in bars}
        assert [shown[f"AnnLee({user})"] for user in namesakes] == [owned[u] for u in namesakes]
        assert f'"domain":[{",".join(map(str, range(31)))}]' in charts
        assert '"domain":["Mon","Tue","Wed","Thu","Fri","Sat","Sun"]' in charts
        assert f"{len(kept) - len(bookings)} bookings whose place" in page
        assert all(stream in page for stream in LISTS)
        assert "No bookings." not in page
        assert "loaded later" not in page
        assert ("There are no marts" in page) is not marts
        assert ("customer_company" in page) is marts
    models.load(tmp_path, account)
    assert "loaded later" in export(tmp_path)


EMPTY = dict.fromkeys(("bookings", "contacts", "users", "booking_calendars"), 0)


@pytest.mark.parametrize("what", ["no tables", "no rows", "bookings", "users"])
def test_it_works_without_most_streams_or_rows(tmp_path: Path, what: str) -> None:
    account = Account(seed=1, **EMPTY if what == "no rows" else {"bookings": 60, "nasty": False})
    if what == "no tables":
        duckdb.connect(str(tmp_path / "warehouse.duckdb")).close()
    else:
        models.load(tmp_path, account, *([what] if what != "no rows" else ()))
    for marts in (False, True):
        if marts:
            models.build(tmp_path)
        page = export(tmp_path)
        is_shown = what == "bookings"
        assert is_shown == any(b["owner"] in page for b in account.objects("bookings")[:1])
        assert is_shown != (page.count("No bookings.") >= 6)
        assert ("Nothing has been loaded yet" in page) is (what == "no tables")


def test_it_says_what_the_file_is(tmp_path: Path) -> None:
    assert "make run" in export(tmp_path)  # where there is none
    file = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(file)):
        assert "is being written by" in export(tmp_path)
    assert "sample data" not in export(tmp_path)
    file.rename(tmp_path / "demo.duckdb")
    assert "sample data" in export(tmp_path, "demo.duckdb")


def test_the_filters_choose(tmp_path: Path) -> None:
    account = Account(seed=1, bookings=200, nasty=False)
    models.load(tmp_path, account)
    bookings = meetings(account)
    names = {u["id"]: f"{u['first_name']} {u['last_name']}" for u in account.objects("users")}
    calendars = {c["id"]: c["name"] for c in account.objects("booking_calendars")}
    one = next(b for b in bookings if b["booking_calendar"])
    owner, calendar, day = one["owner"], one["booking_calendar"], one["starting_time"][:10]
    always = {"dates": ["1970-01-01", "2999-01-01"], "owner": [], "calendar": []}
    by_owner = always | {"owner": [names[owner]]}
    both = by_owner | {"calendar": [calendars[calendar]]}
    chosen = json.dumps([always, by_owner, both, always | {"dates": [day, day]}])
    command = [str(MARIMO.with_name("python")), "-c", FILTERED, chosen]
    owned = [b for b in bookings if b["owner"] == owner]
    by_calendar = sum(b["booking_calendar"] == calendar for b in owned)
    of_day = sum(b["starting_time"][:10] == day for b in bookings)
    for marts in (False, True):
        if marts:
            models.build(tmp_path)
        file = str(tmp_path / "warehouse.duckdb")
        found = programs.run(command, programs.ROOT, WAREHOUSE=file).output.split()
        assert [*map(int, found)] == [len(bookings), len(owned), by_calendar, of_day]


def test_only_who_started_it_can_open_it(tmp_path: Path) -> None:
    command = ["/usr/bin/env", "make", "notebook", "NOTEBOOK_ARGS=--headless"]
    log = tmp_path / "log"
    with programs.start(command, programs.ROOT, log) as process:
        try:
            kills.wait_for(lambda: "access_token" in log.read_text(), process, log)
            address = re.findall(r"http://\S+", log.read_text())[0]
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
