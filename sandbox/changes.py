"""Life in an account: random edits, additions and deletions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.data import times
from sandbox.streams import CREATED

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from sandbox.account import Account

_TRIES = 50
# Older text messages keep their status; a change could not be seen by time anyway.
_SMS_ALIVE = 2 * times.DAY

_EDITS: dict[str, tuple[tuple[str, Sequence[Any]], ...]] = {
    "bookings": (
        ("status", ("scheduled", "rescheduled", "completed", "canceled", "no_show")),
        ("subject", ("Edited, again", "Edited\nin two lines", "Edited \U0001f58a", "")),
        ("duration_minutes", (20, 40, None)),
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

Change = tuple[str, str, str]


def random_changes(
    account: Account,
    rng: random.Random,
    counts: tuple[int, int, int],
    streams: Sequence[str],
) -> list[Change]:
    """Do so many edits, additions and deletions, in random order, over some lists.

    Text messages are edited only in the two days after their creation.

    Returns:
        What was done: (action, list, id); fewer than asked for when lists run empty.
    """
    actions = [
        action
        for action, count in zip(("edit", "add", "delete"), counts, strict=True)
        for _ in range(count)
    ]
    rng.shuffle(actions)
    done = (_change(account, rng, action, streams) for action in actions)
    return [change for change in done if change]


def _change(
    account: Account, rng: random.Random, action: str, streams: Sequence[str]
) -> Change | None:
    for _ in range(_TRIES):
        stream = rng.choice(streams)
        if action == "add":
            return action, stream, account.add(stream)[0]
        key = _some(account, rng, stream)
        if key is None or (action == "edit" and not _edit(account, rng, stream, key)):
            continue
        if action == "delete":
            account.delete(stream, key)
        return action, stream, key
    return None


def _some(account: Account, rng: random.Random, stream: str) -> str | None:
    collection = account.collection(stream)
    ranks = collection.ranks()
    for _ in range(_TRIES if len(collection) else 0):
        # Half of the time among the newest, as in life.
        rank = rng.choice(ranks[:200] if rng.random() < 1 / 2 else ranks)
        if rank not in collection.deleted:
            return collection.id_of(rank)
    return None


def _edit(account: Account, rng: random.Random, stream: str, key: str) -> bool:
    if stream == "sms_notifications":
        item = account.object(stream, key) or {}
        created = times.parse(item.get(CREATED))
        if created is None or created < account.clock.now() - _SMS_ALIVE:
            return False
    field, values = rng.choice(_EDITS.get(stream, _OTHERS))
    account.edit(stream, key, **{field: rng.choice(values)})
    return True
