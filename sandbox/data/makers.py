"""Which function makes the objects of which list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.data import Object, bookings, contacts, setup

if TYPE_CHECKING:
    from collections.abc import Callable

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
