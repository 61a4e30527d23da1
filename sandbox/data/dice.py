"""Reproducible chance: draws depend on their key and on nothing else."""

from __future__ import annotations

from hashlib import blake2b
from struct import Struct
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

_unpack = Struct(">16I").unpack
_ID_BITS = 48
_ID_MASK = (1 << _ID_BITS) - 1
# More than half of the bits: then `x ^ (x >> _ID_SHIFT)` is its own inverse.
_ID_SHIFT = 25


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=64).digest()


class Dice:
    """Draws for one object; the same key gives the same draws on every machine.

    `random.Random` would need several microseconds to be seeded for each object.
    """

    __slots__ = ("_draws", "_key", "_refills")

    def __init__(self, *key: object) -> None:
        self._key = "/".join(map(str, key))
        self._draws: list[int] = []
        self._refills = 0

    def below(self, limit: int) -> int:
        """Draw an integer from 0 to `limit` - 1; a limit is far below 2**32."""
        if not self._draws:
            self._draws = list(_unpack(_digest(f"{self._key}#{self._refills}")))
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
        self._offset = secret >> _ID_BITS & _ID_MASK
        self._inverse = pow(self._factor, -1, 1 << _ID_BITS)

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
