"""What tables of the pages say of settings and personal data is what the tap does."""

import json
import re

import pytest

from sandbox import Account, Sandbox
from tap_oncehub.schemas import SCHEMAS
from tap_oncehub.settings import SETTINGS
from tests.docs.pages import PAGES
from tests.support import inside, programs
from tests.support.streams import LISTS


def table(page: str, first_column: str) -> list[list[str]]:
    """The cells of the table whose first column has this heading."""
    _, _, after = PAGES[page].partition(f"\n| {first_column} |")
    rows = after.partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row[1:-1].split("|")] for row in rows]


def test_settings() -> None:
    required = dict.fromkeys(SETTINGS["required"], "required")
    wanted = []
    for name, part in SETTINGS["properties"].items():
        if not name.startswith(("flattening_", "faker_", "stream_map")):
            default = json.dumps(part["default"]).strip('"') if "default" in part else ""
            row = [name, part["type"][0], required.get(name, default), part["description"]]
            wanted.append(row)
    assert table("docs/settings.md", "setting") == wanted


# Personal data

FIELDS = {
    stream: {name for cell in fields for name in cell.split(", ") if name}
    for streams, *fields in table("docs/privacy.md", "stream")
    for stream in streams.split(", ")
}
LINKS = {"cancel_url", "reschedule_url", "cancel_reschedule_url", "ics_url"}
EMAIL = re.compile(r"[\w.+-]+@[\w.-]+\.\w+")
PHONE = re.compile(r"\+\d[\d ()-]{6,}")


@pytest.mark.parametrize("stream", sorted({*LISTS, *FIELDS}))
def test_no_other_field_holds_an_address_or_a_number(stream: str) -> None:
    assert FIELDS.get(stream, set()) <= SCHEMAS.get_schema(stream)["properties"].keys()
    account = Account(seed=4, bookings=200, nasty=False)
    for item in account.objects(stream) if stream in LISTS else ():
        for name in item.keys() - FIELDS.get(stream, set()) - LINKS:
            text = json.dumps(item[name], ensure_ascii=False)
            assert not EMAIL.search(text), name
            assert not PHONE.search(text), name


def test_state_holds_names_times_and_ids() -> None:
    with Sandbox(Account(seed=4, bookings=40), key=programs.KEY) as api:
        settings = programs.settings_for(api.url, page_size=5)
        run = inside.run(settings, inside.catalog("bookings", "contacts", "users"))
    times = r"\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:\d\d))?"
    names_ids_and_hashes = r"(?:[a-z_]+ )?[0-9a-f]{8}|[a-z_]+|[A-Z]+-[A-Za-z0-9]+|[0-9a-f]{16}"
    assert len(run.states) > 10
    for leaf in re.findall(r'"((?:[^"\\]|\\.)*)"', json.dumps(run.states)):
        assert re.fullmatch(f"{names_ids_and_hashes}|{times}", leaf), leaf
