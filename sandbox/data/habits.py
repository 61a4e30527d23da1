"""What bookings have in common: a few thousand ways to book."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sandbox.data.people import COMPANIES

if TYPE_CHECKING:
    from sandbox.data import Object
    from sandbox.data.dice import Dice
    from sandbox.data.world import World

_SIZE = 4096
_SUBJECTS = (
    "Demo", "Discovery call", "Interview", "Kick-off", "Onboarding session",
    "Portfolio review", "Quarterly review", "Support call",
)  # fmt: skip
_PROVIDERS = (
    "google", "google", "google", "exchange", "office_365", "office_365", "icloud", "none",
)  # fmt: skip
# Yen and won have no smaller unit, dinar three decimals.
_PRICES = (
    ("USD", 9900), ("USD", 25000), ("EUR", 12050), ("JPY", 15000), ("KWD", 30500), ("KRW", 1),
)  # fmt: skip
_SOURCES = (("google", "cpc"), ("newsletter", "email"), ("linkedin", "social"), ("website", None))
_NOTES = (None, "", "Looking forward to it.", "Please call me on my mobile phone.", "Two of us.")
_BUDGETS = ("under 5k", "5k to 20k", "over 20k", None)
_REASONS = ("Conflict", "No longer needed", "Ill", None)


class Habit(NamedTuple):
    """One way to book: the subject, fields of the booking and of its form, and its end."""

    subject: str
    fields: Object
    note: str | None
    form_fields: list[Object]
    gives: frozenset[str]
    reason: str | None
    by_user: bool
    on_calendar: bool


# Realistic: how many in 100 fill in a field of the form.
_GIVES = {"phone": 40, "mobile_phone": 20, "company": 60, "guests": 10}


def habit(world: World, number: int) -> Habit:
    """Return one of the account's ways to book."""
    number %= _SIZE
    dice = world.dice("habit", number)
    return Habit(
        subject=dice.pick(_SUBJECTS),
        fields=_fields(dice, f"{number:08x}"),
        note=dice.pick(_NOTES),
        form_fields=[
            {"name": "How did you hear about us?", "value": dice.pick(("Web", "A friend", None))},
            {"name": "Company size", "value": 10 * dice.below(200)},
        ],
        gives=frozenset(name for name, percent in _GIVES.items() if dice.chance(percent)),
        reason=dice.pick(_REASONS),
        by_user=dice.chance(30),
        # Realistic: most accounts have left the classic pages behind.
        on_calendar=dice.chance(70),
    )


def _fields(dice: Dice, code: str) -> Object:
    return {
        "in_trash": not dice.below(50),
        "virtual_conferencing": _conferencing(dice, code),
        "location_description": dice.pick((None, None, "", "", f"Room {dice.below(40)}")),
        "payment_information": _payment(dice, code),
        "external_calendar": _calendar(dice, code),
        "custom_fields": [{"name": "Budget", "value": dice.pick(_BUDGETS)}],
        "utm_params": _utm(dice),
    }


def _conferencing(dice: Dice, code: str) -> Object | None:
    if dice.chance(25):
        return None
    return {"join_url": f"https://meet.example.com/{code}"}


def _payment(dice: Dice, code: str) -> Object | None:
    if dice.chance(88):
        return None
    currency, amount = dice.pick(_PRICES)
    return {"amount_charged": amount, "currency": currency, "transaction_id": f"TEST-{code}"}


def _calendar(dice: Dice, code: str) -> Object:
    kind = dice.pick(_PROVIDERS)
    if kind == "none":
        return {"type": kind, "name": "", "id": "", "event_id": ""}
    return {
        "type": kind,
        "name": dice.pick(COMPANIES),
        "id": f"{kind}-calendar",
        "event_id": f"event{code}",
    }


def _utm(dice: Dice) -> dict[str, Any] | None:
    if dice.chance(75):
        return None
    source, medium = dice.pick(_SOURCES)
    campaign = dice.pick(("spring", "summer", None))
    found = {"source": source, "medium": medium, "campaign": campaign}
    return {**found, "term": None, "content": None}
