"""docs/stream-maps.md: the recipes for personal data, as they stand there."""

import re
import typing as t
from hashlib import sha256
from pathlib import Path

import pytest
import yaml

from sandbox import Account, Sandbox
from tests.support import inside, programs
from tests.support.project import blocks

MAPS = yaml.safe_load(blocks("stream-maps.md", "yaml")[0])["config"]
EMAIL = re.compile(r"[\w.+-]+@[\w.-]+\.\w+")
FIRST, LAST = "Annabel", "Leebrook"
EVIL = "secret@example.com"


def filled() -> Account:
    """Put a customer's and a user's name wherever people type one."""
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


PERSONAL = ("bookings", "contacts", "users", "sms_notifications")


@pytest.mark.parametrize(
    ("streams", "without"),
    [
        (PERSONAL, ()),
        (("bookings",), ()),
        (("contacts", "users"), ("email",)),
        (("users",), ("_extra",)),
    ],
)
def test_the_stream_map_hashes_addresses_and_drops_names_and_texts(
    streams: tuple[str, ...], without: tuple[str, ...]
) -> None:
    account = filled()
    with Sandbox(account, key=programs.KEY) as api:
        plain = inside.sync(api, *streams, without=without)
        run = inside.sync(api, *streams, without=without, **MAPS)
    assert run.ended == "well"
    for stream in streams:
        assert len(run.records(stream)) == len(plain.records(stream))
    text = run.output.decode()
    assert not EMAIL.search(text)
    for name in (FIRST, LAST):
        assert name not in text
    contacts = account.objects("contacts")
    numbers = {item.get(name) for item in contacts for name in ("phone", "mobile_phone")}
    assert not any(number in text for number in numbers if number)
    if streams == PERSONAL:
        assert EMAIL.search(plain.output.decode())
        assert all(plain.output.decode().count(name) > 10 for name in (FIRST, LAST))
        secret = MAPS["stream_map_config"]["hash_seed"]
        wanted = {
            item["id"]: sha256((secret + item["email"]).encode()).hexdigest()
            for item in contacts
            if item.get("email")
        }
        found = {r["id"]: r["email"] for r in run.records("contacts") if r["email"]}
        assert found == wanted != {}


def test_a_map_for_every_stream() -> None:
    maps = {"*": {"email": "md5(email) if email else None", "_extra": "__NULL__"}}
    with Sandbox(Account(seed=8, bookings=30), key=programs.KEY) as api:
        run = inside.sync(api, "users", "teams", "bookings", stream_maps=maps)
    assert run.ended == "well"
    assert {len(row["email"]) for row in run.records("users") if row["email"]} == {32}
    assert run.records("bookings")
    assert all("email" not in row for row in run.records("bookings") + run.records("teams"))


@pytest.mark.parametrize("expression", ["int(first_name)", "1 / 0", "email + 5"])
def test_an_expression_that_fails_with_a_record(tmp_path: Path, expression: str) -> None:
    account = filled()
    with Sandbox(account, key=programs.KEY) as api:
        maps, env = {"users": {"x": expression}}, {"LOGLEVEL": "DEBUG"}
        run = inside.spawn(tmp_path, api, "users", env=env, stream_maps=maps)
    assert run.status == 1
    (error,) = run.errors
    assert "A stream map of users does not work with a record (" in error
    assert "Traceback" not in run.log
    assert FIRST not in run.log


FORM = {"name": "kept", "guests": EVIL, "more": 1}


@pytest.mark.parametrize("sent", [FORM, {"guests": [{"e": EVIL}], "name": 5}, [{"guests": EVIL}]])
@pytest.mark.parametrize("flatten", [False, True])
def test_what_is_deselected_does_not_come_back_in_extra(sent: t.Any, *, flatten: bool) -> None:
    account = Account(seed=8, bookings=5)
    account.edit("bookings", account.objects("bookings")[0]["id"], form_submission=sent)
    flattening = {"flattening_enabled": flatten, "flattening_max_depth": 2}
    with Sandbox(account, key=programs.KEY) as api:
        run = inside.sync(api, "bookings", without=("form_submission", "guests"), **flattening)
    assert len(run.records("bookings")) == 5
    assert EVIL not in run.output.decode()
    if sent is FORM and not flatten:
        assert (
            run.records("bookings")[0]["form_submission"].items()
            >= {"name": "kept", "more": 1}.items()
        )
