"""A whole account: the real tap, the real loader, a real DuckDB file."""

from __future__ import annotations

import typing as t

from sandbox import Account, Sandbox
from tests.support import programs, warehouse
from tests.support.programs import pages_of
from tests.support.streams import LISTS

if t.TYPE_CHECKING:
    from pathlib import Path


def test_every_list_arrives_field_by_field_and_then_only_what_is_new(
    tmp_path: Path,
) -> None:
    account = Account(seed=1, bookings=300)
    with Sandbox(account, key=programs.KEY) as api:
        settings = programs.settings_for(api.url)
        first = programs.run_tap(tmp_path, settings)
        assert first.status == 0, first.log
        assert api.count("/bookings") == pages_of(300)
        programs.load(tmp_path, first.output)
        for stream in LISTS:
            objects = account.objects(stream)
            assert objects, stream
            warehouse.assert_equal(tmp_path / "warehouse.duckdb", stream, objects)

        edited = account.objects("bookings")[234]["id"]
        account.edit("bookings", edited, subject="edited\r\nsince")
        (added,) = account.add("bookings")
        before = api.count("/bookings")
        second = programs.run_tap(tmp_path, settings, state=first.state)
        assert api.count("/bookings") == before + 1
        read = {record["id"] for record in second.records("bookings")}
        assert {edited, added} <= read
        assert len(read) < 100
        programs.load(tmp_path, second.output)
        for stream in LISTS:
            objects = account.objects(stream)
            warehouse.assert_equal(tmp_path / "warehouse.duckdb", stream, objects)
