"""A whole account: the real tap, the real loader, a real DuckDB file."""

from __future__ import annotations

import json
import typing as t

import pytest

from sandbox import Account, Sandbox
from tests.support import inside, programs, warehouse
from tests.support.programs import pages_of
from tests.support.streams import LISTS

if t.TYPE_CHECKING:
    from pathlib import Path


def test_every_list_arrives_field_by_field_and_then_only_what_is_new(
    tmp_path: Path,
) -> None:
    account = Account(seed=1, bookings=2000)
    with Sandbox(account, key=programs.KEY) as api:
        settings = programs.settings_for(api.url)
        first = programs.run_tap(tmp_path, settings)
        assert first.status == 0, first.log
        assert api.count("/bookings") == pages_of(2000)
        programs.load(tmp_path, first.output)
        for stream in LISTS:
            objects = account.objects(stream)
            assert objects, stream
            warehouse.assert_equal(tmp_path / "warehouse.duckdb", stream, objects)

        edited = account.objects("bookings")[1234]["id"]
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


@pytest.mark.parametrize("surplus", [-1, 0, 1])
@pytest.mark.parametrize("batch", [1, 40])
def test_the_loader_keeps_every_row_of_every_batch(
    tmp_path: Path, batch: int, surplus: int
) -> None:
    size = 2 * batch + surplus
    account = Account(seed=batch, bookings=size, contacts=size)
    catalog = inside.catalog("bookings", "contacts")
    with Sandbox(account, key=programs.KEY) as api:
        settings = programs.settings_for(api.url)
        run = programs.run_tap(tmp_path, settings, catalog=catalog)
    state = programs.load(tmp_path, run.output, batch_size_rows=batch)
    assert json.loads(state) in run.states
    for stream in ("bookings", "contacts"):
        objects = account.objects(stream)
        warehouse.assert_equal(tmp_path / "warehouse.duckdb", stream, objects)


def test_an_incremental_run_that_brings_a_single_row(tmp_path: Path) -> None:
    account = Account(seed=3, bookings=30)
    catalog = inside.catalog("bookings")
    with Sandbox(account, key=programs.KEY) as api:
        settings = programs.settings_for(api.url, lookback_seconds=0)
        first = programs.run_tap(tmp_path, settings, catalog=catalog)
        programs.load(tmp_path, first.output)
        only = account.objects("bookings")[17]["id"]
        account.edit("bookings", only, subject="the only one")
        second = programs.run_tap(tmp_path, settings, state=first.state, catalog=catalog)
    assert [record["id"] for record in second.records("bookings")] == [only]
    programs.load(tmp_path, second.output)
    warehouse.assert_equal(tmp_path / "warehouse.duckdb", "bookings", account.objects("bookings"))
