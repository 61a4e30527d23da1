"""Whatever goes wrong on the way: everything arrives once, or the run says why not.

All cases run beside each other, because each spends most of its time waiting.
"""

import re
import threading
import time
import typing as t
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from sandbox import Account, Sandbox
from tests.support import inside, programs, warehouse
from tests.support.programs import pages_of
from tests.support.streams import KEYS, LISTS, offered

SMS, SLOTS = "sms_notifications", "booking_calendar_time_slots"
AVAILABILITY = "user_scheduling_availability"
OUTAGE = "outage"
Fault: t.TypeAlias = tuple[str, str, dict[str, t.Any]]
Faults: t.TypeAlias = list[Fault]
Outcomes: t.TypeAlias = "dict[str, Future[Outcome]]"


class Outcome(t.NamedTuple):
    run: programs.Run
    api: Sandbox

    def assert_complete(self, *but: str) -> None:
        for stream in {*LISTS, SLOTS, AVAILABILITY} - set(but):
            rows = warehouse.expected(stream, offered(self.api, self.api.account, stream))
            found = [tuple(row[name] for name in KEYS[stream]) for row in self.run.records(stream)]
            assert len(found) == len(rows) > 0, stream
            assert found == [*rows] or stream not in LISTS


def once(*kinds: str, objects: bool = True) -> Faults:
    """Each kind once in a list, and once for a single object."""
    faults: Faults = []
    for number, kind in enumerate(kinds):
        faults.append((kind, "/bookings", {"times": 1, "after": 2 + 2 * number}))
        path = ("/users/*", "/booking-calendars/*")[number % 2]
        faults += [(kind, path, {"times": 1, "after": 1 + number})] * objects
    return faults


def forever(kind: str, path: str, after: int = 0) -> Fault:
    return kind, path, {"times": None, "after": after}


PASSING: dict[str, Faults] = {
    "wire": once("reset", "close", "timeout", "truncated", "slow", objects=False),
    "statuses": [("502", "*", {"times": 1}), *once("408", "429", "500", "503", "520")],
    "bodies": once("html", "empty", "not_json", "half_json", "bom"),
    "lists": once("no_data", "data_null", "data_object", "data_string", objects=False),
    OUTAGE: [],
}
ASTRAY: Faults = [
    ("same_page", "/bookings", {"times": 1, "after": 4}),
    ("cycle", "/contacts", {"times": 2, "after": 4}),
    ("more_but_empty", "/notifications/sms", {"times": 1, "after": 2}),
]
BROKEN = [
    *(forever("500", "/contacts", 3), forever("timeout", "/webhooks")),
    *(forever("no_data", "/event-types"), forever("403", "/teams")),
    *(forever("422", "/booking-pages"), forever("500", "/users/*", 2)),
    forever("cycle", "/notifications/sms", 2),
]
REFUSED = [forever("401", "/bookings", 4)]
CASES = PASSING | {"astray": ASTRAY, "broken": BROKEN, "refused key": REFUSED}


def play(name: str, folder: Path) -> Outcome:
    folder.mkdir()
    sizes = {"contacts": 90, SMS: 40, "users": 9, "booking_calendars": 9}
    with Sandbox(Account(seed=8, bookings=130, **sizes), key=programs.KEY) as api:
        for kind, path, options in CASES[name]:
            api.faults.add(kind, path, **{"seconds": 4.0, **options})
        if name == OUTAGE:
            threading.Thread(target=fall_silent, args=[api]).start()
        settings = {"page_size": 10, "request_timeout_seconds": 1.5, "rate_limit_window_seconds": 2}
        settings["max_wait_seconds"] = 2 if name == "broken" else 300
        return Outcome(inside.spawn(folder, api, **settings), api)


def fall_silent(api: Sandbox) -> None:
    while api.count("/bookings") < 5:
        time.sleep(0.002)
    api.stop()
    time.sleep(1)
    api.start()


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcomes]:
    folder = tmp_path_factory.mktemp("faults")
    with ThreadPoolExecutor(len(CASES)) as pool:
        yield {name: pool.submit(play, name, folder / name) for name in CASES}


@pytest.mark.parametrize("name", PASSING)
def test_what_passes_by_itself_costs_nothing_but_time(outcomes: Outcomes, name: str) -> None:
    found = outcomes[name].result()
    assert found.run.status == 0, found.run.log
    found.assert_complete()
    hits = {entry.fault for entry in found.api.log} - {None}
    assert len(hits) >= (0 if name == OUTAGE else 4)


def test_one_page_that_leads_nowhere_is_asked_for_again(outcomes: Outcomes) -> None:
    run, api = outcomes["astray"].result()
    assert run.status == 0, run.log
    for stream in ("bookings", "contacts", SMS):
        read = [row["id"] for row in run.records(stream)]
        wanted = [item["id"] for item in api.account.objects(stream)]
        assert set(read) == set(wanted)
        assert len(read) <= len(wanted) + 5 * 10
        assert re.search(f"{stream}: .*reading again from an earlier page", run.log), stream


def test_a_broken_endpoint_does_not_stop_the_others(outcomes: Outcomes) -> None:
    found = outcomes["broken"].result()
    broken = ("contacts", "webhooks", "event_types", "teams", "booking_pages", SMS)
    run, account = found.run, found.api.account
    assert (run.status, "Traceback" in run.log) == (1, False)
    assert "7 of 13 streams failed, the others are synced. " in run.errors[-1]
    for stream in broken:
        assert any(f"{stream} failed, skipping it: " in line for line in run.errors[:-1]), stream
        assert f"{stream}: " in run.errors[-1]
    assert f"{AVAILABILITY}: 7 objects could not be read (/v2/users/" in run.errors[-1]
    assert found.api.count("/notifications/sms") < 2 + 13 * 6
    found.assert_complete(*broken, AVAILABILITY)
    with Sandbox(account, key=programs.KEY) as api:
        rest = inside.sync(api, *LISTS, AVAILABILITY, state=run.state, page_size=10)
        assert api.count("/bookings") == 1
        assert api.count("/contacts") == pages_of(90, 10) - 3
    assert rest.ended == "well"
    both = [*run.records("contacts"), *rest.records("contacts")]
    assert [r["id"] for r in both] == [r["id"] for r in account.objects("contacts")]


def test_a_key_that_is_refused_in_the_middle_ends_the_run(outcomes: Outcomes) -> None:
    found = outcomes["refused key"].result()
    assert found.run.status == 1
    (error,) = found.run.errors
    assert "OnceHub does not accept the API key: /v2/bookings answered 401 (auth" in error
    assert (found.api.log[-1].status, found.api.count(status=401)) == (401, 1)
    assert len(found.run.records("bookings")) == 10 + 9 + 9 + 9
