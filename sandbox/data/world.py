"""What all makers share: reproducible chance, ids, seed, sizes and the age of the account."""

from collections.abc import Sequence
from hashlib import blake2b
from math import isqrt
from struct import Struct
from typing import TypeVar

from sandbox.data import times
from sandbox.streams import STREAMS

T = TypeVar("T")

_DRAWS = Struct(">16I")
_ID_MASK = (1 << 48) - 1
# More than half of the bits: then `x ^ (x >> _ID_SHIFT)` is its own inverse.
_ID_SHIFT = 25


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=64).digest()


class Dice:
    """Draws for one object; the same key gives the same draws on every machine.

    `random.Random` would need several microseconds to be seeded for each object.
    """

    def __init__(self, *key: object) -> None:
        self._key = "/".join(map(str, key))
        self._draws: list[int] = []
        self._refills = 0

    def below(self, limit: int) -> int:
        """Draw an integer from 0 to `limit` - 1; a limit is far below 2**32."""
        if not self._draws:
            self._draws = list(_DRAWS.unpack(_digest(f"{self._key}#{self._refills}")))
            self._refills += 1
        return self._draws.pop() % limit

    def between(self, low: int, high: int) -> int:
        """Draw an integer from `low` to `high`, both included."""
        return low + self.below(high - low + 1)

    def pick(self, values: Sequence[T]) -> T:
        """Draw one of the values."""
        return values[self.below(len(values))]

    def chance(self, percent: int) -> bool:
        """Say yes in `percent` of 100 cases."""
        return self.below(100) < percent


class Ids:
    """Turn the number of an object into an id that looks random, and back.

    Nothing has to be stored for it, and the ids of another account are unknown here.
    """

    def __init__(self, seed: int, prefix: str) -> None:
        secret = int.from_bytes(_digest(f"ids/{seed}/{prefix}"), "big")
        self._prefix = f"{prefix}-"
        self._factor = secret & _ID_MASK | 1
        self._offset = secret >> 48 & _ID_MASK
        self._inverse = pow(self._factor, -1, 1 << 48)

    def encode(self, number: int) -> str:
        """Return the id of an object."""
        mixed = (number * self._factor + self._offset) & _ID_MASK
        return f"{self._prefix}{mixed ^ mixed >> _ID_SHIFT:012X}"

    def decode(self, text: str) -> int | None:
        """Return the number behind an id; it may be beyond all existing objects."""
        try:
            mixed = int(text.removeprefix(self._prefix), 16)
        except ValueError:
            return None
        mixed ^= mixed >> _ID_SHIFT
        number = (mixed - self._offset) * self._inverse & _ID_MASK
        return number if self.encode(number) == text else None


# Objects added later are numbered from here, far above those there from the start.
ADDED = 1 << 40

# The nasty objects: so many, then one in twenty. So a small account shows all that can go
# wrong, and a large one stays plausible.
_DENSE, _SPARSE = 600, 20
# So many bookings share a conversation.
PAIR = 2


def all_sizes(bookings: int, sizes: dict[str, int]) -> dict[str, int]:
    """Complete the sizes that were given: sensibly for so many bookings."""
    grown = isqrt(max(0, bookings))
    chosen = dict.fromkeys(STREAMS, 3)
    chosen |= {"bookings": bookings, "contacts": bookings // 2, "sms_notifications": bookings // 5}
    chosen |= {"booking_calendars": 6 + grown // 4, "booking_pages": 4 + grown // 8}
    chosen |= {"master_pages": 2 + grown // 20, "event_types": 4 + grown // 20}
    chosen |= {"users": 5 + grown // 5, "teams": 2 + grown // 30}
    chosen |= sizes
    for name, size in chosen.items():
        if name not in STREAMS or size < 0:
            message = f"{name} cannot be {size}" if name in STREAMS else f"no such list: {name}"
            raise ValueError(message)
    return chosen


def moment_of(text: str) -> int:
    """Read a moment that must be one."""
    moment = times.parse(text)
    if moment is None:
        message = f"not a time: {text}"
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
        if index >= _DENSE:
            index = -1 if index % _SPARSE else _DENSE + index // _SPARSE
        return index if self.nasty and index >= 0 else None

    def created(self, stream: str, index: int, jitter: int) -> int:
        """Return when an object that was there from the start was made, for `times.text`."""
        return self._arrivals.moment(index, self.sizes[stream], jitter)

    def ref(self, stream: str, number: int) -> str | None:
        """Return the id of an object of another list; None if that list is empty."""
        size = self.sizes[stream]
        return self.ids[stream].encode(number % size) if size else None
