"""Free time slots of booking calendars, and the working hours of users."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.data import Object, times
from sandbox.data.dice import Dice
from sandbox.data.people import person

if TYPE_CHECKING:
    from sandbox.data.world import World

_WORKING_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
_STEP = 30 * times.MINUTE
_PLACES: tuple[Object, ...] = (
    {"type": "virtual", "value": None, "id": None},
    {"type": "virtual_static", "value": "https://meet.example.com/room", "id": "LOC-1"},
    {"type": "physical", "value": '1 "Sample" Street,\nFloor 2', "id": "LOC-2"},
    {"type": "guest_phone", "value": None, "id": None},
    {"type": "in_person_by_guest", "value": None, "id": None},
)
_NASTY_PLACES: tuple[Object, ...] = (
    {"type": "physical", "value": "Caf\u00e9 \U0001f600, 2nd \\ floor\r\n", "id": ""},
    {"type": "hologram", "value": {"deck": 3}, "id": 7, "beta": True},
    {},
)
_HOURS = (("09:00", "12:00"), ("13:00", "17:00"), ("08:30", "16:30"), ("22:00", "24:00"))
_WAYS: tuple[Object, ...] = (
    {"type": "online_dynamic_link", "value": None, "id": None},
    {"type": "in_person_by_host", "value": "1 Sample Street", "id": "LOC-2"},
    {"type": "phone_by_guest", "value": None, "id": None},
    {"type": "in_person_by_guest", "value": None, "id": None},
    {"type": "online_static_link", "value": "https://meet.example.com/room", "id": "LOC-1"},
)


def slots(world: World, calendar_id: str, start: int, end: int) -> list[Object]:
    """Return the free slots of a calendar from `start` to before `end`."""
    return [
        _slot(world, calendar_id, moment)
        for day in range(start // times.DAY, end // times.DAY + 1)
        for moment in _day(world, calendar_id, day)
        if start <= moment < end
    ]


def _day(world: World, calendar_id: str, day: int) -> list[int]:
    if (day + 3) % 7 >= len(_WORKING_DAYS):
        return []
    dice = Dice(world.seed, "slots", calendar_id, day)
    # Realistic: two thirds are still free.
    return [day * times.DAY + step * _STEP for step in range(18, 34) if dice.chance(66)]


def _slot(world: World, calendar_id: str, moment: int) -> Object:
    dice = Dice(world.seed, "slot", calendar_id, moment)
    places = _PLACES + _NASTY_PLACES if world.nasty and dice.chance(30) else _PLACES
    locations = [dice.pick(places) for _ in range(dice.between(0 if world.nasty else 1, 2))]
    item: Object = {"start_time": times.text(moment), "locations": locations}
    if world.nasty and dice.chance(5):
        item["seats_left"] = dice.below(9)
    return item


def availability(world: World, user_id: str) -> Object:
    """Return the schedule of a user; for some it is empty."""
    number = world.ids["users"].decode(user_id) or 0
    if number % 5 == 3:
        return {}
    dice = Dice(world.seed, "hours", user_id)
    weekly = [{"day": day, "working_hours": _hours(dice)} for day in _WORKING_DAYS]
    overrides = [
        {"date": "2030-12-24", "day": "tuesday", "working_hours": []},
        {"date": "2030-12-31", "day": "tuesday", "working_hours": _hours(dice)},
    ]
    schedule: Object = {
        "object": "schedule",
        "timezone": person(world.seed, number, "user").place[3],
        "weekly": weekly,
        "overrides": overrides[: dice.below(3)],
    }
    # Realistic for an old account: something null, missing or new here and there.
    if world.nasty and number % 4 == 1:
        schedule["timezone"] = None
    if world.nasty and number % 4 == 2:
        del schedule["overrides"]
        schedule["calendar_sync"] = {"provider": "google", "busy": [None, 1]}
    return schedule


def _hours(dice: Dice) -> list[Object]:
    first = dice.below(len(_HOURS))
    return [
        {"start_time": begin, "end_time": end, "locations": [dice.pick(_WAYS)]}
        for begin, end in _HOURS[first : first + dice.between(0, 2)]
    ]
