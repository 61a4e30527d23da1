"""Streams and columns as stream maps and flattening choose them."""

import pytest

from sandbox import Account, Sandbox
from tests.support import inside, programs
from tests.support.streams import ALL


def test_a_stream_map_that_removes_a_parent_leaves_its_children() -> None:
    chosen = {"users": "user_scheduling_availability", "bookings": "booking"}
    streams = (*chosen, *chosen.values())
    with Sandbox(Account(seed=1, bookings=9, users=9), key=programs.KEY) as api:
        run = inside.sync(api, *streams, stream_maps=dict.fromkeys(chosen))
        whole = inside.sync(api, *streams)
    for parent, child in chosen.items():
        assert run.records(parent) == []
        assert run.records(child) == whole.records(child) != []


@pytest.mark.parametrize("depth", [1, 5])
def test_objects_become_columns_on_request(depth: int) -> None:
    account = Account(seed=1, bookings=9)
    first = account.objects("bookings")[0]["id"]
    account.edit("bookings", first, external_calendar={"id": "X", "colour": {"r": 1}})
    with Sandbox(account, key=programs.KEY) as api:
        run = inside.sync(api, *ALL, flattening_enabled=True, flattening_max_depth=depth)
        plain = inside.sync(api, *ALL)
    assert run.ended == "well"
    for stream in ALL:
        assert len(run.records(stream)) == len(plain.records(stream)), stream
    (row,) = [row for row in run.records("bookings") if row["id"] == first]
    assert row["external_calendar__id"] == "X"
    assert "colour" in row["_extra"]
    (schema,) = [
        m["schema"] for m in run.messages if m["type"] == "SCHEMA" and m["stream"] == "bookings"
    ]
    assert {name for name, value in row.items() if value is not None} <= schema["properties"].keys()
