"""The dbt models: made by the real dbt, and what they should hold.

What is expected is computed here from the API's objects, without any SQL.
"""

from __future__ import annotations

import typing as t
import zoneinfo
from collections import Counter, defaultdict
from datetime import datetime, timedelta, timezone

from sandbox import Sandbox
from tests.support import inside, programs, warehouse
from tests.support.programs import KEY, ROOT, Run
from tests.support.streams import ALL, offered

if t.TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from sandbox import Account

Row: t.TypeAlias = dict[str, t.Any]
Streams: t.TypeAlias = dict[str, list[Row]]


def dbt(folder: Path, target: str, *arguments: str, **variables: str) -> str:
    """Run dbt, with variables as meltano.yml sets them; gives what it said.

    The folder is for what dbt compiles and logs.
    """
    program = ROOT / ".meltano/utilities/dbt-duckdb/venv/bin/dbt"
    paths = dict.fromkeys(("DBT_TARGET_PATH", "DBT_LOG_PATH"), str(folder / "dbt"))
    command = [str(program), "--no-use-colors", *arguments]
    done = programs.run(command, ROOT / "transform", DBT_TARGET=target, **paths, **variables)
    said = done.output.decode()
    assert done.status == 0, said
    return said


def build(folder: Path) -> str:
    """Make the models in a folder's warehouse.duckdb."""
    return dbt(folder, "duckdb", "build", DBT_DUCKDB_FILEPATH=str(folder / "warehouse.duckdb"))


def load(folder: Path, account: Account, *streams: str) -> Run:
    """Load these streams, or else those that are selected by default, into warehouse.duckdb."""
    with Sandbox(account, key=KEY) as api:
        catalog = inside.catalog(*streams) if streams else None
        run = programs.run_tap(folder, programs.settings_for(api.url), catalog=catalog)
    programs.load(folder, run.output)
    return run


def rows_of(api: Sandbox, account: Account, streams: Iterable[str] = ALL) -> Streams:
    """Make the rows of the streams from the API's objects; those of others are none."""
    made: Streams = defaultdict(list)
    for stream in streams:
        made[stream] = list(warehouse.expected(stream, offered(api, account, stream)).values())
    return made


def present(streams: Streams) -> list[Row]:
    """Give the bookings that count."""
    deleted = {row["id"] for row in streams["booking"] if row["deleted"]}
    return [row for row in streams["bookings"] if not row["in_trash"] and row["id"] not in deleted]


def bookings(streams: Streams) -> dict[str, Row]:
    """Compute the mart bookings."""
    users = {row["id"]: full_name(row) for row in streams["users"]}
    contacts = {row["id"]: row for row in streams["contacts"]}
    names = {
        stream: {row["id"]: row["name"] for row in streams[stream]}
        for stream in ("booking_calendars", "booking_pages", "master_pages", "event_types")
    }
    hosts = defaultdict(list)
    for host in sorted(streams["booking_hosts"], key=lambda host: host["user_id"]):
        hosts[host["booking_id"]].append(users.get(host["user_id"]) or host["user_id"])
    zones = {row["id"]: row["timezone"] for row in streams["users"]}
    told = chains(streams["bookings"])
    replaced = {
        row["rescheduled_booking_id"]
        for row in streams["bookings"]
        if row["rescheduled_booking_id"] != row["id"]
    }
    shared = sessions([row for row in present(streams) if row["id"] not in replaced])
    made = {}
    for row in present(streams):
        status, created, starting = row["status"], row["creation_time"], row["starting_time"]
        known, minutes = None not in (created, starting), row["duration_minutes"]
        contact = contacts.get(row["contact"], {})
        calendar, page = row["booking_calendar"], row["booking_page"]
        cancel, payment = (
            field(row, "cancel_reschedule_information"),
            field(row, "payment_information"),
        )
        form = field(row, "form_submission")
        alone = Chain(row["id"], 0, status, payment)
        chain = told.get(row["id"], alone)
        seated = shared.get(row["id"], [])
        made[row["id"]] = {
            "booking_id": row["id"],
            **{name: row[name] for name in _UNCHANGED},
            "is_open": status in {"requested", "scheduled", "rescheduled"},
            **{f"is_{name}": status == name for name in _STATUSES},
            "ending_time": None
            if None in (starting, minutes)
            else starting + timedelta(minutes=minutes),
            "lead_time_hours": hours(created, starting) if known else None,
            "owner_id": row["owner"],
            "owner_name": users.get(row["owner"]),
            "hosts": len(hosts[row["id"]]) or None,
            "host_names": ", ".join(hosts[row["id"]]) or None,
            "booked_on": "booking_calendar" if calendar else "booking_page" if page else None,
            "booked_on_id": calendar or page,
            "booked_on_name": names["booking_calendars"].get(calendar)
            if names["booking_calendars"].get(calendar) is not None
            else names["booking_pages"].get(page),
            "master_page_id": row["master_page"],
            "master_page_name": names["master_pages"].get(row["master_page"]),
            "event_type_id": row["event_type"],
            "event_type_name": names["event_types"].get(row["event_type"]),
            "contact_id": row["contact"],
            "customer_email": contact.get("email") or text(form.get("email")),
            "customer_name": full_name(contact) or text(form.get("name")),
            "customer_company": contact.get("company") or text(form.get("company")),
            "customer_country": contact.get("country"),
            **{f"utm_{name}": text(field(row, "utm_params").get(name)) for name in _UTM},
            "payment_amount": payment.get("amount_charged"),
            "payment_currency": text(payment.get("currency")),
            "canceled_by": text(cancel.get("actioned_by")),
            "cancel_reason": text(cancel.get("reason")),
            "conversation_id": row["conversation"],
            "first_booking_id": chain.first,
            "reschedules": chain.reschedules,
            "is_first_of_chain": chain.reschedules == 0,
            "is_replaced": row["id"] in replaced,
            "was_moved": row["rescheduled_booking_id"] is not None
            or status == "rescheduled"
            or (status != "canceled" and any(cancel.get(name) for name in _WHO)),
            "chain_status": chain.status,
            "chain_payment_amount": chain.payment.get("amount_charged"),
            "chain_payment_currency": text(chain.payment.get("currency")),
            "session_id": min(seated, default=row["id"]),
            "seats": len(seated) or None,
            "customer_starting_time": local(starting, row["customer_timezone"]),
            "owner_starting_time": local(starting, zones.get(row["owner"])),
        }
    return made


_UNCHANGED = (
    "subject",
    "status",
    "creation_time",
    "starting_time",
    "duration_minutes",
    "customer_timezone",
    "last_updated_time",
)
_STATUSES = ("completed", "canceled", "no_show", "rescheduled")
_UTM = ("source", "medium", "campaign", "term", "content")


_ZONES = zoneinfo.available_timezones()
_WHO = ("reason", "actioned_by", "user_id")


class Chain(t.NamedTuple):
    """What a booking's chain of reschedules comes to."""

    first: str
    reschedules: int
    status: str | None
    payment: Row


def chains(rows: list[Row]) -> dict[str, Chain]:
    """Walk back from each booking to the first of its chain, over all that are loaded."""
    by_id = {row["id"]: row for row in rows}
    members = defaultdict(list)
    for row in rows:
        way = [row["id"]]
        while (earlier := by_id[way[-1]]["rescheduled_booking_id"]) in by_id and earlier not in way:
            way.append(earlier)
        if earlier not in by_id or earlier == way[-1]:  # no circle
            members[way[-1]].append((row, len(way) - 1))
    made = {}
    for first, found in members.items():
        newest = max(found, key=lambda pair: (made_at(pair[0]), pair[1], pair[0]["id"]))[0]
        paid = [
            (place, row["id"], field(row, "payment_information"))
            for row, place in found
            if field(row, "payment_information").get("amount_charged") is not None
        ]
        payment = min(paid, key=lambda paid: paid[:2])[2] if paid else {}
        if len(found) == 1:
            payment = field(found[0][0], "payment_information")
        for row, place in found:
            made[row["id"]] = Chain(first, place, newest["status"], payment)
    return made


def made_at(row: Row) -> datetime:
    """Give the time at which a booking was made; what has none comes first."""
    return t.cast("datetime", row["creation_time"] or datetime.min)  # noqa: DTZ901


def sessions(rows: list[Row]) -> dict[str, list[str]]:
    """Give the ids of the bookings that share a meeting, by the id of each."""
    found = defaultdict(list)
    for row in rows:
        place = row["booking_calendar"] or row["booking_page"], row["starting_time"], row["owner"]
        if row["status"] != "canceled" and None not in place:
            found[place].append(row["id"])
    return {key: keys for keys in found.values() for key in keys}


def local(time: datetime | None, zone: str | None) -> datetime | None:
    """Give what the clocks of a zone show, without the zone; nothing for an unknown one."""
    if time is None or zone not in _ZONES:
        return None
    in_utc = time.replace(tzinfo=timezone.utc)
    return in_utc.astimezone(zoneinfo.ZoneInfo(zone or "")).replace(tzinfo=None)


def contacts(streams: Streams) -> dict[str, Row]:
    """Compute the mart contacts."""
    users = {row["id"]: full_name(row) for row in streams["users"]}
    theirs = defaultdict(list)
    for booking in bookings(streams).values():
        theirs[booking["contact_id"]].append(booking)
    made = {}
    for row in streams["contacts"]:
        own = theirs[row["id"]]
        booked = [booking["creation_time"] for booking in own if booking["creation_time"]]
        meetings = [b for b in own if not b["is_replaced"]]
        kept = [b for b in meetings if not (b["is_canceled"] or b["is_no_show"])]
        engaged = [b["starting_time"] for b in kept if b["starting_time"]]
        met = [b["starting_time"] for b in own if b["is_completed"] and b["starting_time"]]
        made[row["id"]] = {
            "contact_id": row["id"],
            **{name: row[name] for name in _OF_CONTACTS},
            "owner_id": row["owner"],
            "owner_name": users.get(row["owner"]),
            "bookings": len(own),
            **{
                f"{name}_bookings": sum(booking[f"is_{name}"] for booking in own)
                for name in ("completed", "canceled", "no_show", "open")
            },
            "first_booked_at": min(booked, default=None),
            "last_booked_at": max(booked, default=None),
            "last_met_at": max(met, default=None),
            "meetings": len(meetings),
            "held_meetings": sum(b["is_completed"] for b in meetings),
            "canceled_meetings": sum(b["is_canceled"] for b in meetings),
            "is_engaged": bool(engaged),
            "first_engaged_at": min(engaged, default=None),
            "hours_to_engagement": hours(row["creation_time"], min(engaged))
            if engaged and row["creation_time"]
            else None,
        }
    return made


_OF_CONTACTS = (
    *("email", "first_name", "last_name", "company", "job_title", "country", "timezone"),
    *("status", "has_consent", "creation_time", "last_interacted_time"),
)


def daily_bookings(streams: Streams) -> dict[tuple[t.Any, ...], Row]:
    """Count bookings by day, owner, calendar or page, and status."""
    groups = defaultdict(list)
    for b in bookings(streams).values():
        day = b["starting_time"].date().isoformat() if b["starting_time"] else None
        groups[day, b["owner_id"], b["booked_on_id"], b["status"]].append(b)
    made = {}
    for key, found in groups.items():
        meetings = [b for b in found if not b["is_replaced"]]
        minutes = [b["duration_minutes"] for b in found if b["duration_minutes"] is not None]
        made[key] = {
            "bookings": len(found),
            "minutes": sum(minutes) if minutes else None,
            "first_bookings": sum(b["is_first_of_chain"] for b in found),
            "meetings": len(meetings),
            "held_meetings": sum(b["is_completed"] for b in meetings),
            "sessions": len({b["session_id"] for b in meetings}),
        }
    return made


def capacity(
    streams: Streams, read_at: datetime | None
) -> dict[tuple[str, int, int], tuple[int, int]]:
    """Count free and booked slots by calendar, weekday and hour in the host's zone."""
    zones = {row["id"]: row["timezone"] for row in streams["users"]}
    hosts = {
        row["id"]: zones.get(row["host"])
        for row in streams["booking_calendars"]
        if row["published"] is not False
    }
    free = [
        (slot["booking_calendar_id"], slot["start_time"])
        for slot in streams["booking_calendar_time_slots"]
    ]
    if read_at is None:
        return {}
    end = max(start for _, start in free)
    booked = {
        (b["booked_on_id"], b["starting_time"])
        for b in bookings(streams).values()
        if b["is_open"] and not b["is_replaced"] and b["booked_on"] == "booking_calendar"
    }
    made: dict[tuple[str, int, int], list[int]] = defaultdict(lambda: [0, 0])
    for is_booked, pairs_of in enumerate((free, booked)):
        for calendar, start in pairs_of:
            if calendar in hosts and start is not None and read_at <= start <= end:
                here = local(start, hosts[calendar]) or start
                made[calendar, here.isoweekday(), here.hour][is_booked] += 1
    return {key: (free, booked) for key, (free, booked) in made.items()}


def lists(streams: Streams) -> dict[str, Counter[tuple[t.Any, ...]]]:
    """Compute the views that have a row for each item of a list."""
    booked = present(streams)
    custom = [(b["id"], b["custom_fields"]) for b in booked]
    forms = [(b["id"], field(b, "form_submission")) for b in booked]
    slots = streams["booking_calendar_time_slots"]
    schedules = streams["user_scheduling_availability"]
    return {
        "stg_booking_attendees": texts((b["id"], b["attendees"]) for b in booked),
        "stg_booking_guests": texts((key, form.get("guests")) for key, form in forms),
        "stg_booking_answers": pairs((key, form.get("custom_fields")) for key, form in forms),
        "stg_booking_custom_fields": pairs(custom),
        "stg_contact_custom_fields": pairs(
            (c["id"], c["custom_fields"]) for c in streams["contacts"]
        ),
        "stg_conversation_answers": Counter(
            (c["id"], n, *(text((a or {}).get(name)) for name in _ANSWER))
            for c in streams["conversations"]
            for n, a in enumerate(c["answers"] or (), 1)
        ),
        "stg_conversation_bookings": texts(
            (c["id"], c["bookings"]) for c in streams["conversations"]
        ),
        "stg_user_teams": texts((u["id"], u["teams"]) for u in streams["users"]),
        "stg_webhook_subscriptions": texts((w["id"], w["events"]) for w in streams["webhooks"]),
        "stg_time_slot_locations": Counter(
            (
                slot["booking_calendar_id"],
                slot["start_time"],
                n,
                *(text((place or {}).get(name)) for name in ("type", "value", "id")),
            )
            for slot in slots
            for n, place in enumerate(slot["locations"] or (), 1)
        ),
        "stg_weekly_hours": hours_of(schedules, "weekly", "day"),
        "stg_override_hours": hours_of(schedules, "overrides", "date", "day"),
    }


_ANSWER = ("id", "internal_label", "question", "value")


def texts(items: Iterable[tuple[str, t.Any]]) -> Counter[tuple[t.Any, ...]]:
    """Number the texts in lists."""
    return Counter(
        (key, n, text(item)) for key, found in items for n, item in enumerate(found or (), 1)
    )


def pairs(items: Iterable[tuple[str, t.Any]]) -> Counter[tuple[t.Any, ...]]:
    """Number the custom fields in lists."""
    return Counter(
        (key, n, text((item or {}).get("name")), text((item or {}).get("value")))
        for key, found in items
        for n, item in enumerate(found or (), 1)
    )


def hours_of(schedules: list[Row], column: str, *names: str) -> Counter[tuple[t.Any, ...]]:
    """Number the spans of days."""
    return Counter(
        (
            row["user_id"],
            *(text(day.get(name)) for name in names),
            n,
            text(span.get("start_time")),
            text(span.get("end_time")),
            row["timezone"],
        )
        for row in schedules
        for day in row[column] or ()
        for n, span in enumerate(day.get("working_hours") or (), 1)
    )


def field(row: Row, name: str) -> Row:
    """Give an object; an empty one, where there is none."""
    return row[name] or {}


def text(value: str | None) -> str | None:
    """Give a text; an empty one is none."""
    return value or None


def full_name(row: Row) -> str | None:
    """Join first and last name."""
    return f"{row.get('first_name') or ''} {row.get('last_name') or ''}".strip(" ") or None


def hours(start: t.Any, end: t.Any) -> float:
    """Give the hours between two times, fractions of a second left out."""
    span = end.replace(microsecond=0) - start.replace(microsecond=0)
    return float(span.total_seconds() / 3600)
