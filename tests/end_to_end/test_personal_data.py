"""docs/stream-maps.md: its recipes for personal data as they stand there, and what else maps do."""

import re
import typing as t
from hashlib import sha256

import pytest
import yaml

from sandbox import Account, Sandbox
from tests.support import inside
from tests.support.project import blocks
from tests.support.streams import ALL

MAPS = yaml.safe_load(blocks("stream-maps.md", "yaml")[0])["config"]
EMAIL = re.compile(r"[\w.+-]+@[\w.-]+\.\w+")
FIRST, LAST = "Annabel", "Leebrook"
EVIL = "secret@example.com"
PERSONAL = ("bookings", "contacts", "users", "sms_notifications")


@pytest.fixture
def account() -> Account:
    """A customer's and a user's name stand wherever people type one."""
    account = Account(seed=8, bookings=60, nasty=False)
    text = f"for {FIRST} {LAST}"
    custom = [{"name": "guest", "value": text}]
    for stream in ("contacts", "users"):
        key = account.objects(stream)[0]["id"]
        account.edit(stream, key, first_name=FIRST, last_name=LAST)
    contact = account.objects("contacts")[0]["id"]
    account.edit("contacts", contact, salutation=text, street_address=text, custom_fields=custom)
    bookings: dict[str, t.Any] = {
        "subject": text,
        "location_description": text,
        "cancel_reschedule_information": {"reason": text},
        "attendees": [text],
        "form_submission": {"name": text, "note": text},
        "custom_fields": custom,
        "external_calendar": {"type": "google", "name": text},
        "new_field": text,
    }
    for booking, (field, value) in zip(account.objects("bookings"), bookings.items(), strict=False):
        account.edit("bookings", booking["id"], **{field: value})
    sms = account.objects("sms_notifications")[0]["id"]
    account.edit("sms_notifications", sms, details=text, new_field=text)
    return account


@pytest.mark.parametrize(
    ("streams", "without"),
    [(PERSONAL, ()), (("contacts", "users"), ("email",)), (("users",), ("_extra",))],
)
def test_the_stream_map_hashes_addresses_and_drops_names_and_texts(
    api: Sandbox, account: Account, streams: tuple[str, ...], without: tuple[str, ...]
) -> None:
    plain = inside.sync(api, *streams, without=without)
    run = inside.sync(api, *streams, without=without, **MAPS)
    assert run.ended == "well"
    for stream in streams:
        assert len(run.records(stream)) == len(plain.records(stream))
    contacts = account.objects("contacts")
    numbers = {item.get(name) for item in contacts for name in ("phone", "mobile_phone")}
    text, before = run.output.decode(), plain.output.decode()
    assert not EMAIL.search(text)
    assert not any(private in text for private in {FIRST, LAST, *numbers} - {None})
    if streams == PERSONAL:
        assert EMAIL.search(before)
        assert all(before.count(name) > 10 for name in (FIRST, LAST))
        secret = MAPS["stream_map_config"]["hash_seed"]
        given = {item["id"]: item["email"] for item in contacts if item.get("email")}
        found = {r["id"]: r["email"] for r in run.records("contacts") if r["email"]}
        assert found == {k: sha256((secret + v).encode()).hexdigest() for k, v in given.items()}
        assert found


def test_a_map_for_every_stream(api: Sandbox) -> None:
    maps = {"*": {"email": "md5(email) if email else None", "_extra": "__NULL__"}}
    run = inside.sync(api, "users", "teams", "bookings", stream_maps=maps)
    assert run.ended == "well"
    assert {len(row["email"]) for row in run.records("users") if row["email"]} == {32}
    assert run.records("bookings")
    assert all("email" not in row for row in run.records("bookings") + run.records("teams"))


def test_a_map_that_removes_a_parent_leaves_its_children(api: Sandbox) -> None:
    chosen = {"users": "user_scheduling_availability", "bookings": "booking"}
    streams = (*chosen, *chosen.values())
    run = inside.sync(api, *streams, stream_maps=dict.fromkeys(chosen))
    whole = inside.sync(api, *streams)
    for parent, child in chosen.items():
        assert run.records(parent) == []
        assert run.records(child) == whole.records(child) != []


FORM = {"name": "kept", "guests": EVIL, "more": 1}


@pytest.mark.parametrize("sent", [FORM, {"guests": [{"e": EVIL}], "name": 5}, [{"guests": EVIL}]])
@pytest.mark.parametrize("flatten", [False, True])
def test_what_is_deselected_does_not_come_back_in_extra(
    api: Sandbox, account: Account, sent: t.Any, *, flatten: bool
) -> None:
    key = account.objects("bookings")[0]["id"]
    account.edit("bookings", key, form_submission=sent)
    flattening = {"flattening_enabled": flatten, "flattening_max_depth": 2}
    run = inside.sync(api, "bookings", without=("form_submission", "guests"), **flattening)
    assert len(run.records("bookings")) == 60
    assert EVIL not in run.output.decode()
    (row,) = (row for row in run.records("bookings") if row["id"] == key)
    if sent is FORM and not flatten:
        assert row["form_submission"].items() >= {"name": "kept", "more": 1}.items()


def test_objects_become_columns_on_request(api: Sandbox, account: Account) -> None:
    for item in account.objects("bookings")[9:]:
        account.delete("bookings", item["id"])
    first = account.objects("bookings")[0]["id"]
    account.edit("bookings", first, external_calendar={"id": "X", "colour": {"r": 1}})
    plain = inside.sync(api, *ALL)
    for depth in (1, 5):
        run = inside.sync(api, *ALL, flattening_enabled=True, flattening_max_depth=depth)
        assert run.ended == "well"
        for stream in ALL:
            assert len(run.records(stream)) == len(plain.records(stream)), stream
        (row,) = [row for row in run.records("bookings") if row["id"] == first]
        assert row["external_calendar__id"] == "X"
        assert "colour" in row["_extra"]
        (columns,) = (
            m["schema"]["properties"]
            for m in run.messages
            if (m["type"], m.get("stream")) == ("SCHEMA", "bookings")
        )
        assert {name for name, value in row.items() if value is not None} <= columns.keys()
