"""docs/privacy.md: its table names the fields, and its claims hold in real runs."""

from __future__ import annotations

import json
import re
import typing as t

import pytest

from sandbox import Account, Sandbox
from tap_oncehub.schemas import load_schema
from tests.support import inside, programs
from tests.support.project import Project
from tests.support.streams import LISTS

if t.TYPE_CHECKING:
    from pathlib import Path

PAGE = programs.ROOT.joinpath("docs/privacy.md").read_text("utf-8")
HOLDERS = PAGE.partition("## What to do about it")[0]
TABLE = re.findall(r"^\| ([a-z_, ]+) \| ([a-z_, ]*) \| ([a-z_, ]*) \|$", HOLDERS, re.MULTILINE)
"""With the row of headings."""
LINKS = ("cancel_url", "reschedule_url", "cancel_reschedule_url", "ics_url")
EMAIL = re.compile(r"[\w.+-]+@[\w.-]+\.\w+")
PHONE = re.compile(r"\+\d[\d ()-]{6,}")


def names(cell: str) -> set[str]:
    return {name for name in cell.strip().split(", ") if name}


FIELDS = {
    stream: names(customers) | names(own)
    for streams, customers, own in TABLE[1:]
    for stream in names(streams)
}


@pytest.mark.parametrize("stream", sorted(FIELDS))
def test_the_fields_exist(stream: str) -> None:
    assert FIELDS[stream] - load_schema(stream)["properties"].keys() == set()


def test_single_objects_stand_beside_their_list() -> None:
    assert {"bookings", "contacts", "users", "sms_notifications"} <= FIELDS.keys()
    assert FIELDS["booking"] == FIELDS["bookings"]
    assert set(LINKS) <= load_schema("bookings")["properties"].keys()


@pytest.mark.parametrize("stream", LISTS)
def test_no_other_field_holds_an_address_or_a_number(stream: str) -> None:
    account = Account(seed=4, bookings=200, nasty=False)
    named = {*FIELDS.get(stream, set()), *LINKS}
    for item in account.objects(stream):
        for name, value in item.items():
            if name not in named:
                text = json.dumps(value, ensure_ascii=False)
                assert not EMAIL.search(text), name
                assert not PHONE.search(text), name


def leaves(node: t.Any) -> t.Iterator[str]:
    if isinstance(node, dict):
        for name, item in node.items():
            yield name
            yield from leaves(item)
    elif isinstance(node, list):
        for item in node:
            yield from leaves(item)
    else:
        yield str(node)


def test_the_state_holds_names_times_and_ids() -> None:
    with Sandbox(Account(seed=4, bookings=40), key=programs.KEY) as api:
        settings = programs.settings_for(api.url, page_size=5)
        run = inside.run(settings, inside.catalog("bookings", "contacts", "users"))
    times_and_numbers = r"\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:\d\d))?|-?\d{1,13}|None"
    names_ids_and_hashes = r"[a-z_]+|[A-Z]+-[A-Za-z0-9]+|[0-9a-f]{8}(?:[0-9a-f]{8})?"
    kinds = f"{names_ids_and_hashes}|{times_and_numbers}"
    assert len(run.states) > 10
    for leaf in {leaf for state in run.states for leaf in leaves(state)}:
        assert re.fullmatch(kinds, leaf), leaf


@pytest.mark.slow
def test_only_the_output_holds_customers_data(tmp_path: Path) -> None:
    """What lies in the project after a run through Meltano that ended by itself."""
    account = Account(seed=4, bookings=60, nasty=False)
    addresses = {c["email"].encode() for c in account.objects("contacts") if c.get("email")}
    assert addresses
    with Sandbox(account, key=programs.KEY) as api:
        project = Project(tmp_path / "project", api.url)
        run = project.run("tap-oncehub", "target-duckdb")
    assert run.status == 0, run.log
    holding = set()
    for folder in ("output", "state", ".meltano/run"):
        for file in project.folder.joinpath(folder).rglob("*"):
            content = file.read_bytes() if file.is_file() else b""
            assert programs.KEY.encode() not in content, file
            if any(address in content for address in addresses):
                holding.add(folder)
    assert holding == {"output"}
    assert not EMAIL.search(run.log)


def test_git_ignores_the_folders() -> None:
    ignored = programs.ROOT.joinpath(".gitignore").read_text("utf-8").split()
    assert {"/.meltano/", ".env", "/output/"} <= set(ignored)
