"""Bookings: who meets whom, when, and what they wrote in the form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.data import Object, conversations, moments, times
from sandbox.data.habits import habit
from sandbox.data.people import person
from sandbox.data.world import ADDED

if TYPE_CHECKING:
    from sandbox.data.dice import Dice
    from sandbox.data.habits import Habit
    from sandbox.data.moments import Moments
    from sandbox.data.people import Person
    from sandbox.data.world import World

_MANY = 1 << 20


def make(world: World, index: int, now: int) -> Object:
    """Make one booking."""
    dice = world.dice("booking", index)
    turn = world.turn(index)
    when = moments.booking(world, index, now)
    way = habit(world, dice.below(_MANY))
    number = _contact_number(world, index, dice)
    guest = person(world.seed, number)
    key = world.ids["bookings"].encode(index)
    owner = world.ref("users", dice.below(_MANY))
    site = f"https://sandbox.example.com/b/{key}"
    friends = [person(world.seed, number, "friend").email] if "guests" in way.gives else []
    return {
        "id": key,
        "object": "booking",
        "tracking_id": f"T{key[-9:]}",
        "subject": f"{way.subject} with {guest.name}",
        "status": when.status,
        "creation_time": _text(when.created, moments.style(turn, "s")),
        "starting_time": times.text(when.starting, moments.style(turn, "s")),
        "customer_timezone": guest.place[3],
        "last_updated_time": _text(when.updated, moments.style(turn, "ms")),
        "owner": owner,
        "duration_minutes": when.minutes,
        "rescheduled_booking_id": _follower(world, when, dice),
        "cancel_reschedule_information": _reason(when, owner, way),
        "attendees": [guest.email, *friends],
        "form_submission": _form(guest, friends, way),
        **_page(world, way, dice.below(_MANY)),
        "ics_url": f"{site}.ics",
        "cancel_url": f"{site}/cancel",
        "reschedule_url": f"{site}/reschedule",
        "conversation": conversations.of_booking(world, index),
        "contact": world.ref("contacts", number),
        **way.fields,
    }


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


def _follower(world: World, when: Moments, dice: Dice) -> str | None:
    if when.status != "rescheduled":
        return None
    return world.ref("bookings", dice.below(_MANY))


def _reason(when: Moments, owner: str | None, way: Habit) -> Object | None:
    if when.status not in ("canceled", "rescheduled"):
        return None
    return {
        "reason": way.reason,
        "actioned_by": "user" if way.by_user else "customer",
        "user_id": owner if way.by_user else None,
    }


def _form(guest: Person, friends: list[str], way: Habit) -> Object:
    gives = way.gives
    return {
        "name": guest.name,
        "email": guest.email,
        "phone": guest.phone if "phone" in gives else None,
        "mobile_phone": guest.phone if "mobile_phone" in gives else None,
        "note": way.note,
        "company": guest.company if "company" in gives else None,
        "guests": friends,
        "custom_fields": way.form_fields,
    }


def _page(world: World, way: Habit, number: int) -> Object:
    """Choose where it was booked."""
    classic = not way.on_calendar
    return {
        "booking_page": world.ref("booking_pages", number) if classic else None,
        "master_page": world.ref("master_pages", number) if classic and number % 2 else None,
        "event_type": world.ref("event_types", number) if classic and number % 3 else None,
        "booking_calendar": None if classic else world.ref("booking_calendars", number),
    }
