"""Which function makes the objects, and which tells the times, of which list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.data import Object, bookings, contacts, moments, setup
from sandbox.streams import CREATED, UPDATED

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.data.moments import Moments
    from sandbox.data.world import World

MAKERS: dict[str, Callable[[World, int, int], Object]] = {
    "bookings": bookings.make,
    "contacts": contacts.contact,
    "sms_notifications": contacts.notification,
    "booking_calendars": setup.booking_calendar,
    "booking_pages": setup.booking_page,
    "master_pages": setup.master_page,
    "event_types": setup.event_type,
    "users": setup.user,
    "teams": setup.team,
    "webhooks": setup.webhook,
}

_MOMENTS: dict[str, Callable[[World, int, int], Moments]] = {
    "bookings": moments.booking,
    "contacts": moments.contact,
    "sms_notifications": moments.notification,
}


def moment(world: World, stream: str, number: int, field: str) -> int | None:
    """Return one time of an object that was there from the start."""
    found = _MOMENTS[stream](world, number, world.now)
    if field == CREATED:
        return found.created
    return found.updated if field == UPDATED else found.starting
