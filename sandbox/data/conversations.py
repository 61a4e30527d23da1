"""Conversations: no list has them, only bookings lead to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.data import Object, times
from sandbox.data.bookings import created
from sandbox.data.world import PAIR

if TYPE_CHECKING:
    from sandbox.data.dice import Dice
    from sandbox.data.world import World

_STATUSES = ("closed", "closed", "started", "abandoned")
_QUESTIONS = ("What is your name?", "How many are you?", "May we call you?", "Why us?")
_VALUES: tuple[Any, ...] = ("Ada", "12", "yes", "", None)
_NASTY_VALUES: tuple[Any, ...] = (12, True, ["Demo", None], {"city": "Łódź"}, 'two\nlines, "x"')


def bookings_of(number: int) -> tuple[int, ...]:
    """Return the numbers of the bookings that a conversation led to."""
    return tuple(range(PAIR * number, PAIR * number + PAIR))


def make(world: World, number: int, bookings: list[str], contact: str | None) -> Object:
    """Make one conversation."""
    dice = world.dice("conversation", number)
    made = created(world, PAIR * number)
    started = made - dice.between(5, 60) * times.MINUTE
    audience = f"AUD-{dice.below(4):012X}" if dice.chance(60) else None
    return {
        "object": "conversation",
        "id": world.conversation_ids.encode(number),
        "creation_time": times.text(started, "s"),
        "last_updated_time": times.text(made),
        "last_interacted_time": times.text(made),
        "initiated_by": dice.pick(("bot", "contact")),
        "status": dice.pick(_STATUSES),
        "contact": contact,
        "owner": world.ref("users", dice.below(1 << 20)),
        "bot": f"BOT-{dice.below(3):012X}",
        "website": f"WEB-{dice.below(2):012X}",
        "audience": audience,
        "answers": [_answer(world, dice, place) for place in range(dice.between(0, 3))],
        "bookings": bookings,
    }


def _answer(world: World, dice: Dice, place: int) -> Object:
    values = _VALUES + _NASTY_VALUES if world.nasty else _VALUES
    return {
        "id": f"INT-{place:012X}",
        "internal_label": dice.pick((None, "Question", "")),
        "question": _QUESTIONS[place],
        "value": dice.pick(values),
    }
