"""One list of an account: its objects as JSON, with additions, edits and deletes.

A rank is an object's place: 0 and up for the objects that were there from the start,
newest first, and -1, -2, ... for those added later, so that ascending ranks are the
API's order.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sandbox.answers import encode
from sandbox.data import Object, times
from sandbox.data.world import ADDED
from sandbox.streams import UPDATED

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.data.dice import Ids
    from sandbox.streams import Stream

# Sorts before every moment: an object without a time is in no time-filtered list.
NO_TIME = -(1 << 62)


def number_of(rank: int) -> int:
    """Return what the object at a rank is made from."""
    return rank if rank >= 0 else ADDED - 1 - rank


class Collection:
    """The objects of one list, made when somebody first asks for them."""

    def __init__(self, stream: Stream, size: int, ids: Ids, make: Callable[[int], Object]) -> None:
        self.size = size
        self.added = 0
        self.version = 0
        self.deleted: set[int] = set()
        self._stream = stream
        self._ids = ids
        self._make = make
        self._touched: dict[int, int] = {}
        self._raw: dict[int, bytes] = {}
        self._times: dict[int, dict[str, int]] = {}

    def __len__(self) -> int:
        return self.size + self.added - len(self.deleted)

    def forget(self) -> None:
        """Make unchanged objects anew: the way they are made has changed."""
        self._raw = {rank: self._raw[rank] for rank in self._touched}
        self.version += 1

    def rank_of(self, key: str) -> int | None:
        """Find an object, deleted or not; None if there never was one with this id."""
        number = self._ids.decode(key)
        if number is not None and number >= ADDED:
            number = ADDED - 1 - number
        return number if number in self.ranks() else None

    def id_of(self, rank: int) -> str:
        """Return the id of the object at a rank."""
        return self._ids.encode(number_of(rank))

    def ranks(self) -> range:
        """Return all ranks, those of deleted objects too."""
        return range(-self.added, self.size)

    def alive(self) -> list[int]:
        """Return the ranks of what is there, newest first."""
        return [rank for rank in self.ranks() if rank not in self.deleted]

    def raw(self, rank: int) -> bytes:
        """Return an object as the API sends it."""
        if rank not in self._raw:
            self._store(rank, self._make(rank))
        return self._raw[rank]

    def get(self, rank: int) -> Object:
        """Return an object, also a deleted one, as who asks for it by id gets it."""
        if rank in self.deleted:
            return {"id": self.id_of(rank), "object": self._stream.kind, "deleted": True}
        item: Object = json.loads(self.raw(rank))
        return item

    def put(self, rank: int, item: Object, now: int) -> None:
        """Replace an object."""
        self.version += 1
        self._touched[rank] = now
        self.added = max(self.added, -rank)
        self._store(rank, item)

    def delete(self, rank: int) -> None:
        """Take an object out of the list."""
        self.version += 1
        self.deleted.add(rank)

    def place(self, order: str) -> Callable[[int], tuple[int, int]]:
        """Return the sort key of ranks in an order, see `Switches.order`."""
        if order == "starting" and "starting_time" in self._stream.times:
            return lambda rank: (-self.time(rank, "starting_time"), rank)
        if order != "updated":
            sign = -1 if order == "oldest" else 1
            return lambda rank: (0, sign * rank)
        if UPDATED in self._stream.times:
            return lambda rank: (-self.time(rank, UPDATED), rank)
        # When it was added or edited.
        return lambda rank: (-self._touched.get(rank, NO_TIME), rank)

    def time(self, rank: int, field: str) -> int:
        """Return one of the times that the list can be filtered by."""
        self.raw(rank)
        return self._times[rank][field]

    def _store(self, rank: int, item: Object) -> None:
        self._raw[rank] = encode(item)
        found = {field: times.parse(item.get(field)) for field in self._stream.times}
        self._times[rank] = {f: NO_TIME if at is None else at for f, at in found.items()}
