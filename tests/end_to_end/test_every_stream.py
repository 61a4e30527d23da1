"""All nineteen streams, in DuckDB, with whatever OnceHub may send; and the SDK's own tests."""

import json
import time
import typing as t
from collections.abc import Iterator
from datetime import timezone
from pathlib import Path

import pytest
from singer_sdk.testing import SuiteConfig, get_tap_test_class

from sandbox import Account, Sandbox
from tap_oncehub.tap import TapOnceHub
from tests.support import inside, programs, warehouse
from tests.support.postgres import free_port
from tests.support.raw import like, raw_server
from tests.support.streams import ALL, offered

SWITCHES: dict[str, dict[str, t.Any]] = {
    "other envelopes": {"time_slots_envelope": "data", "webhook_events": "objects"}
    | {"has_more": "link", "order": "updated"}
    | {"terms_field": "terms_of_service", "secret_field": "signing_secret"},
    "neither": {"webhook_events": "strings_array", "has_more": "none", "slots_strict": True}
    | {"order": "oldest", "time_filters": "days"},
}


@pytest.mark.parametrize(("name", "ahead"), [("other envelopes", -90_000), ("neither", 90_000)])
def test_every_stream_arrives_field_by_field(tmp_path: Path, name: str, ahead: float) -> None:
    account = Account(seed=7, bookings=110, users=15, booking_calendars=8, booking_pages=40)
    account.clock.offset_seconds = ahead
    files = {"encoding": {"format": "jsonl"}, "storage": {"root": tmp_path.as_uri()}}  # in vain
    with Sandbox(account, key=programs.KEY, **SWITCHES[name]) as api:
        run = inside.spawn(tmp_path, api, *ALL, time_slots_days=75, batch_config=files)
        assert run.status == 0, run.log
        assert max(len(json.dumps(s, separators=(",", ":"))) for s in run.states) < 4096
        programs.load(tmp_path, run.output)
        for stream in ALL:
            objects = offered(api, account, stream)
            assert len(run.records(stream)) == len(objects) > 0, stream  # none comes twice
            warehouse.assert_equal(tmp_path / "warehouse.duckdb", stream, objects)
        asked = [entry.query for entry in api.log if entry.path.endswith("/time-slots")]
    # By OnceHub's clock, in ranges of at most 30 days, each from where one ended
    ends = {query["end_time"] for query in asked}
    assert {query.get("start_time") for query in asked} - {None} < ends
    last = warehouse.moment(max(ends)).replace(tzinfo=timezone.utc).timestamp()
    assert abs(last - time.time() - ahead - 75 * 86400) < 60


@pytest.mark.parametrize("form", ["objects_array", "strings", "none"])
def test_webhook_events_of_any_form(form: str) -> None:
    account, stream = Account(seed=7, bookings=2), "webhook_events"
    with Sandbox(account, key=programs.KEY, webhook_events=form) as api:
        run = inside.sync(api, stream)
        assert len(run.records(stream)) == len(offered(api, account, stream))
    assert run.ended == "well"
    assert bool(run.records(stream)) == (form != "none")


@pytest.mark.parametrize("value", [7, "", "x", [], {}, [None], {"id": {}}, [{"id": []}], True])
def test_any_field_may_hold_anything(value: t.Any) -> None:
    def change(body: t.Any) -> None:
        for row in body.get("data", [body]) if isinstance(body, dict) else body:
            row.update(dict.fromkeys(row.keys() - {"id", "object"}, value))

    account = Account(seed=3, bookings=4, nasty=False)
    with Sandbox(account, key=programs.KEY) as api, raw_server(like(api, change)) as server:
        run = inside.sync(server, *ALL)
    bookmarks = run.state["bookmarks"].items()
    odd = {name for name, bookmark in bookmarks if bookmark.get("unread")}
    assert odd <= {"conversations"}  # where it is no conversation, nor the id of one
    assert run.ended == ("failed" if odd else "well")
    for stream in ("bookings", "contacts", "users", "booking", "webhooks"):
        objects = account.objects(stream if stream != "booking" else "bookings")
        found = [row["id"] for row in run.records(stream)]
        assert found == [item["id"] for item in objects] != []


@pytest.mark.parametrize("name", ["secret", "signing_secret"])
def test_a_webhooks_secret_is_nowhere_unless_it_is_wanted(name: str) -> None:
    account = Account(seed=4, bookings=10, webhooks=3)
    with Sandbox(account, key=programs.KEY, secret_field=name) as api:
        secrets = [item[name] for item in account.objects("webhooks")]
        written = inside.sync(api, "webhooks").output.decode()
        run = inside.sync(api, "webhooks", include_webhook_secrets=True)
    assert any(secrets)
    assert not any(secret in written for secret in ("secret", *filter(None, secrets)))
    found = [(row["_extra"] or {}).get(name, row.get(name)) for row in run.records("webhooks")]
    assert found == secrets


# The suite takes its settings when the class is made, before any fixture runs.
PORT = free_port()


@pytest.fixture(scope="module", autouse=True)
def _for_the_sdk() -> Iterator[None]:
    with Sandbox(Account(seed=1, bookings=30, contacts=20), key=programs.KEY, port=PORT):
        yield


TestTapOnceHub = get_tap_test_class(
    TapOnceHub,
    config=programs.settings_for(f"http://127.0.0.1:{PORT}/v2"),
    # The suite selects every stream itself, but not before it knows their columns.
    catalog=inside.catalog(*ALL),
    suite_config=SuiteConfig(ignore_no_records_for_streams=["webhook_events"]),
)
