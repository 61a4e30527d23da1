"""Free time slots of booking calendars, and the working hours of users."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.data import Object, times
from sandbox.data.dice import Dice
from sandbox.data.people import person
from sandbox.streams import STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.account import Account
    from sandbox.data.world import World

_WORKING_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
NOUN = "schedule"
_STEP = 30 * times.MINUTE
_PLACES: tuple[Object, ...] = (
    {"type": "virtual", "value": None, "id": None},
    {"type": "virtual_static", "value": "https://meet.example.com/room", "id": "LOC-1"},
    {"type": "physical", "value": '1 "Sample" Street,\nFloor 2', "id": "LOC-2"},
    {"type": "guest_phone", "value": None, "id": None},
)
_NASTY_PLACES: tuple[Object, ...] = (
    {"type": "physical", "value": "Caf\u00e9 \U0001f600, 2nd \\ floor\r\n", "id": ""},
    {"type": "hologram", "value": {"deck": 3}, "id": 7, "beta": True},
    {},
)
_HOURS = (
    ("09:00", "12:00"),
    ("13:00", "17:00"),
    ("08:30", "16:30"),
    ("22:00", "24:00"),
)
_WAYS: tuple[Object, ...] = (
    {"type": "online_dynamic_link", "value": None, "id": None},
    {"type": "in_person_by_host", "value": "1 Sample Street", "id": "LOC-2"},
    {"type": "phone_by_guest", "value": None, "id": None},
    {
        "type": "online_static_link",
        "value": "https://meet.example.com/room",
        "id": "LOC-1",
    },
)


class Slots:
    """The free slots of an account's calendars."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._pinned: dict[str, set[int]] = {}

    def pin(self, calendar_id: str, moment: int) -> None:
        """Make sure that there is a slot at this moment from now on."""
        self._pinned.setdefault(calendar_id, set()).add(moment)

    def starts(self, calendar_id: str, start: int, end: int) -> list[int]:
        """Give the moments from `start` to `end`, both included."""
        days = range(start // times.DAY, end // times.DAY + 1)
        found = {moment for day in days for moment in self._day(calendar_id, day)}
        found |= self._pinned.get(calendar_id, set())
        return sorted(moment for moment in found if start <= moment <= end)

    def _day(self, calendar_id: str, day: int) -> Iterator[int]:
        if (day + 3) % 7 >= len(_WORKING_DAYS):
            return
        dice = Dice(self._world.seed, "slots", calendar_id, day)
        for step in range(18, 34):
            # Realistic: two thirds are still free.
            if dice.chance(66):
                yield day * times.DAY + step * _STEP

    def slot(self, calendar_id: str, moment: int) -> Object:
        """Make the slot at a moment."""
        dice = Dice(self._world.seed, "slot", calendar_id, moment)
        places = _PLACES + _NASTY_PLACES if self._world.nasty and dice.chance(30) else _PLACES
        locations = [
            dice.pick(places) for _ in range(dice.between(0 if self._world.nasty else 1, 2))
        ]
        item: Object = {"start_time": times.text(moment), "locations": locations}
        if self._world.nasty and dice.chance(5):
            item["seats_left"] = dice.below(9)
        return item


def refusal(account: Account, calendar_id: str) -> int:
    """Give the status of an answer about slots: 200, 402 no seat, 422 unpublished."""
    calendar = account.object("booking_calendars", calendar_id)
    if calendar is None or calendar.get("deleted") is True:
        return 404
    if calendar.get("published") is False:
        return account.switches.unpublished_calendar
    rank = account.collection("booking_calendars").rank_of(calendar_id)
    seatless = rank is not None and rank % 7 == 4  # noqa: PLR2004
    return account.switches.seatless_calendar if seatless else 200


def is_seatless(account: Account, user_id: str) -> bool:
    """Say whether a user has no seat."""
    number = account.world.ids["users"].decode(user_id)
    return number is not None and number % 5 == 4  # noqa: PLR2004


def slots_between(account: Account, calendar_id: str, start: int, end: int) -> list[Object]:
    """Give the slots of a calendar that answers."""
    last = end if account.switches.slot_ends_inclusive else end - 1
    moments = account.slots.starts(calendar_id, start, last)
    return [account.slots.slot(calendar_id, moment) for moment in moments]


def time_slots(account: Account, calendar_id: str, start: str, end: str) -> list[Object]:
    """Give the slots between two times in ISO 8601; none if the calendar gives none."""
    first, last = times.parse(start), times.parse(end)
    if first is None or last is None:
        message = f"not a time: {start if first is None else end}"
        raise ValueError(message)
    if refusal(account, calendar_id) != 200:  # noqa: PLR2004
        return []
    return slots_between(account, calendar_id, first, last)


def availability(account: Account, user_id: str) -> Object | None:
    """Give the schedule of a user: None for who was only invited, {} for some."""
    user = account.object("users", user_id)
    if user is None or user.get("deleted") is True or user.get("status") == "invited":
        return None
    if account.switches.seatless_user and is_seatless(account, user_id):
        return None
    number = account.world.ids[STREAMS["users"].name].decode(user_id) or 0
    if number % 5 == 3:  # noqa: PLR2004
        return {}
    dice = Dice(account.world.seed, "hours", user_id)
    weekly = [{"day": day, "working_hours": _hours(dice)} for day in _WORKING_DAYS]
    overrides = [
        {"date": "2030-12-24", "day": "tuesday", "working_hours": []},
        {"date": "2030-12-31", "day": "tuesday", "working_hours": _hours(dice)},
    ]
    schedule: Object = {
        "object": NOUN,
        "timezone": person(account.world.seed, number, "user").place[3],
        "weekly": weekly,
        "overrides": overrides[: dice.below(3)],
    }
    if account.world.nasty:
        _spoil(schedule, number)
    return schedule


def _hours(dice: Dice) -> list[Object]:
    first = dice.below(len(_HOURS))
    return [
        {"start_time": begin, "end_time": end, "locations": [dice.pick(_WAYS)]}
        for begin, end in _HOURS[first : first + dice.between(0, 2)]
    ]


def _spoil(schedule: Object, number: int) -> None:
    """Realistic for an old account: something null, missing or new here and there."""
    choice = number % 4
    if choice == 1:
        schedule["timezone"] = None
    elif choice == 2:  # noqa: PLR2004
        del schedule["overrides"]
        schedule["calendar_sync"] = {"provider": "google", "busy": [None, 1]}
