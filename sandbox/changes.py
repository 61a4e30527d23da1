"""Random edits, additions and deletions, as they happen in an account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.data import Object, times
from sandbox.streams import CREATED

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from sandbox.collection import Collection

TRIES = 50
# Older text messages keep their status; a change could not be seen by time anyway.
_SMS_ALIVE = 2 * times.DAY

_EDITS: dict[str, tuple[tuple[str, Sequence[Any]], ...]] = {
    "bookings": (
        ("status", ("scheduled", "completed", "canceled", "no_show")),
        ("subject", ("Edited, again", "Edited\nin two lines", "Edited \U0001f58a", "")),
        ("duration_minutes", (20, 40, None)),
        ("starting_time", tuple(f"{year}-03-05T09:00:00Z" for year in range(2015, 2048, 4))),
    ),
    "contacts": (
        ("company", ("Edited & Sons", None, 'The "Edited" Company')),
        ("status", ("Qualified", "Disqualified", None)),
        ("has_consent", (True, False)),
    ),
    "sms_notifications": (("status", ("sent", "failed", "delivered", "rejected")),),
    "booking_calendars": (
        ("name", ("Edited calendar", "Edited, calendar")),
        ("published", (True, False)),
    ),
    "users": (("last_name", ("Edited", "D'Edité")), ("teams", ([],))),
}
_OTHERS = (("name", ("Edited", "Edited \u2014 twice", "")),)


def some_id(rng: random.Random, collection: Collection) -> str | None:
    """Return the id of a random object of a list; None if none was found."""
    ranks = collection.ranks()
    for _ in range(TRIES if len(collection) else 0):
        # Half of the time among the newest, as in life.
        rank = rng.choice(ranks[:200] if rng.random() < 1 / 2 else ranks)
        if rank not in collection.deleted:
            return collection.id_of(rank)
    return None


def is_editable(stream: str, item: Object, now: int) -> bool:
    """Return whether an object may still change: text messages only for two days."""
    if stream != "sms_notifications":
        return True
    created = times.parse(item.get(CREATED))
    return created is not None and created >= now - _SMS_ALIVE


def edit(rng: random.Random, stream: str) -> Object:
    """Return a random field of an object with its new value."""
    field, values = rng.choice(_EDITS.get(stream, _OTHERS))
    return {field: rng.choice(values)}
