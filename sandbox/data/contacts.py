"""Contacts and the text messages that go to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.data import Object, times
from sandbox.data.people import person
from sandbox.data.world import ADDED
from sandbox.streams import CREATED, UPDATED

if TYPE_CHECKING:
    from sandbox.data.world import World

_TITLES = ("Buyer", "CEO", "Head of Sales", "HR Manager", "Ops Lead", "Student", "Team Assistant")
_SALUTATIONS = ("Dr.", "Mr.", "Mrs.", "Ms.", "Mx.", "Prof.")
_STATUSES = (None, None, "Qualified", "Sales qualified", "Marketing qualified", "Disqualified")
_SMS_STATUSES = ("delivered",) * 17 + ("sent", "failed", "rejected")
_EMPLOYEES = (1, 5, 12, 40, 180, 900, 25_000)
_MESSAGES = (
    "Reminder: we meet tomorrow at {hour}:00.",
    "Your booking is confirmed. Answer STOP to get no more messages.",
    "We start in one hour: https://meet.example.com/x",
)
_SEGMENT = 160


def contact_number(world: World, booking: int) -> int:
    """Choose a contact who was there when a booking was made: mostly a new one."""
    contacts, bookings = world.sizes["contacts"], world.sizes["bookings"]
    if not contacts:
        return booking % ADDED
    dice = world.dice("guest", booking)
    place = 0 if booking >= ADDED else -(-booking * contacts // max(1, bookings))
    place = min(place, contacts - 1)
    return place if dice.chance(60) else dice.between(place, contacts - 1)


def address(world: World, index: int) -> str | None:
    """Return the e-mail address of a contact: some have none, who booked by phone."""
    return None if index % 23 == 5 else person(world.seed, index).email


def _times(world: World, index: int, now: int) -> tuple[int, int]:
    if index >= ADDED:
        return now, now
    dice = world.dice("contact times", index)
    created = world.created("contacts", index, dice.below(1000))
    # Realistic: a third never changes again.
    later = dice.below(100) ** 2 * times.HOUR if dice.chance(66) else 0
    updated = created + later + dice.below(5000) * times.MILLISECOND
    return created, created if updated > now else updated


def contact(world: World, index: int, now: int) -> Object:
    """Make one contact."""
    dice = world.dice("contact", index)
    turn = world.turn(index)
    created, updated = _times(world, index, now)
    who = person(world.seed, index)
    city, state, country, zone = who.place
    known = dice.chance(50)
    last_updated = times.update(turn, updated)
    email = address(world, index)
    mobile = email is None or dice.chance(40)
    return {
        CREATED: times.creation(turn, created),
        UPDATED: last_updated,
        "last_interacted_time": last_updated if known else None,
        "owner": world.ref("users", dice.below(1 << 20)),
        "status": dice.pick(_STATUSES),
        "city": city if known else None,
        "company_size": dice.pick(("1-10", "11-50", "51-200", None)),
        "company": who.company if known else None,
        "country": country if known else None,
        "email": email,
        "employees": dice.pick(_EMPLOYEES) if known else None,
        "first_name": who.first,
        "has_consent": dice.chance(70),
        "job_title": dice.pick(_TITLES) if known else None,
        "last_name": who.last,
        "mobile_phone": who.phone if mobile else None,
        "phone": who.phone if dice.chance(30) else None,
        "post_code": f"0{dice.below(10_000):04d}" if known else None,
        "salutation": dice.pick(_SALUTATIONS) if dice.chance(30) else None,
        "state": state if known else None,
        "street_address": f"{dice.below(200)} Sample Street" if known else None,
        "terms_of_sevice": dice.chance(90),
        "bot": f"BOT-{dice.below(3):012X}" if dice.chance(20) else None,
        "form": f"FORM-{dice.below(5):012X}" if dice.chance(40) else None,
        "timezone": zone,
        "custom_fields": [{"name": "Newsletter", "value": dice.chance(50)}] if known else [],
    }


def notification(world: World, index: int, now: int) -> Object:
    """Make one text message."""
    dice = world.dice("sms", index)
    created = now
    if index < ADDED:
        when = world.created("sms_notifications", index, dice.below(1000))
        created = min(now, when + dice.below(1000) * times.MILLISECOND)
    to_user = dice.chance(20)
    number = dice.below(1 << 20)
    body = dice.pick(_MESSAGES).format(hour=dice.between(8, 17))
    if to_user:
        recipient, phone = world.ref("users", number), person(world.seed, number, "user").phone
    else:
        number %= max(1, world.sizes["contacts"])
        recipient, phone = world.ref("contacts", number), person(world.seed, number).phone
    return {
        "type": "sms",
        "status": dice.pick(_SMS_STATUSES),
        CREATED: times.creation(world.turn(index), created, "ms"),
        "recipient": recipient,
        "recipient_type": "user" if to_user else "contact",
        "details": {
            "delivered_to": phone,
            "message_body": body,
            "segment_count": 1 + len(body) // _SEGMENT,
        },
    }
