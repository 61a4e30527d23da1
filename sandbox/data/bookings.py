"""Bookings: who meets whom, when, and what becomes of it; and the conversations before."""

from itertools import takewhile
from typing import Any, NamedTuple

from sandbox.data import Object
from sandbox.data.people import COMPANIES, Person, address, contact_number, person
from sandbox.data.times import DAY, HOUR, MILLISECOND, MINUTE, creation, style, text, update
from sandbox.data.world import ADDED, PAIR, Dice, World
from sandbox.streams import CREATED, UPDATED

TRASH_DAYS = 30

# Realistic: days from booking to meeting, and meetings by hour of the owner's day.
_LEAD_DAYS = (0, 1, 1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 8, 10, 12, 14, 18, 21, 28, 42)
_HOURS = (8, 9, 9, 9, 10, 10, 10, 10, 11, 11, 11, 12, 13, 13, 14, 14, 14, 15, 15, 15, 16, 16, 17)
_MINUTES = (15, 30, 30, 30, 30, 45, 45, 60, 60, 90)
# Realistic: what became of a meeting that has ended, or lies ahead, or took another's place.
_ENDED = ("completed",) * 78 + ("no_show",) * 8 + ("canceled",) * 12 + ("requested",) * 2
_AHEAD = ("scheduled",) * 66 + ("requested",) * 8 + ("canceled",) * 8 + ("rescheduled",) * 18
_MOVED = ("rescheduled",) * 9 + ("canceled",)
# Which bookings belong together is decided for a block of them, and how many follow one another.
_BLOCK = 12
_TOGETHER = (("chain", 2),) * 5 + (("chain", 3),) * 2 + (("session", 4),) * 2 + (("", 1),) * 3
# A bulk action gives more than a page of bookings one and the same time.
_LEAST, _MOST = 130, 1000
_SUBJECTS = (
    "Demo", "Discovery call", "Interview", "Kick-off", "Onboarding session",
    "Portfolio review", "Quarterly review", "Support call",
)  # fmt: skip
_PROVIDERS = ("google",) * 3 + ("exchange", "office_365", "office_365", "icloud", "none")
# Yen and won have no smaller unit, dinar three decimals.
_PRICES = (
    ("USD", 9900), ("USD", 25000), ("EUR", 12050), ("JPY", 15000), ("KWD", 30500), ("KRW", 1),
)  # fmt: skip
_SOURCES = (("google", "cpc"), ("newsletter", "email"), ("linkedin", "social"), ("website", None))
_UTM = ("source", "medium", "campaign", "term", "content")
_NOTES = (None, "", "Looking forward to it.", "Please call me on my mobile phone.", "Two of us.")
_REASONS = ("Conflict", "No longer needed", "Ill", None)
_QUESTIONS = ("What is your name?", "How many are you?", "May we call you?", "Why us?")
_VALUES: tuple[Any, ...] = ("Ada", "12", "yes", "", None)
_NASTY_VALUES: tuple[Any, ...] = (12, True, ["Demo", None], {"city": "Łódź"}, 'two\nlines, "x"')


class Ties(NamedTuple):
    """The bookings that one belongs together with, by their numbers."""

    first: int  # the first of its chain: itself, if it took nobody's place
    earlier: int | None = None  # the one whose place it took
    later: int | None = None  # the one that took its place
    session: int | None = None  # the last that joined its group session


class Life(NamedTuple):
    """What became of a booking; moments as ticks."""

    created: int
    updated: int
    starting: int
    minutes: int
    status: str
    owner: int
    was_moved: bool = False
    in_trash: bool = False


def created(world: World, index: int) -> int:
    """Return when a booking was made that was there from the start."""
    bulk = _bulk(world, 2)
    if index in bulk:
        return world.created("bookings", bulk[-1], 999)
    return world.created("bookings", index, world.dice("created", index).below(1000))


def _bulk(world: World, part: int) -> range:
    """Return the bookings of a bulk action, which has begun where a part of all ends."""
    size = world.sizes["bookings"] if world.nasty else 0
    first = size // part
    return range(first, min(size, first + min(_MOST, max(_LEAST, size // 10))))


def ties(world: World, index: int) -> Ties:
    """Return what a booking belongs together with; those of a chain were made at other times."""
    block = index // _BLOCK
    dice = world.dice("block", block)
    kind, number = dice.pick(_TOGETHER)
    newest = block * _BLOCK + dice.below(_BLOCK - number)
    oldest = newest + number - 1
    if not (kind and newest <= index <= oldest < world.sizes["bookings"]):
        return Ties(index)
    if kind == "session":
        return Ties(index, session=newest)
    if len({created(world, member) for member in range(newest, oldest + 1)}) < number:
        return Ties(index)
    earlier = index + 1 if index < oldest else None
    return Ties(oldest, earlier, later=index - 1 if index > newest else None)


def life(world: World, index: int, tie: Ties, now: int) -> Life:
    """Return the times and the fate of a booking."""
    dice = world.dice("life", index)
    shared = world.dice("meeting", index if tie.session is None else tie.session)
    owner = shared.below(1 << 20) % max(1, world.sizes["users"])
    ahead = int(person(world.seed, owner, "user").place[4] * HOUR)
    minutes = shared.pick(_MINUTES)
    if index >= ADDED:
        return Life(now, now, _start(now, ahead, shared), minutes, "scheduled", owner)
    made = created(world, index)
    # It was still ahead when another took its place, or the last guest joined.
    known = next((other for other in (tie.later, tie.session) if other is not None), index)
    starting = _start(created(world, known), ahead, shared)
    ended = starting + minutes * MINUTE
    status = "canceled" if tie.later is not None else "scheduled"
    if tie.later is None and (ended <= now or starting > now):
        ahead_of_it = _AHEAD if tie.earlier is None else _MOVED
        status = dice.pick(_ENDED if ended <= now else ahead_of_it)
    if status == "rescheduled":
        # A session has one start for all its guests.
        status = "rescheduled" if tie.session is None else "scheduled"
        starting += 7 * DAY if tie.session is None else 0
    jitter = dice.below(60_000) * MILLISECOND
    if tie.later is not None:
        updated = created(world, tie.later)
    elif status in {"completed", "no_show"}:
        updated = ended + jitter
    elif status in {"canceled", "rescheduled"}:
        updated = made + (min(starting, now) - made) * dice.below(100) // 100
    else:
        updated = made + jitter // 20
    if index in _bulk(world, 4):
        updated = now - 3 * DAY
    was_moved = status == "rescheduled" or (status == "completed" and dice.chance(6))
    # Some days before it is deleted for good, so that it is not while somebody looks.
    in_trash = made > now - (TRASH_DAYS - 3) * DAY and dice.chance(16)
    return Life(made, min(updated, now), starting, minutes, status, owner, was_moved, in_trash)


def _start(base: int, ahead: int, dice: Dice) -> int:
    day = base // DAY + dice.pick(_LEAD_DAYS)
    weekday = (day + 3) % 7
    day += 7 - weekday if weekday in {5, 6} else 0
    starting = day * DAY + dice.pick(_HOURS) * HOUR + dice.below(4) * 15 * MINUTE - ahead
    return starting if starting > base else starting + DAY


def trash(world: World) -> dict[int, int]:
    """Return how long each booking in the trash has until it is deleted, by its number."""
    left = TRASH_DAYS * DAY - world.now
    numbers = range(world.sizes["bookings"])
    recent = takewhile(lambda index: created(world, index) + left > 0, numbers)
    lives = ((index, life(world, index, ties(world, index), world.now)) for index in recent)
    return {index: its.updated + left for index, its in lives if its.in_trash}


def make(world: World, index: int, now: int) -> Object:
    """Make one booking."""
    tie = Ties(index) if index >= ADDED else ties(world, index)
    its = life(world, index, tie, now)
    dice = world.dice("booking", index)
    together = index if tie.session is None else tie.session
    owner = world.ref("users", its.owner)
    shared = world.dice("place", together)
    subject = shared.pick(_SUBJECTS)
    place = _place(world, shared, grouped=tie.session is not None)
    number = contact_number(world, tie.first)
    guest, email = person(world.seed, number), address(world, number)
    key, code = world.ids["bookings"].encode(index), f"{shared.below(1 << 30):08x}"
    friends = [person(world.seed, number, "friend").email] if dice.chance(10) else []
    url = f"https://sandbox.example.com/b/{key}"
    # Two bookings share a conversation; one pair in twenty has one.
    turn, pair = world.turn(index), index // PAIR
    earlier = None if tie.earlier is None else world.ref("bookings", tie.earlier)
    meeting = {"join_url": f"https://meet.example.com/{code}"}
    return {
        "tracking_id": f"T{key[-9:]}",
        "subject": f"{subject} with {guest.first} {guest.last}",
        "status": its.status,
        CREATED: creation(turn, its.created),
        UPDATED: update(turn, its.updated),
        "starting_time": text(its.starting, style(turn, "s")),
        "customer_timezone": guest.place[3],
        "owner": owner,
        "duration_minutes": its.minutes,
        "rescheduled_booking_id": earlier,
        "cancel_reschedule_information": _reason(world, its, owner, place, dice),
        "attendees": [*([email] if email else []), *friends],
        "form_submission": _form(guest, email, friends, dice),
        **place,
        "in_trash": its.in_trash,
        "virtual_conferencing": None if dice.chance(25) else meeting,
        "location_description": dice.pick((None, None, "", "", f"Room {dice.below(40)}")),
        "payment_information": _payment(tie, place, dice, code),
        "external_calendar": _calendar(dice, code),
        "custom_fields": [
            {"name": "Budget", "value": dice.pick(("under 5k", "5k to 20k", "over 20k", None))}
        ],
        "utm_params": None if dice.chance(75) else dict(zip(_UTM, _campaign(dice), strict=True)),
        "ics_url": f"{url}.ics",
        "cancel_url": f"{url}/cancel",
        "reschedule_url": f"{url}/reschedule",
        "conversation": world.conversation_ids.encode(pair) if pair % 20 == 1 else None,
        "contact": world.ref("contacts", number),
    }


def _place(world: World, dice: Dice, *, grouped: bool) -> Object:
    """Choose where it was booked."""
    number = dice.below(1 << 20)
    calendar = world.ref("booking_calendars", number)
    # Realistic: most accounts have left the classic pages behind.
    classic = not calendar or (not grouped and dice.chance(30))
    classic = classic and world.sizes["booking_pages"] > 0
    return {
        "booking_page": world.ref("booking_pages", number) if classic else None,
        "master_page": world.ref("master_pages", number) if classic and number % 2 else None,
        "event_type": world.ref("event_types", number) if classic and number % 3 else None,
        "booking_calendar": None if classic else calendar,
    }


def _reason(world: World, its: Life, owner: str | None, place: Object, dice: Dice) -> Object | None:
    by, reason = dice.pick(("user", "customer", "customer", "api")), dice.pick(_REASONS)
    if its.status != "canceled" and not its.was_moved:
        return None
    # Through the API it is the host's deed on a calendar, and the account owner's on a page.
    api = owner if place["booking_calendar"] else world.ref("users", 0)
    return {
        "reason": reason,
        "actioned_by": "customer" if by == "customer" else "user",
        "user_id": {"user": owner, "api": api}.get(by),
    }


def _form(guest: Person, email: str | None, friends: list[str], dice: Dice) -> Object | None:
    if dice.chance(8):  # a user booked
        return None
    return {
        "name": f"{guest.first} {guest.last}",
        "email": email,
        "phone": guest.phone if dice.chance(40) else None,
        "mobile_phone": guest.phone if dice.chance(20) else None,
        "note": dice.pick(_NOTES),
        "company": guest.company if dice.chance(60) else None,
        "guests": friends,
        "custom_fields": [
            {"name": "How did you hear about us?", "value": dice.pick(("Web", "A friend", None))},
            {"name": "Company size", "value": 10 * dice.below(200)},
        ],
    }


def _payment(tie: Ties, place: Object, dice: Dice, code: str) -> Object | None:
    """Charge for some bookings on calendars; what was paid stays on the first of a chain."""
    often = 12 if tie.later is None else 40
    if tie.earlier is not None or not place["booking_calendar"] or not dice.chance(often):
        return None
    currency, amount = dice.pick(_PRICES)
    return {"amount_charged": amount, "currency": currency, "transaction_id": f"TEST-{code}"}


def _calendar(dice: Dice, code: str) -> Object:
    kind, name = dice.pick(_PROVIDERS), dice.pick(COMPANIES)
    if kind == "none":
        return {"type": kind, "name": "", "id": "", "event_id": ""}
    return {"type": kind, "name": name, "id": f"{kind}-calendar", "event_id": f"event{code}"}


def _campaign(dice: Dice) -> tuple[str | None, ...]:
    return *dice.pick(_SOURCES), dice.pick(("spring", "summer", None)), None, None


def hosts(world: World, index: int) -> tuple[str, ...]:
    """Return the ids of a booking's hosts, mostly first its owner; only filters tell."""
    dice = world.dice("hosts", index)
    owner = make(world, index, world.now)["owner"]
    reassigned = world.ref("users", dice.below(1 << 20)) if dice.chance(25) or not owner else owner
    helpers = [world.ref("users", dice.below(1 << 20)) for _ in range(dice.pick((0, 0, 0, 1, 2)))]
    return tuple(dict.fromkeys(key for key in (reassigned, *helpers) if key))


def conversation(world: World, number: int, keys: list[str], contact: str | None) -> Object:
    """Make one conversation: no list has them, only bookings lead to them."""
    dice = world.dice("conversation", number)
    made = created(world, PAIR * number)
    started = made - dice.between(5, 60) * MINUTE
    audience = f"AUD-{dice.below(4):012X}" if dice.chance(60) else None
    values = _VALUES + _NASTY_VALUES if world.nasty else _VALUES
    return {
        "object": "conversation",
        "id": world.conversation_ids.encode(number),
        CREATED: text(started, "s"),
        UPDATED: text(made),
        "last_interacted_time": text(made),
        "initiated_by": dice.pick(("bot", "contact")),
        "status": dice.pick(("closed", "closed", "started", "abandoned")),
        "contact": contact,
        "owner": world.ref("users", dice.below(1 << 20)),
        "bot": f"BOT-{dice.below(3):012X}",
        "website": f"WEB-{dice.below(2):012X}",
        "audience": audience,
        "answers": [
            {
                "id": f"INT-{place:012X}",
                "internal_label": dice.pick((None, "Question", "")),
                "question": _QUESTIONS[place],
                "value": dice.pick(values),
            }
            for place in range(dice.between(0, 3))
        ],
        "bookings": keys,
    }
