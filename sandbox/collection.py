"""One list of an account: made lazily, with additions, edits and deletes laid over it.

A rank is an object's place: 0 and up for the objects that were there from the start,
newest first, and -1, -2, ... for those added later, so that ascending ranks are the
API's order.
"""

from __future__ import annotations

import json
from array import array
from typing import TYPE_CHECKING

from sandbox.data import Object, times
from sandbox.data.world import ADDED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sandbox.data.dice import Ids

# Sorts before every moment: an object without a time is in no time-filtered list.
NO_TIME = -(1 << 62)


def encode(value: object) -> bytes:
    """Write JSON as UTF-8; text that UTF-8 cannot hold makes it escape everything."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


class Collection:
    """The objects of one list.

    Args:
        kind: the `object` field, also for deleted objects.
        size: how many objects there are from the start.
        ids: turns numbers into ids.
        make: makes the object of a number.
        moment: gives one time of the object of a number, without making the object.
    """

    def __init__(
        self,
        kind: str,
        size: int,
        ids: Ids,
        make: Callable[[int], Object],
        moment: Callable[[int, str], int | None],
    ) -> None:
        self.size = size
        self.added = 0
        self.version = 0
        self.deleted: set[int] = set()
        self.changed: dict[int, Object] = {}
        self._touched: dict[int, int] = {}
        self._kind = kind
        self._ids = ids
        self._make = make
        self._moment = moment
        self._cache: dict[int, bytes] = {}
        self._columns: dict[str, array[int]] = {}

    def __len__(self) -> int:
        return self.size + self.added - len(self.deleted)

    def forget(self) -> None:
        """Make unchanged objects anew: the way they are made has changed."""
        self._cache.clear()
        self.version += 1

    def rank_of(self, key: str) -> int | None:
        """Find an object, deleted or not; None if there never was one with this id."""
        number = self._ids.decode(key)
        if number is None:
            return None
        if number >= ADDED:
            place = number - ADDED
            return -1 - place if place < self.added else None
        return number if number < self.size else None

    def id_of(self, rank: int) -> str:
        """Return the id of the object at a rank."""
        return self._ids.encode(rank if rank >= 0 else ADDED - 1 - rank)

    def ranks(self) -> range:
        """Return all ranks, those of deleted objects too."""
        return range(-self.added, self.size)

    def alive(self) -> Iterator[int]:
        """Return the ranks of what is there, newest first."""
        return (rank for rank in self.ranks() if rank not in self.deleted)

    def raw(self, rank: int) -> bytes:
        """Return an object as the API sends it."""
        found = self._cache.get(rank)
        if found is None:
            changed = self.changed.get(rank)
            found = encode(self._make(rank) if changed is None else changed)
            self._cache[rank] = found
        return found

    def get(self, rank: int) -> Object:
        """Return an object, also a deleted one, as who asks for it by id gets it."""
        if rank in self.deleted:
            return {"id": self.id_of(rank), "object": self._kind, "deleted": True}
        item: Object = json.loads(self.raw(rank))
        return item

    def put(self, rank: int, item: Object, now: int) -> None:
        """Replace an object."""
        self._drop(rank)
        self._touched[rank] = now
        self.changed[rank] = item

    def add(self, item: Callable[[int], Object], now: int) -> int:
        """Put a new object at the head; `item` makes it from its number."""
        rank = -1 - self.added
        made = item(ADDED + self.added)
        self.added += 1
        self.put(rank, made, now)
        return rank

    def place(self, order: str, updated: str | None) -> Callable[[int], tuple[int, int]]:
        """Return the sort key of ranks in an order.

        Args:
            order: see `Switches.order`.
            updated: the field that tells when an object was updated; without one it is
                when it was added or edited.
        """
        if order == "starting" and self._kind == "booking":
            return lambda rank: (-self._time(rank, "starting_time"), rank)
        if order != "updated":
            sign = -1 if order == "oldest" else 1
            return lambda rank: (0, sign * rank)
        if updated is None:
            return lambda rank: (-self._touched.get(rank, NO_TIME), rank)
        return lambda rank: (-self._time(rank, updated), rank)

    def delete(self, rank: int) -> None:
        """Take an object out of the list."""
        self._drop(rank)
        self.changed.pop(rank, None)
        self.deleted.add(rank)

    def _drop(self, rank: int) -> None:
        self.version += 1
        self._cache.pop(rank, None)

    def between(self, field: str, low: int, high: int) -> Iterator[int]:
        """Return the ranks of objects whose time is strictly between two moments."""
        for rank in range(-self.added, 0):
            if rank in self.changed and low < self._time(rank, field) < high:
                yield rank
        changed, deleted = self.changed, self.deleted
        for rank, moment in enumerate(self._column(field)):
            if rank in changed:
                if low < self._time(rank, field) < high:
                    yield rank
            elif low < moment < high and rank not in deleted:
                yield rank

    def _time(self, rank: int, field: str) -> int:
        item = self.changed.get(rank)
        if item is None and rank >= 0:
            return self._column(field)[rank]
        found = times.parse((item or {}).get(field))
        return NO_TIME if found is None else found

    def columns(self, fields: Iterable[str]) -> None:
        """Gather the times of all objects now, not at the first question about them."""
        for field in fields:
            self._column(field)

    def _column(self, field: str) -> array[int]:
        column = self._columns.get(field)
        if column is None:
            moments = (self._moment(rank, field) for rank in range(self.size))
            column = array("q", (NO_TIME if found is None else found for found in moments))
            self._columns[field] = column
        return column
