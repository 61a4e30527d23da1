"""The times of bookings, contacts and notifications."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sandbox.data.times import DAY, HOUR, MILLISECOND, MINUTE, SECOND
from sandbox.data.world import ADDED

if TYPE_CHECKING:
    from sandbox.data.dice import Dice
    from sandbox.data.world import World

# Realistic: days from booking to meeting.
_LEAD_DAYS = (0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5, 6, 7, 7, 8, 10, 14, 21, 35)
# Realistic: meetings by hour of the day (UTC).
_MEETING_HOURS = (7, 8, 8, 9, 9, 9, 10, 10, 10, 11, 11, 12, 13, 13, 14, 14, 14, 15, 15, 16, 17, 19)
# Realistic: percentages of what became of a meeting whose time has passed, or has not.
_PAST = (
    ("completed", 76), ("no_show", 7), ("canceled", 13), ("rescheduled", 3), ("requested", 1),
)  # fmt: skip
_FUTURE = (("scheduled", 80), ("requested", 4), ("canceled", 10), ("rescheduled", 6))
_DURATIONS = (15, 30, 30, 30, 30, 45, 45, 60, 60, 90)
_SATURDAY = 5

# A bulk action gives more than a page of bookings one and the same time.
_BULK_LEAST = 130
_BULK_MOST = 1000

_NULL_UPDATED = (61, 17)
_MISSING_UPDATED = (61, 43)
_NULL_CREATED = (67, 29)
_SEVEN_DIGITS = (11, 5)
_STYLES = {3: "offset", 5: "7", 7: "s"}
_STYLE_CYCLE = 11


class Moments(NamedTuple):
    """Times of an object as ticks; None is null or missing."""

    created: int | None
    updated: int | None
    starting: int = 0
    status: str = ""
    minutes: int = 0


def style(turn: int | None, usual: str) -> str:
    """Choose how a time is written."""
    return usual if turn is None else _STYLES.get(turn % _STYLE_CYCLE, usual)


def is_missing(turn: int) -> bool:
    """Return whether the update time of this nasty object is absent rather than null."""
    return turn % _MISSING_UPDATED[0] == _MISSING_UPDATED[1]


def _hit(turn: int | None, rule: tuple[int, int]) -> bool:
    return turn is not None and turn % rule[0] == rule[1]


def _weighted(dice: Dice, table: tuple[tuple[str, int], ...]) -> str:
    left = dice.below(100)
    for value, percent in table:
        left -= percent
        if left < 0:
            return value
    return table[0][0]


def _bulk(size: int) -> int:
    return min(_BULK_MOST, max(_BULK_LEAST, size // 10))


def booking(world: World, index: int, now: int) -> Moments:
    """Return the times and the fate of a booking."""
    dice = world.dice("booking times", index)
    turn = world.turn(index)
    created = now if index >= ADDED else _booking_created(world, index, dice)
    minutes = dice.pick(_DURATIONS)
    starting = _meeting(created, dice)
    if index >= ADDED:
        return Moments(created, now, starting, "scheduled", minutes)
    status = _weighted(dice, _PAST if starting < now else _FUTURE)
    updated = _updated(created, starting, status, dice)
    first = world.sizes["bookings"] // 4
    if world.nasty and first <= index < first + _bulk(world.sizes["bookings"]):
        updated = now - 3 * DAY
    known = _spoilt(min(updated, now), turn)
    shown = None if _hit(turn, _NULL_CREATED) else created
    return Moments(shown, known, starting, status, minutes)


def _booking_created(world: World, index: int, dice: Dice) -> int:
    size = world.sizes["bookings"]
    jitter = dice.below(1000)
    first = size // 2
    last = min(size, first + _bulk(size)) - 1
    if world.nasty and first <= index <= last:
        return world.created("bookings", last, 999)
    return world.created("bookings", index, jitter)


def _spoilt(updated: int, turn: int | None) -> int | None:
    if _hit(turn, _NULL_UPDATED) or _hit(turn, _MISSING_UPDATED):
        return None
    if turn is not None and _hit(turn, _SEVEN_DIGITS):
        return updated - 1 - turn % 9973
    return updated


def _meeting(created: int, dice: Dice) -> int:
    day = created // DAY + dice.pick(_LEAD_DAYS)
    weekday = (day + 3) % 7
    if weekday >= _SATURDAY:
        day += 7 - weekday
    starting = day * DAY + dice.pick(_MEETING_HOURS) * HOUR + dice.below(4) * 15 * MINUTE
    return starting if starting > created else starting + DAY


def _updated(created: int, starting: int, status: str, dice: Dice) -> int:
    moment = dice.below(60_000) * MILLISECOND
    if status in ("completed", "no_show"):
        return starting + HOUR + moment
    if status in ("canceled", "rescheduled"):
        share = dice.below(100)
        return created + (starting - created) * share // 100 // SECOND * SECOND + moment
    return created + moment % (3 * SECOND)


def contact(world: World, index: int, now: int) -> Moments:
    """Return the times of a contact."""
    if index >= ADDED:
        return Moments(now, now)
    dice = world.dice("contact times", index)
    turn = world.turn(index)
    created = world.created("contacts", index, dice.below(1000))
    # Realistic: a third never changes again.
    later = dice.below(100) ** 2 * HOUR if dice.chance(66) else 0
    updated = created + later + dice.below(5000) * MILLISECOND
    known = _spoilt(created if updated > now else updated, turn)
    return Moments(None if _hit(turn, _NULL_CREATED) else created, known)


def notification(world: World, index: int, now: int) -> Moments:
    """Return the time of a text message."""
    if index >= ADDED:
        return Moments(now, None)
    dice = world.dice("sms times", index)
    created = world.created("sms_notifications", index, dice.below(1000))
    if _hit(world.turn(index), _NULL_CREATED):
        return Moments(None, None)
    return Moments(min(now, created + dice.below(1000) * MILLISECOND), None)
