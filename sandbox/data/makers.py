"""One maker for each list, and what the objects that it makes show of their fields."""

import re
from collections.abc import Callable
from functools import cache

from sandbox.data import Object, bookings, people, setup, times
from sandbox.data.world import World, all_sizes
from sandbox.streams import STREAMS

_MAKERS: dict[str, Callable[[World, int, int], Object]] = {
    "bookings": bookings.make,
    "contacts": people.contact,
    "sms_notifications": people.notification,
    "booking_calendars": setup.booking_calendar,
    "booking_pages": setup.booking_page,
    "master_pages": setup.master_page,
    "event_types": setup.event_type,
    "users": setup.user,
    "teams": setup.team,
    "webhooks": setup.webhook,
}
_ID = re.compile(r"[A-Z]+-[0-9A-F]{12}")
_NAMES = {bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}


def make(stream: str, world: World, number: int, now: int) -> Object:
    """Make one object of a list."""
    ids = {"id": world.ids[stream].encode(number), "object": STREAMS[stream].kind}
    return ids | _MAKERS[stream](world, number, now)


@cache
def kinds(stream: str) -> dict[str, str]:
    """Return the fields of a list's objects, and what each of them is.

    Ids and the times that the API filters by are left out, for without them no answer
    could be right.
    """
    world = World(1, all_sizes(300, {}), times.parse("2026-01-01") or 0, nasty=False)
    found: dict[str, str] = {}
    for index in range(300):
        for name, value in make(stream, world, index, world.now).items():
            if value is not None and found.get(name) != "number":
                found[name] = _kind(value)
    return {n: kind for n, kind in found.items() if n not in {"id", *STREAMS[stream].times}}


def _kind(value: object) -> str:
    text = "time" if times.parse(value) else "string"
    return "id" if _ID.fullmatch(str(value)) else _NAMES.get(type(value), text)
