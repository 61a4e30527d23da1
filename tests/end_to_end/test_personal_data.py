"""docs/privacy.md: its recipes for personal data as they stand there, and what else maps do."""

import re
import typing as t
from hashlib import sha256

import pytest
import yaml

from sandbox import Account, Sandbox
from tests.support import inside
from tests.support.project import blocks
from tests.support.streams import ALL, offered

MAPS = yaml.safe_load(blocks("privacy.md", "yaml")[1])["config"]
EMAIL = re.compile(r"[\w.+-]+@[\w.-]+\.\w+")
FIRST, LAST = "Annabel", "Leebrook"
EVIL = "secret@example.com"
PERSONAL = ("bookings", "contacts", "users", "sms_notifications")


@pytest.fixture
def account() -> Account:
    """A customer's and a user's name stand wherever people type one."""
    account = Account(seed=8, bookings=60, nasty=False)
    text, names = f"for {FIRST} {LAST}", {"first_name": FIRST, "last_name": LAST}
    custom = [{"name": "guest", "value": text}]
    contact, user, sms = (account.objects(stream)[0]["id"] for stream in PERSONAL[1:])
    more = {"salutation": text, "street_address": text, "custom_fields": custom}
    account.edit("contacts", contact, **names, **more)
    account.edit("users", user, **names)
    account.edit("sms_notifications", sms, details=text, new_field=text)
    bookings: dict[str, t.Any] = dict.fromkeys(("subject", "location_description"), text) | {
        "cancel_reschedule_information": {"reason": text},
        "attendees": [text],
        "form_submission": {"name": text, "note": text},
        "custom_fields": custom,
        "external_calendar": {"type": "google", "name": text},
        "new_field": text,
    }
    for booking, (field, value) in zip(account.objects("bookings"), bookings.items(), strict=False):
        account.edit("bookings", booking["id"], **{field: value})
    return account


def test_the_stream_map_hashes_addresses_and_drops_names_and_texts(
    api: Sandbox, account: Account
) -> None:
    plain, run = inside.sync(api, *PERSONAL), inside.sync(api, *PERSONAL, **MAPS)
    assert run.ended == "well"
    for stream in PERSONAL:
        assert len(run.records(stream)) == len(plain.records(stream))
    contacts = account.objects("contacts")
    numbers = {item.get(name) for item in contacts for name in ("phone", "mobile_phone")}
    text, before = run.output.decode(), plain.output.decode()
    assert EMAIL.search(before)
    assert not EMAIL.search(text)
    assert all(before.count(name) > 10 for name in (FIRST, LAST))
    assert not any(private in text for private in {FIRST, LAST, *numbers} - {None})
    secret = MAPS["stream_map_config"]["hash_seed"]
    given = {item["id"]: item["email"] for item in contacts if item.get("email")}
    found = {r["id"]: r["email"] for r in run.records("contacts") if r["email"]}
    assert found == {k: sha256((secret + v).encode()).hexdigest() for k, v in given.items()}
    assert found


FORMS = ({"name": "kept", "guests": EVIL}, {"guests": [{"e": EVIL}]}, [{"guests": EVIL}])


@pytest.mark.parametrize("depth", [0, 1, 5])
def test_objects_become_columns_and_what_is_deselected_does_not_come_back(
    api: Sandbox, account: Account, depth: int
) -> None:
    bookings = [item["id"] for item in account.objects("bookings")]
    for key in bookings[9:]:
        account.delete("bookings", key)
    for key, sent in zip(bookings, FORMS, strict=False):
        account.edit("bookings", key, form_submission=sent)
    account.edit("bookings", bookings[0], external_calendar={"id": "X", "colour": {"r": 1}})
    flattening = {"flattening_enabled": bool(depth), "flattening_max_depth": depth}
    run = inside.sync(api, *ALL, without=("form_submission", "guests"), **flattening)
    assert run.ended == "well"
    assert EVIL not in run.output.decode()
    for stream in ALL:
        assert len(run.records(stream)) == len(offered(api, account, stream)), stream
    row = next(row for row in run.records("bookings") if row["id"] == bookings[0])
    form, calendar = row.get("form_submission", {}), row.get("external_calendar", {})
    assert row.get("form_submission__name") or form["name"] == "kept"
    assert row.get("external_calendar__id") or calendar["id"] == "X"
    assert "colour" in (row["_extra"] if depth else calendar)
