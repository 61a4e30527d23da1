"""What an account is set up with: users, teams, calendars, pages, webhooks, and when it is open."""

from sandbox.data import Object, times
from sandbox.data.people import person
from sandbox.data.world import ADDED, Dice, World
from sandbox.streams import CREATED

_THINGS = ("Intro call", "Demo", "Consulting", "Interview", "Support", "Coaching", "Site visit")
_TEAMS = ("Sales", "Support", "Recruiting", "Success", "Field")
_ROLES = ("Member", "Member", "Team Manager", "Administrator")
_SITE = "https://sandbox.example.com"
_EVENTS = (
    "booking.scheduled", "booking.rescheduled", "booking.reassigned",
    "booking.canceled_then_rescheduled", "booking.canceled_reschedule_requested",
    "booking.canceled", "booking.completed", "booking.no_show", "conversation.started",
    "conversation.closed", "conversation.abandoned",
)  # fmt: skip

LINKS = {"user": "users", "master_page": "master_pages", "event_type": "event_types"}
"""Filters of booking pages, and the lists whose ids they take."""


def links(world: World, index: int) -> dict[str, tuple[str, ...]]:
    """Return the ids of what a booking page belongs to, by filter: no object tells."""
    dice = world.dice("links", index)
    some = {
        name: {world.ref(stream, dice.below(1 << 20)) for _ in range(dice.below(3))}
        for name, stream in LINKS.items()
    }
    return {name: tuple(sorted(key for key in keys if key)) for name, keys in some.items()}


def user(world: World, index: int, _now: int) -> Object:
    """Make one user; number 0 owns the account."""
    dice = world.dice("user", index)
    who = person(world.seed, index, "user")
    teams = world.sizes["teams"]
    member_of = sorted({dice.below(teams) for _ in range(dice.below(3))}) if teams else []
    return {
        "first_name": who.first,
        "last_name": who.last,
        "email": who.email,
        "status": "invited" if index and dice.chance(12) else "active",
        "role_name": dice.pick(_ROLES) if index else "Account Owner",
        "timezone": who.place[3],
        "teams": [world.ref("teams", team) for team in member_of],
    }


def team(_world: World, index: int, _now: int) -> Object:
    """Make one team."""
    return {"name": _counted(_TEAMS, index)}


def booking_calendar(world: World, index: int, _now: int) -> Object:
    """Make one booking calendar; one in six is not published."""
    dice = world.dice("calendar", index)
    name = f"{dice.pick(_THINGS)} {index % ADDED + 1}"
    by_team = dice.chance(30) and world.sizes["teams"]
    return {
        "host": world.ref("teams" if by_team else "users", dice.below(1 << 20)),
        "name": name,
        "subject": f"{name} with us",
        "url": f"{_SITE}/calendar-{index % ADDED + 1}",
        "published": index % 6 != 1,
        # Declared a number, not an integer.
        "duration_minutes": dice.pick((15, 30, 30, 45, 60, 22.5)),
    }


def booking_page(world: World, index: int, _now: int) -> Object:
    """Make one classic booking page."""
    dice = world.dice("page", index)
    name = f"{dice.pick(_THINGS)} page {index % ADDED + 1}"
    return {
        "name": name,
        "label": dice.pick((name, "Book a time", None)),
        "url": f"{_SITE}/page-{index % ADDED + 1}",
        "active": dice.chance(85),
        "timezone": person(world.seed, index, "user").place[3],
    }


def master_page(world: World, index: int, _now: int) -> Object:
    """Make one classic master page."""
    return {
        "name": f"All of us {index % ADDED + 1}",
        "label": "Whom do you want to meet?",
        "url": f"{_SITE}/master-{index % ADDED + 1}",
        "active": world.dice("master", index).chance(90),
    }


def event_type(_world: World, index: int, _now: int) -> Object:
    """Make one classic event type."""
    name = _counted(_THINGS, index)
    return {
        "name": name,
        "description": f"{name}: what to expect",
        "label": None if index % 3 else name,
    }


def _counted(names: tuple[str, ...], index: int) -> str:
    turn, which = divmod(index % ADDED, len(names))
    return f"{names[which]} {turn + 1}"


def webhook(world: World, index: int, now: int) -> Object:
    """Make one webhook subscription; its secret is made up, too."""
    dice = world.dice("webhook", index)
    first = dice.below(len(_EVENTS))
    age = (index + 1) * 37 * times.DAY if index < ADDED else 0
    created = now - age - dice.below(1000) * times.MILLISECOND
    return {
        "api_version": "v2",
        "name": f"To the warehouse {index % ADDED + 1}",
        "url": f"https://hooks.example.org/oncehub/{index % ADDED + 1}",
        "events": list(_EVENTS[first : first + 3]),
        # Realistic: OnceHub switches one off that fails for days.
        "status": not dice.chance(20),
        CREATED: times.text(created),
        "secret": f"sandbox-webhook-secret-{world.ids['webhooks'].encode(index)[-12:].lower()}",
    }


def webhook_events() -> list[Object]:
    """Make the list of event types; its shape is a guess, nobody has published one."""
    usual = {"object": "webhook_event", "api_version": "v2", CREATED: "2022-05-04T09:00:00Z"}
    return [
        usual | {"id": name, "type": name, "name": name, "description": f"Sent on {name}"}
        for name in _EVENTS
    ]


_WORKING_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
_NASTY_PLACES: tuple[Object, ...] = (
    {"type": "physical", "value": "Caf\u00e9 \U0001f600, 2nd \\ floor\r\n", "id": ""},
    {"type": "hologram", "value": {"deck": 3}, "id": 7, "beta": True},
    {},
)
_HOURS = (("09:00", "12:00"), ("13:00", "17:00"), ("08:30", "16:30"), ("22:00", "24:00"))
_ROOM = ("https://meet.example.com/room", "LOC-1")
_WAYS = (
    ("online_dynamic_link",), ("in_person_by_host", "1 Sample Street", "LOC-2"),
    ("phone_by_guest",), ("in_person_by_guest",),
    ("online_static_link", *_ROOM),
)  # fmt: skip


def _location(kind: str, value: str | None = None, key: str | None = None) -> Object:
    return {"type": kind, "value": value, "id": key}


_PLACES = (
    _location("virtual"), _location("virtual_static", *_ROOM),
    _location("physical", '1 "Sample" Street,\nFloor 2', "LOC-2"),
    _location("guest_phone"), _location("in_person_by_guest"),
)  # fmt: skip


def slots(world: World, calendar_id: str, start: int, end: int) -> list[Object]:
    """Return the free slots of a calendar from `start` to before `end`."""
    found = []
    for day in range(start // times.DAY, end // times.DAY + 1):
        dice = Dice(world.seed, "slots", calendar_id, day)
        # Realistic: two thirds are still free.
        free = [
            day * times.DAY + step * times.HOUR // 2 for step in range(18, 34) if dice.chance(66)
        ]
        found += free if (day + 3) % 7 < len(_WORKING_DAYS) else []
    return [_slot(world, calendar_id, moment) for moment in found if start <= moment < end]


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
        {"start_time": begin, "end_time": end, "locations": [_location(*dice.pick(_WAYS))]}
        for begin, end in _HOURS[first : first + dice.between(0, 2)]
    ]
