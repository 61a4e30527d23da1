"""docs/stream-maps.md: the recipes for personal data, as they stand there."""

from __future__ import annotations

import itertools
import re
import typing as t
from hashlib import sha256

import pytest
import yaml

from sandbox import Account, Sandbox
from tests.support import inside, programs
from tests.support.project import Project

if t.TYPE_CHECKING:
    from pathlib import Path

PAGE = programs.ROOT.joinpath("docs/stream-maps.md").read_text("utf-8")
BLOCKS = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]
EMAIL = re.compile(r"[\w.+-]+@[\w.-]+\.\w+")

FIRST, LAST = "Annabel", "Leebrook"
EVIL = "secret@example.com"


def block(name: str) -> t.Any:
    return next(found[name] for found in BLOCKS if name in found)


def fill(account: Account) -> None:
    """Put a customer's and a user's name wherever people type one."""
    name = {"first_name": FIRST, "last_name": LAST}
    text = f"for {FIRST} {LAST}"
    for stream in ("contacts", "users"):
        account.edit(stream, account.objects(stream)[0]["id"], **name)
    contact = account.objects("contacts")[0]["id"]
    custom = [{"name": "guest", "value": text}]
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


def test_the_stream_map_hashes_addresses_and_drops_names_and_texts(tmp_path: Path) -> None:
    account = Account(seed=8, bookings=200, nasty=False)
    fill(account)
    with Sandbox(account, key=programs.KEY) as api:
        plain = programs.run_tap(tmp_path, programs.settings_for(api.url))
        settings = programs.settings_for(api.url, **block("config"))
        run = programs.run_tap(tmp_path, settings)
    assert run.status == 0, run.log
    for stream in ("bookings", "contacts", "users", "sms_notifications"):
        assert len(run.records(stream)) == len(plain.records(stream))
    contacts = account.objects("contacts")
    secret = block("config")["stream_map_config"]["hash_seed"]
    wanted = {
        item["id"]: sha256((secret + item["email"]).encode()).hexdigest()
        for item in contacts
        if item.get("email")
    }
    assert wanted
    found = {r["id"]: r["email"] for r in run.records("contacts") if r["email"]}
    assert found == wanted
    text = run.output.decode()
    for contact, name in itertools.product(contacts, ("email", "phone", "mobile_phone")):
        assert not contact.get(name) or str(contact[name]) not in text
    assert not EMAIL.search(text)
    assert EMAIL.search(plain.output.decode())
    for name in (FIRST, LAST):
        assert name not in text
        assert plain.output.decode().count(name) > 10


def test_the_stream_map_where_less_is_selected() -> None:
    account = Account(seed=8, bookings=30, nasty=False)
    fill(account)
    for catalog in (
        inside.catalog("bookings"),
        inside.catalog("contacts", "users", without=("email",)),
        inside.catalog("users", without=("_extra",)),
    ):
        with Sandbox(account, key=programs.KEY) as api:
            plain = inside.run(programs.settings_for(api.url), catalog)
            run = inside.run(programs.settings_for(api.url, **block("config")), catalog)
        assert run.ended == "well"
        for stream in ("bookings", "contacts", "users"):
            assert len(run.records(stream)) == len(plain.records(stream))
        assert not EMAIL.search(run.output.decode())
        assert LAST not in run.output.decode()


def test_a_map_for_every_stream() -> None:
    maps = {"*": {"email": "md5(email) if email else None", "_extra": "__NULL__"}}
    with Sandbox(Account(seed=8, bookings=30), key=programs.KEY) as api:
        settings = programs.settings_for(api.url, stream_maps=maps)
        run = inside.run(settings, inside.catalog("users", "teams", "bookings"))
    assert run.ended == "well"
    assert {len(row["email"]) for row in run.records("users") if row["email"]} == {32}
    assert run.records("bookings")
    assert all("email" not in row for row in run.records("bookings") + run.records("teams"))


def test_an_expression_that_fails_with_a_record(tmp_path: Path) -> None:
    maps = {"users": {"email": "email + 5"}}
    account = Account(seed=8, bookings=5, nasty=False)
    account.edit("users", account.objects("users")[0]["id"], email="jo@example.com")
    with Sandbox(account, key=programs.KEY) as api:
        run = programs.run_tap(tmp_path, programs.settings_for(api.url, stream_maps=maps))
    assert run.status == 1
    (error,) = run.errors
    assert error.endswith("A stream map of users does not work with a record (TypeError).")
    assert "Traceback" not in run.log
    assert "example.com" not in run.log


def test_the_selection_keeps_only_some_columns(tmp_path: Path) -> None:
    project = Project(tmp_path / "project", "").folder
    file = project / "meltano.yml"
    content = yaml.safe_load(file.read_text())
    content["plugins"]["extractors"][0]["select"] = block("select")
    file.write_text(yaml.safe_dump(content))
    account = Account(seed=8, bookings=30)
    with Sandbox(account, key=programs.KEY) as api:
        run = programs.run_meltano(project, api.url, "invoke", "tap-oncehub")
    assert run.status == 0, run.log
    assert {m["stream"] for m in run.messages if "stream" in m} == {"bookings", "users"}
    kept = {name.split(".")[1] for name in block("select")} | {"id"}
    for stream in ("bookings", "users"):
        assert run.records(stream)
        columns = {name for row in run.records(stream) for name in row}
        assert columns <= kept
    assert not EMAIL.search(run.output.decode())


def test_what_is_deselected_does_not_come_back_in_extra(tmp_path: Path) -> None:
    account = Account(seed=8, bookings=5)
    form = {"name": "kept", "guests": "secret@example.com", "more": 1}
    account.edit("bookings", account.objects("bookings")[0]["id"], form_submission=form)
    catalog = inside.catalog("bookings", without=("form_submission", "guests"))
    with Sandbox(account, key=programs.KEY) as api:
        run = programs.run_tap(tmp_path, programs.settings_for(api.url), catalog=catalog)
    first = run.records("bookings")[0]
    assert first["form_submission"]["name"] == "kept"
    assert first["form_submission"]["more"] == 1
    assert "secret@example.com" not in run.output.decode()


@pytest.mark.parametrize("sent", [{"guests": [{"e": EVIL}], "name": 5}, [{"guests": EVIL}]])
@pytest.mark.parametrize("flatten", [False, True])
def test_what_does_not_fit_of_it_does_not_either(sent: t.Any, *, flatten: bool) -> None:
    account = Account(seed=8, bookings=5)
    account.edit("bookings", account.objects("bookings")[0]["id"], form_submission=sent)
    catalog = inside.catalog("bookings", without=("form_submission", "guests"))
    with Sandbox(account, key=programs.KEY) as api:
        flattening = {"flattening_enabled": flatten, "flattening_max_depth": 2}
        run = inside.run(programs.settings_for(api.url, **flattening), catalog)
    assert len(run.records("bookings")) == 5
    assert EVIL not in run.output.decode()
