"""Made-up people: reserved mail domains, 555 numbers, nobody real. Contacts, text messages."""

from typing import NamedTuple

from sandbox.data import Object, times
from sandbox.data.world import ADDED, World
from sandbox.streams import CREATED, UPDATED

FIRST = (
    "Ada", "Amélie", "Anouk", "Bao", "Carlos", "Chloé", "Daniel", "Dilara", "Elif", "Emma",
    "Farid", "Fatima", "Grace", "Hana", "Hugo", "Ines", "Ivan", "Jamal", "Jonas", "José", "Kaito",
    "Lena", "Liam", "Lucía", "Maja", "Mateo", "Mei", "Mohammed", "Nadia", "Noah", "Olga", "Omar",
    "Priya", "Ravi", "Sara", "Sofía", "Søren", "Tomás", "Wei", "Yuki", "Zoë", "Łukasz",
)  # fmt: skip
LAST = (
    "Abe", "Becker", "Chen", "Cohen", "Costa", "Diaz", "Dubois", "Eriksen", "Fischer", "García",
    "Haddad", "Hansen", "Ito", "Ivanov", "Johansson", "Kaya", "Khan", "Kowalski", "Kumar",
    "Larsen", "Lopez", "Mbeki", "Meyer", "Müller", "Nguyen", "Novák", "O'Brien", "Okafor", "Park",
    "Patel", "Rossi", "Santos", "Sato", "Schmidt", "Silva", "Smith", "Tanaka", "Weber", "Wójcik",
    "Yilmaz",
)  # fmt: skip
COMPANIES = (
    "Acme Fixtures", "Blue Heron GmbH", "Café Ångström", "Delta & Daughters", "Example Ltd",
    "Fabrikam", "Globex", "Hooli, Inc.", "Initech", "Müller + Söhne KG", "Northwind",
    "Smith, Jones & Co.", "Stark Sample SA", "Umbrella Sandbox",
)  # fmt: skip
PLACES = (
    ("Austin", "Texas", "United States", "America/Chicago", -6),
    ("Berlin", "Berlin", "Germany", "Europe/Berlin", 1),
    ("Boston", "Massachusetts", "United States", "America/New_York", -5),
    ("Kraków", "Małopolska", "Poland", "Europe/Warsaw", 1),
    ("London", "England", "United Kingdom", "Europe/London", 0),
    ("Melbourne", "Victoria", "Australia", "Australia/Melbourne", 10),
    ("Mumbai", "Maharashtra", "India", "Asia/Kolkata", 5.5),
    ("Osaka", "Osaka", "Japan", "Asia/Tokyo", 9),
    ("São Paulo", "SP", "Brazil", "America/Sao_Paulo", -3),
    ("Seattle", "Washington", "United States", "America/Los_Angeles", -8),
)
"""City, state, country, zone, and how many hours its clocks are ahead, but for summer time."""


class Person(NamedTuple):
    """Somebody who books, or who is booked."""

    first: str
    last: str
    email: str
    phone: str
    place: tuple[str, str, str, str, float]
    company: str


def person(seed: int, index: int, group: str = "guest") -> Person:
    """Make up number `index` of a group of people; mail addresses are unique."""
    mixed = (index + seed * 7919 + len(group)) * 2_654_435_761 & 0xFFFFFFFF
    mixed, first = divmod(mixed, len(FIRST))
    mixed, last = divmod(mixed, len(LAST))
    domain = "example.com" if mixed % 3 else "example.org"
    email = f"{group}{index}.s{seed}@{domain}"
    # 555-0100 to 555-0199 are kept free for fiction.
    phone = f"+1 {200 + mixed % 700} 555 01{mixed % 97:02d}"
    place, company = PLACES[mixed % len(PLACES)], COMPANIES[mixed % len(COMPANIES)]
    return Person(FIRST[first], LAST[last], email, phone, place, company)


_TITLES = ("Buyer", "CEO", "Head of Sales", "HR Manager", "Ops Lead", "Student", "Team Assistant")
_SALUTATIONS = ("Dr.", "Mr.", "Mrs.", "Ms.", "Mx.", "Prof.")
_STATUSES = (None, None, "Qualified", "Sales qualified", "Marketing qualified", "Disqualified")
_SMS_STATUSES = ("delivered",) * 17 + ("sent", "failed", "rejected")
_EMPLOYEES = (1, 5, 12, 40, 180, 900, 25_000)
_MESSAGES = (
    "Reminder: we meet tomorrow at {hour}:00.",
    "Your booking is confirmed. Answer STOP to get no more messages.",
    "We start in one hour: https://meet.example.com/x",
)


def contact_number(world: World, booking: int) -> int:
    """Choose a contact who was there when a booking was made: mostly a new one."""
    contacts, bookings = world.sizes["contacts"], world.sizes["bookings"]
    if not contacts:
        return booking % ADDED
    dice = world.dice("guest", booking)
    place = 0 if booking >= ADDED else -(-booking * contacts // max(1, bookings))
    place = min(place, contacts - 1)
    return place if dice.chance(60) else dice.between(place, contacts - 1)


def address(world: World, index: int) -> str | None:
    """Return the e-mail address of a contact: some have none, who booked by phone."""
    return None if index % 23 == 5 else person(world.seed, index).email


def contact(world: World, index: int, now: int) -> Object:
    """Make one contact."""
    dice = world.dice("contact", index)
    turn = world.turn(index)
    created = updated = now
    if index < ADDED:
        life = world.dice("contact times", index)
        created = world.created("contacts", index, life.below(1000))
        # Realistic: a third never changes again.
        later = life.below(100) ** 2 * times.HOUR if life.chance(66) else 0
        updated = created + later + life.below(5000) * times.MILLISECOND
    who = person(world.seed, index)
    city, state, country, zone, _ = who.place
    known = dice.chance(50)
    last_updated = times.update(turn, created if updated > now else updated)
    email = address(world, index)
    mobile = email is None or dice.chance(40)
    return {
        CREATED: times.creation(turn, created),
        UPDATED: last_updated,
        "last_interacted_time": last_updated if known else None,
        "owner": world.ref("users", dice.below(1 << 20)),
        "status": dice.pick(_STATUSES),
        "city": city if known else None,
        "company_size": dice.pick(("1-10", "11-50", "51-200", None)),
        "company": who.company if known else None,
        "country": country if known else None,
        "email": email,
        "employees": dice.pick(_EMPLOYEES) if known else None,
        "first_name": who.first,
        "has_consent": dice.chance(70),
        "job_title": dice.pick(_TITLES) if known else None,
        "last_name": who.last,
        "mobile_phone": who.phone if mobile else None,
        "phone": who.phone if dice.chance(30) else None,
        "post_code": f"0{dice.below(10_000):04d}" if known else None,
        "salutation": dice.pick(_SALUTATIONS) if dice.chance(30) else None,
        "state": state if known else None,
        "street_address": f"{dice.below(200)} Sample Street" if known else None,
        "terms_of_sevice": dice.chance(90),
        "bot": f"BOT-{dice.below(3):012X}" if dice.chance(20) else None,
        "form": f"FORM-{dice.below(5):012X}" if dice.chance(40) else None,
        "timezone": zone,
        "custom_fields": [{"name": "Newsletter", "value": dice.chance(50)}] if known else [],
    }


def notification(world: World, index: int, now: int) -> Object:
    """Make one text message."""
    dice = world.dice("sms", index)
    created = now
    if index < ADDED:
        when = world.created("sms_notifications", index, dice.below(1000))
        created = min(now, when + dice.below(1000) * times.MILLISECOND)
    to_user = dice.chance(20)
    number = dice.below(1 << 20) % (1 << 20 if to_user else max(1, world.sizes["contacts"]))
    body = dice.pick(_MESSAGES).format(hour=dice.between(8, 17))
    phone = person(world.seed, number, "user" if to_user else "guest").phone
    details = {"delivered_to": phone, "message_body": body, "segment_count": 1 + len(body) // 160}
    return {
        "type": "sms",
        "status": dice.pick(_SMS_STATUSES),
        CREATED: times.creation(world.turn(index), created, "ms"),
        "recipient": world.ref("users" if to_user else "contacts", number),
        "recipient_type": "user" if to_user else "contact",
        "details": details,
    }
