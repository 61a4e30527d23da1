"""Bookings: who meets whom, when, and what they wrote in the form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.data import Object, moments, times
from sandbox.data.people import COMPANIES, person
from sandbox.data.world import ADDED

if TYPE_CHECKING:
    from sandbox.data.dice import Dice
    from sandbox.data.moments import Moments
    from sandbox.data.people import Person
    from sandbox.data.world import World

_SUBJECTS = (
    "Demo", "Discovery call", "Interview", "Kick-off", "Onboarding session",
    "Portfolio review", "Quarterly review", "Support call",
)  # fmt: skip
_PROVIDERS = (
    "google",
    "google",
    "google",
    "exchange",
    "office_365",
    "office_365",
    "icloud",
)
# Yen and won have no smaller unit, dinar three decimals.
_PRICES = (
    ("USD", 9900),
    ("USD", 25000),
    ("EUR", 12050),
    ("JPY", 15000),
    ("KWD", 30500),
    ("KRW", 1),
)
_SOURCES = (
    ("google", "cpc"),
    ("newsletter", "email"),
    ("linkedin", "social"),
    ("website", None),
)
_NOTES = (
    None,
    "",
    "Looking forward to it.",
    "Please call me on my mobile phone.",
    "Two of us.",
)
_BUDGETS = ("under 5k", "5k to 20k", "over 20k", None)


def make(world: World, index: int, now: int) -> Object:
    """Make one booking."""
    dice = world.dice("booking", index)
    turn = world.turn(index)
    when = moments.booking(world, index, now)
    number = _contact_number(world, index, dice)
    guest = person(world.seed, number)
    key = world.ids["bookings"].encode(index)
    owner = world.ref("users", dice.below(1 << 20))
    site = f"https://sandbox.example.com/b/{key}"
    duration = when.minutes
    booking: Object = {
        "id": key,
        "object": "booking",
        "tracking_id": f"T{key[-9:]}",
        "subject": f"{dice.pick(_SUBJECTS)} with {guest.name}",
        "status": when.status,
        "in_trash": not dice.below(50),
        "creation_time": _text(when.created, moments.style(turn, "s")),
        "starting_time": times.text(when.starting, moments.style(turn, "s")),
        "customer_timezone": guest.place[3],
        "last_updated_time": _text(when.updated, moments.style(turn, "ms")),
        "owner": owner,
        "duration_minutes": duration,
        "virtual_conferencing": _conferencing(key, dice),
        "location_description": None if dice.chance(80) else f"{guest.place[0]}, room 2",
        "rescheduled_booking_id": _follower(world, when, dice),
        "cancel_reschedule_information": _reason(when, owner, dice),
        "attendees": [guest.email],
        "form_submission": _form(guest, world, number, dice),
        **_page(world, dice),
        "ics_url": f"{site}.ics",
        "cancel_url": f"{site}/cancel",
        "reschedule_url": f"{site}/reschedule",
        "payment_information": _payment(key, dice),
        "external_calendar": _calendar(key, dice),
        "custom_fields": [{"name": "Budget", "value": dice.pick(_BUDGETS)}],
        "conversation": f"CVR-{key[-12:]}" if dice.chance(5) else None,
        "utm_params": _utm(dice),
        "contact": world.ref("contacts", number),
    }
    booking["attendees"] += booking["form_submission"]["guests"]
    return booking


def _text(ticks: int | None, style: str) -> str | None:
    return None if ticks is None else times.text(ticks, style)


def _contact_number(world: World, index: int, dice: Dice) -> int:
    """Choose a contact who was there when the booking was made: mostly a new one."""
    contacts, bookings = world.sizes["contacts"], world.sizes["bookings"]
    if not contacts:
        return index % ADDED
    place = 0 if index >= ADDED else -(-index * contacts // max(1, bookings))
    place = min(place, contacts - 1)
    return place if dice.chance(60) else dice.between(place, contacts - 1)


def _conferencing(key: str, dice: Dice) -> Object | None:
    if dice.chance(25):
        return None
    return {"join_url": f"https://meet.example.com/{key[-8:].lower()}"}


def _follower(world: World, when: Moments, dice: Dice) -> str | None:
    if when.status != "rescheduled":
        return None
    return world.ref("bookings", dice.below(1 << 20))


def _reason(when: Moments, owner: str | None, dice: Dice) -> Object | None:
    if when.status not in ("canceled", "rescheduled"):
        return None
    by_user = dice.chance(30)
    return {
        "reason": dice.pick(("Conflict", "No longer needed", "Ill", None)),
        "actioned_by": "user" if by_user else "customer",
        "user_id": owner if by_user else None,
    }


def _form(guest: Person, world: World, number: int, dice: Dice) -> Object:
    return {
        "name": guest.name,
        "email": guest.email,
        "phone": guest.phone if dice.chance(40) else None,
        "mobile_phone": guest.phone if dice.chance(20) else None,
        "note": dice.pick(_NOTES),
        "company": guest.company if dice.chance(60) else None,
        "guests": [person(world.seed, number, "friend").email] if dice.chance(10) else [],
        "custom_fields": [
            {
                "name": "How did you hear about us?",
                "value": dice.pick(("Web", "A friend", None)),
            },
            {"name": "Company size", "value": 10 * dice.below(200)},
        ],
    }


def _page(world: World, dice: Dice) -> Object:
    """Choose where it was booked. Realistic: 70 % on calendars, not classic pages."""
    number = dice.below(1 << 20)
    if dice.chance(70):
        where = {"booking_calendar": world.ref("booking_calendars", number)}
    else:
        where = {
            "booking_page": world.ref("booking_pages", number),
            "master_page": world.ref("master_pages", number) if number % 2 else None,
            "event_type": world.ref("event_types", number) if number % 3 else None,
        }
    empty = dict.fromkeys(("booking_page", "master_page", "event_type", "booking_calendar"))
    return {**empty, **where}


def _payment(key: str, dice: Dice) -> Object | None:
    if dice.chance(88):
        return None
    currency, amount = dice.pick(_PRICES)
    return {
        "amount_charged": amount,
        "currency": currency,
        "transaction_id": f"TEST{key[-6:]}",
    }


def _calendar(key: str, dice: Dice) -> Object:
    name = dice.pick(COMPANIES)
    kind = dice.pick(_PROVIDERS)
    return {
        "type": kind,
        "name": name,
        "id": f"{kind}-calendar",
        "event_id": key[-12:].lower(),
    }


def _utm(dice: Dice) -> Object | None:
    if dice.chance(75):
        return None
    source, medium = dice.pick(_SOURCES)
    campaign = dice.pick(("spring", "summer", None))
    return {
        "source": source,
        "medium": medium,
        "campaign": campaign,
        "term": None,
        "content": None,
    }
