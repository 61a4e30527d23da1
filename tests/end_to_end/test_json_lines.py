"""Files of JSON lines, by the loader of meltano.yml."""

from __future__ import annotations

import json
import typing as t
from decimal import Decimal

from sandbox import Account, Sandbox
from tests.support import inside, loaders, programs, warehouse
from tests.support.streams import ALL, LISTS, offered

if t.TYPE_CHECKING:
    from pathlib import Path


def load(folder: Path, run: programs.Run) -> None:
    assert run.status == 0, run.log
    more = {"destination_path": str(folder / "files"), "do_timestamp_file": False}
    assert loaders.load("target-jsonl", folder, run.output, **more) == run.state


def rows(folder: Path, stream: str) -> list[warehouse.Row]:
    lines = (folder / f"files/{stream}.jsonl").read_text("utf-8").split("\n")
    times = warehouse.times(stream)
    records = [json.loads(line, parse_float=Decimal) for line in lines if line]
    return [
        {k: warehouse.moment(v) if v and k in times else v for k, v in record.items()}
        for record in records
    ]


def test_every_stream_arrives_field_by_field_and_a_second_run_is_added(tmp_path: Path) -> None:
    account = Account(seed=7, bookings=60, users=15, booking_calendars=6)
    with Sandbox(account, key=programs.KEY, webhook_events="objects") as api:
        first = inside.spawn(tmp_path, api, *ALL)
        load(tmp_path, first)
        for stream in ALL:
            wanted = warehouse.expected(stream, offered(api, account, stream))
            found = warehouse.by_key(stream, rows(tmp_path, stream))
            warehouse.compare(stream, found, wanted)

        edited = account.objects("bookings")[50]["id"]
        account.edit("bookings", edited, subject="edited", field_of_next_year=["new"])
        account.delete("users", account.objects("users")[0]["id"])
        second = inside.spawn(tmp_path, api, *LISTS, state=first.state)
    load(tmp_path, second)
    for stream in LISTS:
        lines = rows(tmp_path, stream)
        assert len(lines) == len(first.records(stream)) + len(second.records(stream))
        # A list that is read in full stands there as a whole, at the end.
        whole = stream not in {"bookings", "contacts", "sms_notifications"}
        newest = {(row["id"],): row for row in lines[len(first.records(stream)) * whole :]}
        wanted = warehouse.expected(stream, account.objects(stream))
        warehouse.compare(stream, newest, wanted)
