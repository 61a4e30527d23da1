"""What all generators share: seed, sizes, ids, and the age of the account."""

from __future__ import annotations

from math import isqrt
from time import time

from sandbox.data import times
from sandbox.data.dice import Dice, Ids
from sandbox.streams import STREAMS

# Objects added later are numbered from here, far above those there from the start.
ADDED = 1 << 40

# The nasty objects: so many, then one in twenty. So a small account shows all that can go
# wrong, and a large one stays plausible.
_DENSE, _SPARSE = 600, 20
# Two bookings share a conversation; one pair in twenty has one.
PAIR, _PAIRS = 2, 20


def all_sizes(bookings: int, sizes: dict[str, int]) -> dict[str, int]:
    """Complete the sizes that were given: sensibly for so many bookings."""
    grown = isqrt(max(0, bookings))
    chosen = {
        "bookings": bookings,
        "contacts": bookings // 2,
        "sms_notifications": bookings // 5,
        "booking_calendars": 6 + grown // 4,
        "booking_pages": 4 + grown // 8,
        "master_pages": 2 + grown // 20,
        "event_types": 4 + grown // 20,
        "users": 5 + grown // 5,
        "teams": 2 + grown // 30,
        "webhooks": 3,
    }
    if unknown := sizes.keys() - chosen.keys():
        message = f"no such list: {', '.join(sorted(unknown))}"
        raise ValueError(message)
    chosen |= sizes
    if min(chosen.values()) < 0:
        message = "a size cannot be negative"
        raise ValueError(message)
    return chosen


def moment_of(now: str | None) -> int:
    """Read the moment at which an account was made; None is this hour."""
    if now is None:
        return int(time()) // 3600 * times.HOUR
    moment = times.parse(now)
    if moment is None:
        message = f"not a time: {now}"
        raise ValueError(message)
    return moment


class World:
    """One account's unchanging facts."""

    def __init__(self, seed: int, sizes: dict[str, int], now: int, *, nasty: bool) -> None:
        self.seed, self.sizes, self.now, self.nasty = seed, sizes, now, nasty
        self.ids = {name: Ids(seed, stream.prefix) for name, stream in STREAMS.items()}
        # Conversations have no list.
        self.conversation_ids = Ids(seed, "CVR")
        self._arrivals = times.Arrivals(now)

    def dice(self, name: str, index: int) -> Dice:
        """Return the draws for one object."""
        return Dice(self.seed, name, index)

    def turn(self, index: int) -> int | None:
        """Number the nasty objects; None for those that are not."""
        index %= ADDED
        if not self.nasty or (index >= _DENSE and index % _SPARSE):
            return None
        return index if index < _DENSE else _DENSE + index // _SPARSE

    def created(self, stream: str, index: int, jitter: int) -> int:
        """Return the creation time of an object that was there from the start."""
        return self._arrivals.moment(index, self.sizes[stream], jitter)

    def ref(self, stream: str, number: int) -> str | None:
        """Return the id of an object of another list; None if that list is empty."""
        size = self.sizes[stream]
        return self.ids[stream].encode(number % size) if size else None

    def conversation_of(self, booking: int) -> str | None:
        """Return the id of the conversation that led to a booking, if one did."""
        pair = booking // PAIR
        return self.conversation_ids.encode(pair) if pair % _PAIRS == 1 else None
