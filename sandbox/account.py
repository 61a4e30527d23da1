"""An account: all its lists, and what happens to it while somebody reads it."""

from __future__ import annotations

import threading
from copy import deepcopy
from functools import partial
from typing import TYPE_CHECKING, Any

from sandbox.changes import random_changes
from sandbox.clock import Clock
from sandbox.collection import Collection
from sandbox.data import Object, makers, schedules, times
from sandbox.data.nasty import spoil
from sandbox.data.people import person
from sandbox.data.setup import webhook_events
from sandbox.data.world import World, all_sizes, moment_of
from sandbox.streams import STREAMS, UPDATED
from sandbox.switches import Switches

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Sequence


class Account:
    """A made-up OnceHub account.

    The same seed, sizes and `now` give the same objects on every machine.

    Args:
        seed: which account.
        bookings: how many; the sizes of all other lists follow from it.
        nasty: whether objects contain what breaks pipelines.
        now: the moment at which the account was made, in ISO 8601; default: this hour.
        switches: switches of how objects look, see `Switches`.
        sizes: sizes of other lists by name.
    """

    def __init__(
        self,
        seed: int = 1,
        bookings: int = 100,
        *,
        nasty: bool = True,
        now: str | None = None,
        switches: dict[str, Any] | None = None,
        **sizes: int,
    ) -> None:
        self.lock = threading.RLock()
        self.clock = Clock()
        self.own_switches = Switches().changed(**switches or {})
        self.switches = self.own_switches
        self.world = World(seed, all_sizes(bookings, sizes), moment_of(now), nasty=nasty)
        self.collections = {name: self._collection(name) for name in STREAMS}
        self.slots = schedules.Slots(self.world)

    def _collection(self, name: str) -> Collection:
        return Collection(
            STREAMS[name].kind,
            self.world.sizes[name],
            self.world.ids[name],
            partial(self._make, name),
            partial(makers.moment, self.world, name),
        )

    def _make(self, stream: str, number: int, now: int | None = None) -> Object:
        item = makers.MAKERS[stream](self.world, number, self.world.now if now is None else now)
        turn = self.world.turn(number)
        if turn is not None:
            # Parts of it are shared with other objects.
            item = deepcopy(item)
            spoil(stream, item, turn, self.switches)
        return item

    def set_switches(self, switches: Switches) -> None:
        """Set all switches."""
        with self.lock:
            before, self.switches = self.switches, switches
            for collection in self.collections.values() if before.looks != switches.looks else ():
                collection.forget()

    def collection(self, stream: str) -> Collection:
        """Give one list.

        Raises:
            ValueError: there is no such list.
        """
        if stream not in self.collections:
            message = f"no such list: {stream}"
            raise ValueError(message)
        return self.collections[stream]

    def warm(self) -> None:
        """Make all objects now: the first reader waits no longer than the next."""
        for name, collection in self.collections.items():
            for rank in collection.alive():
                collection.raw(rank)
            collection.columns(STREAMS[name].times)

    def iter_objects(self, stream: str) -> Iterator[Object]:
        """Give the objects of a list one by one, as `objects` does."""
        if stream == "webhook_events":
            yield from webhook_events()
            return
        collection = self.collection(stream)
        with self.lock:
            ranks = list(collection.alive())
        for rank in ranks:
            with self.lock:
                item = collection.get(rank)
            yield item

    def objects(self, stream: str) -> list[Object]:
        """Give a list as the API sends it now: newest created first."""
        with self.lock:
            return list(self.iter_objects(stream))

    def object(self, stream: str, key: str) -> Object | None:
        """Give what a request for one id gives; None if it never existed."""
        collection = self.collection(stream)
        with self.lock:
            rank = collection.rank_of(key)
            return None if rank is None else collection.get(rank)

    def time_slots(self, calendar_id: str, start: str, end: str) -> list[Object]:
        """Give the free slots of a calendar; none if it answers with an error."""
        return schedules.time_slots(self, calendar_id, start, end)

    def scheduling_availability(self, user_id: str) -> Object | None:
        """Give the schedule of a user; it may be empty. None if the API answers 404."""
        return schedules.availability(self, user_id)

    def add(self, stream: str, n: int = 1, **fields: Any) -> list[str]:
        """Create objects now, at the head of a list, and return their ids.

        Raises:
            ValueError: an id was given.
        """
        if "id" in fields:
            message = "ids are given by the server"
            raise ValueError(message)
        collection = self.collection(stream)

        def make(number: int) -> Object:
            return {**self._make(stream, number, self._now()), **fields}

        with self.lock:
            return [collection.id_of(collection.add(make)) for _ in range(n)]

    def edit(self, stream: str, key: str, **fields: Any) -> str:
        """Change fields of an object, and its update time to now if it has one.

        Raises:
            KeyError: there is no such object, or it was deleted.
        """
        with self.lock:
            rank = self._existing(stream, key)
            item = self.collection(stream).get(rank)
            if UPDATED in STREAMS[stream].times:
                item[UPDATED] = times.text(self._now())
            self.collection(stream).put(rank, {**item, **fields})
        return key

    def delete(self, stream: str, key: str) -> str:
        """Delete an object: it is in no list any more.

        Raises:
            KeyError: there is no such object, or it was deleted.
        """
        with self.lock:
            self.collection(stream).delete(self._existing(stream, key))
        return key

    def random_changes(
        self,
        rng: random.Random,
        edits: int = 0,
        adds: int = 0,
        deletes: int = 0,
        streams: Sequence[str] | None = None,
    ) -> list[tuple[str, str, str]]:
        """Edit, add and delete objects here and there; see `sandbox.changes`."""
        with self.lock:
            return random_changes(self, rng, (edits, adds, deletes), streams or tuple(STREAMS))

    @property
    def customer_email(self) -> str:
        """A customer's address, for error messages that tell too much."""
        return person(self.world.seed, 0).email

    def _now(self) -> int:
        return self.clock.now() // times.MILLISECOND * times.MILLISECOND

    def _existing(self, stream: str, key: str) -> int:
        collection = self.collection(stream)
        rank = collection.rank_of(key)
        if rank is None or rank in collection.deleted:
            raise KeyError(key)
        return rank
