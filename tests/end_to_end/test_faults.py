"""Whatever goes wrong on the way: everything arrives once, or the run says why not.

All cases run beside each other, because each spends most of its time waiting.
"""

from __future__ import annotations

import random
import threading
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from sandbox import Account, Sandbox
from tests.support import programs, warehouse
from tests.support.programs import pages_of
from tests.support.streams import LISTS, offered

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from pathlib import Path

AT_ONCE = 8
SETTINGS = {"page_size": 10, "request_timeout_seconds": 1.5, "rate_limit_window_seconds": 2}
ON_THE_WIRE = ["reset", "close", "timeout", "truncated", "half_json"]
STATUSES = ["408", "429", "500", "503", "520"]
BODIES = ["html", "empty", "not_json"]
LIST_BODIES = ["no_data", "data_null", "data_object", "data_string"]
HARMLESS = ["slow", "bom"]
ANYWHERE = [*ON_THE_WIRE, *STATUSES, *BODIES]
IN_LISTS = [*ANYWHERE, *LIST_BODIES]
CHILDREN = ["/users/*", "/booking-calendars/*"]


@dataclass
class Outcome:
    """A run, and the API that it read."""

    run: programs.Run
    api: Sandbox
    account: Account
    folder: Path

    def assert_complete(self, *but: str) -> None:
        """Find every object of every list once, and every child."""
        for stream in (name for name in LISTS if name not in but):
            found = [row["id"] for row in self.run.records(stream)]
            wanted = [item["id"] for item in self.account.objects(stream)]
            assert found == wanted, stream
        for stream in ("booking_calendar_time_slots", "user_scheduling_availability"):
            rows = warehouse.expected(stream, offered(self.api, self.account, stream))
            assert len(self.run.records(stream)) == len(rows) > 0, stream


@dataclass
class Case:
    """Faults, and settings of the tap to meet them with."""

    faults: list[tuple[str, str, dict[str, t.Any]]]
    settings: dict[str, t.Any] = field(default_factory=dict)
    meanwhile: Callable[[Sandbox], None] | None = None

    def play(self, folder: Path) -> Outcome:
        """Run the tap against an account with these faults."""
        folder.mkdir()
        account = Account(seed=8, bookings=130, contacts=90, users=9, booking_calendars=9)
        with Sandbox(account, key=programs.KEY) as api:
            for kind, path, options in self.faults:
                api.faults.add(kind, path, **{"seconds": 4.0, **options})
            settings = {**SETTINGS, **self.settings}
            if self.meanwhile:
                threading.Thread(target=self.meanwhile, args=[api]).start()
            run = programs.run_tap(folder, programs.settings_for(api.url, **settings))
            return Outcome(run, api, account, folder)


def alone(kind: str, times: int = 1) -> Case:
    lists = [(kind, "/bookings", {"times": times, "after": 4})]
    if kind in LIST_BODIES:
        return Case(lists)
    return Case(lists + [(kind, path, {"times": 1, "after": 2}) for path in CHILDREN])


def mixed(seed: int) -> Case:
    """Faults of every kind at random points, a fifth of all requests."""
    rng = random.Random(seed)
    faults = [
        (kind, path, {"times": 1, "probability": 0.06, "seed": rng.random()})
        for path, kinds in [(None, ANYWHERE), ("/bookings", IN_LISTS), ("/contacts", IN_LISTS)]
        for kind in rng.sample(kinds, 5)
    ]
    return Case(t.cast("t.Any", faults))


def outage(api: Sandbox) -> None:
    while api.count("/bookings") < 5:
        time.sleep(0.002)
    api.stop()
    time.sleep(1)
    api.start()


def always(kind: str, path: str, after: int = 0, **settings: t.Any) -> Case:
    return Case([(kind, path, {"times": None, "after": after})], settings)


PASSING = {
    **{kind: alone(kind) for kind in [*IN_LISTS, *HARMLESS]},
    "503 twice": alone("503", times=2),
    "outage": Case([], meanwhile=outage),
    "502 at the first request": Case([("502", "*", {})]),
    **{f"mixed {seed}": mixed(seed) for seed in range(2)},
}
LOADED = ["truncated", "data_object", "outage", "mixed 0"]
STEPPING_BACK = {
    kind: Case([(kind, "/bookings", {"times": 1, "after": 4})])
    for kind in ("same_page", "more_but_empty")
} | {"cycle": Case([("cycle", "/bookings", {"times": 2, "after": 4})])}
DEAD_ENDS = {
    **{kind: always(kind, "/bookings", 4) for kind in ("same_page", "cycle", "more_but_empty")},
    "same_page from the start": always("same_page", "/bookings"),
}
BROKEN = {
    kind: always(kind, "/contacts", 3, max_wait_seconds=6)
    for kind in ("500", "timeout", "no_data", "403", "422")
}
BROKEN_CHILD = always("500", "/users/*", 2, max_wait_seconds=6)
REFUSED = always("401", "/bookings", 4)
CASES = {
    "broken child": BROKEN_CHILD,
    **{f"passing {name}": case for name, case in PASSING.items()},
    **{f"stepping back {name}": case for name, case in STEPPING_BACK.items()},
    **{f"dead end {name}": case for name, case in DEAD_ENDS.items()},
    **{f"broken {name}": case for name, case in BROKEN.items()},
    "refused key": REFUSED,
}
Outcomes: t.TypeAlias = "dict[str, Future[Outcome]]"


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcomes]:
    folder = tmp_path_factory.mktemp("faults")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        # Those that take longest first.
        names = sorted(CASES, key=lambda name: "mixed" not in name)
        yield {name: pool.submit(CASES[name].play, folder / name) for name in names}


@pytest.mark.parametrize("name", PASSING)
def test_what_passes_by_itself_costs_nothing_but_time(outcomes: Outcomes, name: str) -> None:
    found = outcomes[f"passing {name}"].result()
    assert found.run.status == 0, found.run.log
    found.assert_complete()
    hits = {entry.fault for entry in found.api.log} - {None}
    assert hits or name == "outage"
    if name in LOADED:
        programs.load(found.folder, found.run.output)
        for stream in LISTS:
            objects = found.account.objects(stream)
            warehouse.assert_equal(found.folder / "warehouse.duckdb", stream, objects)


@pytest.mark.parametrize("kind", STEPPING_BACK)
def test_one_page_that_leads_nowhere_is_asked_for_again(outcomes: Outcomes, kind: str) -> None:
    found = outcomes[f"stepping back {kind}"].result()
    assert found.run.status == 0, found.run.log
    read = [row["id"] for row in found.run.records("bookings")]
    wanted = [item["id"] for item in found.account.objects("bookings")]
    assert set(read) == set(wanted)
    assert len(read) <= len(wanted) + 5 * 10
    assert "reading again from an earlier page" in found.run.log


@pytest.mark.parametrize("name", DEAD_ENDS)
def test_a_list_without_end_is_an_error_of_that_stream(outcomes: Outcomes, name: str) -> None:
    found = outcomes[f"dead end {name}"].result()
    assert found.run.status == 1
    assert found.api.count("/bookings") < 4 + 13 * 6
    assert (
        "1 of 13 streams failed, the others are synced. bookings: the list changes faster"
        in found.run.errors[-1]
    )
    found.assert_complete("bookings")
    assert not found.run.state["bookmarks"]["bookings"]["replication_key_value"]


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_endpoint_does_not_stop_the_others(outcomes: Outcomes, kind: str) -> None:
    found = outcomes[f"broken {kind}"].result()
    assert found.run.status == 1
    assert len(found.run.errors) == 2
    assert "contacts failed, skipping it: " in found.run.errors[0]
    assert "1 of 13 streams failed, the others are synced. contacts: " in found.run.errors[1]
    assert "Traceback" not in found.run.log
    found.assert_complete("contacts")
    assert len(found.run.records("contacts")) == 10 + 9 + 9
    bookmarks = found.run.state["bookmarks"]
    assert bookmarks["bookings"]["replication_key_value"]
    assert not bookmarks["contacts"]["replication_key_value"]
    assert bookmarks["contacts"]["resume"]


def test_after_a_broken_endpoint_the_next_run_goes_on(outcomes: Outcomes) -> None:
    found = outcomes["broken 500"].result()
    with Sandbox(found.account, key=programs.KEY) as api:
        settings = programs.settings_for(api.url, page_size=10)
        run = programs.run_tap(found.folder, settings, state=found.run.state)
        assert api.count("/bookings") == 1
        assert api.count("/contacts") == pages_of(len(found.account.objects("contacts")), 10) - 3
    assert run.status == 0, run.log
    both = [*found.run.records("contacts"), *run.records("contacts")]
    assert [r["id"] for r in both] == [r["id"] for r in found.account.objects("contacts")]


def test_a_broken_child_endpoint_does_not_stop_its_parent(outcomes: Outcomes) -> None:
    found = outcomes["broken child"].result()
    assert found.run.status == 1
    assert "1 of 13 streams failed" in found.run.errors[-1]
    assert (
        "user_scheduling_availability: 7 objects could not be read (/v2/users/"
        in found.run.errors[-1]
    )
    for stream in LISTS:
        assert len(found.run.records(stream)) == len(found.account.objects(stream))


def test_a_key_that_is_refused_in_the_middle_ends_the_run(outcomes: Outcomes) -> None:
    found = outcomes["refused key"].result()
    assert found.run.status == 1
    (error,) = found.run.errors
    assert "OnceHub does not accept the API key: /v2/bookings answered 401 (auth" in error
    assert "APIs & Webhooks" in error
    assert found.api.log[-1].status == 401
    assert found.api.count(status=401) == 1
    assert len(found.run.records("bookings")) == 10 + 9 + 9 + 9
    assert found.run.state["bookmarks"]["bookings"]["resume"]


def test_a_plan_without_text_messages_costs_that_stream_and_one_request(tmp_path: Path) -> None:
    account = Account(seed=8, bookings=30, users=5, booking_calendars=5)
    with Sandbox(account, key=programs.KEY, plan_without_sms=True) as api:
        api.faults.add("403", "/webhooks")
        run = programs.run_tap(tmp_path, programs.settings_for(api.url))
        assert api.count("/test") == 1
        assert run.status == 1
        assert "2 of 13 streams failed, the others are synced. webhooks: " in run.log
        assert "answered 403 (authentication_error" in run.errors[-1]
        assert "deselect the stream" in run.errors[-1]
        Outcome(run, api, account, tmp_path).assert_complete("sms_notifications", "webhooks")
