"""Made-up people and firms: reserved mail domains, 555 numbers, nobody real."""

from __future__ import annotations

from typing import NamedTuple

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
    ("Austin", "Texas", "United States", "America/Chicago"),
    ("Berlin", "Berlin", "Germany", "Europe/Berlin"),
    ("Boston", "Massachusetts", "United States", "America/New_York"),
    ("Kraków", "Małopolska", "Poland", "Europe/Warsaw"),
    ("London", "England", "United Kingdom", "Europe/London"),
    ("Melbourne", "Victoria", "Australia", "Australia/Melbourne"),
    ("Mumbai", "Maharashtra", "India", "Asia/Kolkata"),
    ("Osaka", "Osaka", "Japan", "Asia/Tokyo"),
    ("São Paulo", "SP", "Brazil", "America/Sao_Paulo"),
    ("Seattle", "Washington", "United States", "America/Los_Angeles"),
)
UTC_HOURS = {
    "America/Chicago": -6, "America/Los_Angeles": -8, "America/New_York": -5,
    "America/Sao_Paulo": -3, "Asia/Kolkata": 5.5, "Asia/Tokyo": 9, "Australia/Melbourne": 10,
    "Europe/Berlin": 1, "Europe/London": 0, "Europe/Warsaw": 1,
}  # fmt: skip
"""How far their clocks are ahead of UTC, but for summer time."""


class Person(NamedTuple):
    """Somebody who books, or who is booked."""

    first: str
    last: str
    email: str
    phone: str
    place: tuple[str, str, str, str]
    company: str

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first} {self.last}"


def person(seed: int, index: int, group: str = "guest") -> Person:
    """Make up number `index` of a group of people; mail addresses are unique."""
    mixed = (index + seed * 7919 + len(group)) * 2_654_435_761 & 0xFFFFFFFF
    mixed, first = divmod(mixed, len(FIRST))
    mixed, last = divmod(mixed, len(LAST))
    domain = "example.com" if mixed % 3 else "example.org"
    return Person(
        first=FIRST[first],
        last=LAST[last],
        email=f"{group}{index}.s{seed}@{domain}",
        # 555-0100 to 555-0199 are kept free for fiction.
        phone=f"+1 {200 + mixed % 700} 555 01{mixed % 97:02d}",
        place=PLACES[mixed % len(PLACES)],
        company=COMPANIES[mixed % len(COMPANIES)],
    )
