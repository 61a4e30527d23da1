"""The dbt models: made by the real dbt, and what they should hold.

What is expected is computed here from the API's objects, without any SQL.
"""

import typing as t
import zoneinfo
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from pathlib import Path

from sandbox import Account, Sandbox
from tests.support import inside, programs, warehouse
from tests.support.programs import KEY, ROOT, Run
from tests.support.streams import ALL, KEYS, offered

Row: t.TypeAlias = dict[str, t.Any]
Streams: t.TypeAlias = dict[str, list[Row]]
Answer: t.TypeAlias = "Counter[tuple[t.Any, ...]]"


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


# --- bookings

_UNCHANGED = (
    *("subject", "status", "creation_time", "starting_time", "duration_minutes"),
    *("customer_timezone", "last_updated_time"),
)
_OPEN = {"requested", "scheduled", "rescheduled"}
_ZONES = zoneinfo.available_timezones()


def bookings(streams: Streams) -> dict[str, Row]:
    """Compute the mart bookings."""
    users = {row["id"]: full_name(row) for row in streams["users"]}
    zones = {row["id"]: row["timezone"] for row in streams["users"]}
    contacts = {row["id"]: row for row in streams["contacts"]}
    named = ("booking_calendars", "booking_pages", "master_pages", "event_types")
    names = {row["id"]: row["name"] for stream in named for row in streams[stream]}
    hosts = defaultdict(list)
    for host in sorted(streams["booking_hosts"], key=lambda host: host["user_id"]):
        hosts[host["booking_id"]].append(users.get(host["user_id"]) or host["user_id"])
    told = chains(streams["bookings"])
    links = [(row["id"], row["rescheduled_booking_id"]) for row in streams["bookings"]]
    replaced = {earlier for key, earlier in links if earlier != key}
    shared = sessions([row for row in present(streams) if row["id"] not in replaced])
    made = {}
    for row in present(streams):
        key, status, start = row["id"], row["status"], row["starting_time"]
        calendar, page = row["booking_calendar"], row["booking_page"]
        contact = contacts.get(row["contact"], {})
        cancel, payment = row["cancel_reschedule_information"], row["payment_information"] or {}
        form, utm = (row[name] or {} for name in ("form_submission", "utm_params"))
        chain = told.get(key, Chain(key, 0, status, payment))
        seated = shared.get(key, [])
        made[key] = {
            "booking_id": key,
            **{name: row[name] for name in _UNCHANGED},
            "is_open": status in _OPEN,
            **{
                f"is_{name}": status == name
                for name in ("completed", "canceled", "no_show", "rescheduled")
            },
            "ending_time": apply(
                lambda start, minutes: start + timedelta(minutes=minutes),
                *(start, row["duration_minutes"]),
            ),
            "lead_time_hours": apply(hours, row["creation_time"], start),
            "owner_id": row["owner"],
            "owner_name": users.get(row["owner"]),
            "hosts": len(hosts[key]) or None,
            "host_names": ", ".join(hosts[key]) or None,
            "booked_on": "booking_calendar" if calendar else "booking_page" if page else None,
            "booked_on_id": calendar or page,
            "booked_on_name": names.get(page) if names.get(calendar) is None else names[calendar],
            **{f"{name}_id": row[name] for name in ("master_page", "event_type", "contact")},
            **{f"{n}_name": names.get(row[n]) for n in ("master_page", "event_type")},
            "customer_email": contact.get("email") or form.get("email") or None,
            "customer_name": full_name(contact) or form.get("name") or None,
            "customer_company": contact.get("company") or form.get("company") or None,
            "customer_country": contact.get("country"),
            **{
                f"utm_{name}": utm.get(name) or None
                for name in ("source", "medium", "campaign", "term", "content")
            },
            "payment_amount": payment.get("amount_charged"),
            "payment_currency": payment.get("currency") or None,
            "canceled_by": found_at(cancel, "actioned_by") or None,
            "cancel_reason": found_at(cancel, "reason") or None,
            "conversation_id": row["conversation"],
            "first_booking_id": chain.first,
            "reschedules": chain.reschedules,
            "is_first_of_chain": chain.reschedules == 0,
            "is_replaced": key in replaced,
            "was_moved": row["rescheduled_booking_id"] is not None
            or status == "rescheduled"
            or (status != "canceled" and any(found_at(cancel, name) for name in _WHO)),
            "chain_status": chain.status,
            "chain_payment_amount": chain.payment.get("amount_charged"),
            "chain_payment_currency": chain.payment.get("currency") or None,
            "session_id": min(seated, default=key),
            "seats": len(seated) or None,
            "customer_starting_time": local(start, row["customer_timezone"]),
            "owner_starting_time": local(start, zones.get(row["owner"])),
        }
    return made


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
            members[way[-1]].append((len(way) - 1, row["id"]))
    made = {}
    for first, found in members.items():
        # What has no time comes first.
        made_at = {key: by_id[key]["creation_time"] or datetime.min for _, key in found}  # noqa: DTZ901
        newest = max(found, key=lambda one: (made_at[one[1]], *one))[1]
        payments = [by_id[key]["payment_information"] or {} for _, key in sorted(found)]
        paid = [payment for payment in payments if payment.get("amount_charged") is not None]
        payment = [*paid, {}][0] if len(found) > 1 else payments[0]
        for place, key in found:
            made[key] = Chain(first, place, by_id[newest]["status"], payment)
    return made


def sessions(rows: list[Row]) -> dict[str, list[str]]:
    """Give the ids of the bookings that share a meeting, by the id of each."""
    found = defaultdict(list)
    for row in rows:
        place = row["booking_calendar"] or row["booking_page"], row["starting_time"], row["owner"]
        if row["status"] != "canceled" and None not in place:
            found[place].append(row["id"])
    return {key: keys for keys in found.values() for key in keys}


# --- what is counted from them


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
            "hours_to_engagement": apply(hours, row["creation_time"], min(engaged, default=None)),
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
    calendars = [row for row in streams["booking_calendars"] if row["published"] is not False]
    hosts = {row["id"]: zones.get(row["host"]) for row in calendars}
    free = [
        (slot["booking_calendar_id"], slot["start_time"])
        for slot in streams["booking_calendar_time_slots"]
    ]
    booked = {
        (b["booked_on_id"], b["starting_time"])
        for b in bookings(streams).values()
        if b["is_open"] and not b["is_replaced"] and b["booked_on"] == "booking_calendar"
    }
    made: dict[tuple[str, int, int], list[int]] = defaultdict(lambda: [0, 0])
    end = max((start for _, start in free), default=None)
    for is_booked, found in enumerate((free, booked)):
        for calendar, start in found:
            if calendar in hosts and read_at and start is not None and read_at <= start <= end:
                here = local(start, hosts[calendar]) or start
                made[calendar, here.isoweekday(), here.hour][is_booked] += 1
    return {key: (free, booked) for key, (free, booked) in made.items()}


# --- a row for each item of a list

_ITEMS = """
stg_booking_attendees bookings attendees
stg_booking_guests bookings form_submission.guests
stg_booking_answers bookings form_submission.custom_fields name value
stg_booking_custom_fields bookings custom_fields name value
stg_contact_custom_fields contacts custom_fields name value
stg_conversation_answers conversations answers id internal_label question value
stg_conversation_bookings conversations bookings
stg_user_teams users teams
stg_webhook_subscriptions webhooks events
stg_time_slot_locations booking_calendar_time_slots locations type value id
"""
"""The views: stream, list, and what is taken of each item; nothing where items are texts."""
_DAYS = {"stg_weekly_hours": ("weekly", "day"), "stg_override_hours": ("overrides", "date", "day")}


def lists(streams: Streams) -> dict[str, Answer]:
    """Compute the views that have a row for each item of a list."""
    streams = {**streams, "bookings": present(streams)}
    made: dict[str, Answer] = {}
    for view, stream, path, *names in map(str.split, _ITEMS.strip().splitlines()):
        made[view] = Counter(
            (*(row[key] for key in KEYS[stream]), n, *texts(item, names))
            for row in streams.get(stream, ())
            for n, item in enumerate(found_at(row, path) or (), 1)
        )
    for view, (column, *names) in _DAYS.items():
        made[view] = Counter(
            (row["user_id"], *texts(day, names), n, *texts(span, _SPAN), row["timezone"])
            for row in streams.get("user_scheduling_availability", ())
            for day in row[column] or ()
            for n, span in enumerate(day.get("working_hours") or (), 1)
        )
    return made


_SPAN = ("start_time", "end_time")


def found_at(row: t.Any, path: str) -> t.Any:
    """Give what stands at a path of names; nothing, where one is missing."""
    for name in path.split("."):
        row = (row or {}).get(name)
    return row


def texts(item: t.Any, names: Iterable[str]) -> Iterable[str | None]:
    """Give a text, or some of an object; an empty one is none."""
    return [(item or {}).get(name) or None for name in names] if names else [item or None]


def apply(function: t.Callable[..., t.Any], *values: t.Any) -> t.Any:
    """Compute something of values that are all there."""
    return None if None in values else function(*values)


def local(time: datetime | None, zone: str | None) -> datetime | None:
    """Give what the clocks of a zone show, without the zone; nothing for an unknown one."""
    if time is None or zone not in _ZONES:
        return None
    in_utc = time.replace(tzinfo=timezone.utc)
    return in_utc.astimezone(zoneinfo.ZoneInfo(zone or "")).replace(tzinfo=None)


def full_name(row: Row) -> str | None:
    """Join first and last name."""
    return f"{row.get('first_name') or ''} {row.get('last_name') or ''}".strip(" ") or None


def hours(start: datetime, end: datetime) -> float:
    """Give the hours between two times, fractions of a second left out."""
    span = end.replace(microsecond=0) - start.replace(microsecond=0)
    return float(span.total_seconds() / 3600)
