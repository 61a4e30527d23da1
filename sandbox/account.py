"""An account: all its lists, and what happens to it while somebody reads it."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any

from sandbox import changes
from sandbox.clock import Clock
from sandbox.collection import Collection
from sandbox.data import Object, bookings, contacts, conversations, schedules, setup, times
from sandbox.data.bookings import TRASH_DAYS, trash
from sandbox.data.nasty import spoil
from sandbox.data.people import person
from sandbox.data.world import World, all_sizes, moment_of
from sandbox.streams import BY_PREFIX, STREAMS, UPDATED
from sandbox.switches import Switches

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

_MAKERS: dict[str, Callable[[World, int, int], Object]] = {
    "bookings": bookings.make,
    "contacts": contacts.contact,
    "sms_notifications": contacts.notification,
    "booking_calendars": setup.booking_calendar,
    "booking_pages": setup.booking_page,
    "master_pages": setup.master_page,
    "event_types": setup.event_type,
    "users": setup.user,
    "teams": setup.team,
    "webhooks": setup.webhook,
}
_NOT_FOUND = 404
_PARENTS = {
    "booking_calendar_time_slots": "booking_calendars",
    "user_scheduling_availability": "users",
    "booking": "bookings",
    "booking_calendar": "booking_calendars",
}


class Account:
    """A made-up OnceHub account.

    The same seed, sizes and `now` give the same objects on every machine.

    Args:
        seed: which account.
        bookings: how many; the sizes of all other lists follow from it.
        nasty: whether objects contain what breaks pipelines.
        now: the moment at which the account was made, in ISO 8601; default: this hour.
        sizes: sizes of other lists by name.
    """

    def __init__(
        self,
        seed: int = 1,
        bookings: int = 100,
        *,
        nasty: bool = True,
        now: str | None = None,
        **sizes: int,
    ) -> None:
        self.lock = threading.RLock()
        self.clock = Clock()
        self.switches = Switches()
        self.world = World(seed, all_sizes(bookings, sizes), moment_of(now), nasty=nasty)
        self.collections = {
            name: Collection(
                stream, self.world.sizes[name], self.world.ids[name], partial(self._make, name)
            )
            for name, stream in STREAMS.items()
        }
        self.slots = schedules.Slots(self.world)
        self._hosts: dict[str, tuple[str, ...]] = {}
        # When what is in the trash is deleted for good; the account is new, whatever `now` says.
        self._trash = {rank: self._now() + left for rank, left in trash(self.world).items()}

    def _make(self, stream: str, number: int, now: int | None = None) -> Object:
        item = _MAKERS[stream](self.world, number, self.world.now if now is None else now)
        turn = self.world.turn(number)
        if turn is not None:
            spoil(stream, item, turn, self.switches)
        names = {
            "terms_of_sevice": self.switches.terms_field,
            "secret": self.switches.secret_field,
        }
        return {names.get(name, name): value for name, value in item.items()}

    def set_switches(self, switches: Switches) -> None:
        """Set all switches."""
        with self.lock:
            before, self.switches = self.switches, switches
            for collection in self.collections.values() if before.looks != switches.looks else ():
                collection.forget()

    def collection(self, stream: str) -> Collection:
        """Return one list; what has been in the trash for long enough has left it."""
        if stream not in self.collections:
            message = f"no such list: {stream}"
            raise ValueError(message)
        with self.lock:
            now = self.clock.now()
            for rank in [rank for rank, end in self._trash.items() if end <= now]:
                del self._trash[rank]
                self.collections["bookings"].delete(rank)
        return self.collections[stream]

    def warm(self) -> None:
        """Make all objects now: the first reader waits no longer than the next."""
        for collection in self.collections.values():
            for rank in collection.alive():
                collection.raw(rank)

    def place(self, stream: str) -> Callable[[int], tuple[int, int]]:
        """Return the sort key of the ranks of a list, in the order the API gives it."""
        return self.collection(stream).place(self.switches.order)

    def objects(self, stream: str) -> list[Object]:
        """Return a list as the API sends it now."""
        with self.lock:
            collection = self.collection(stream)
            return [collection.get(r) for r in sorted(collection.alive(), key=self.place(stream))]

    def object(self, stream: str, key: str) -> Object | None:
        """Return what a request for one id gives; None if it never existed."""
        collection = self.collection(stream)
        with self.lock:
            rank = collection.rank_of(key)
            return None if rank is None else collection.get(rank)

    def hosts_of(self, booking_id: str) -> tuple[str, ...]:
        """Return the ids of the users who host or co-host a booking, of those there are."""
        with self.lock:
            hosts = self._hosts.get(booking_id)
            if hosts is None:
                number = self._number("bookings", booking_id)
                hosts = self._hosts[booking_id] = bookings.hosts(self.world, number)
            return self._alive("users", hosts)

    def links_of(self, booking_page_id: str) -> dict[str, tuple[str, ...]]:
        """Return the ids of what a booking page belongs to, by filter, of what there is."""
        with self.lock:
            links = setup.links(self.world, self._number("booking_pages", booking_page_id))
            return {name: self._alive(setup.LINKS[name], keys) for name, keys in links.items()}

    def assign(self, booking_id: str, *user_ids: str) -> str:
        """Let users host a booking; its owner stays, its update time is now."""
        with self.lock:
            self._hosts[self.edit("bookings", booking_id)] = user_ids
        return booking_id

    def conversation(self, key: str) -> Object | None:
        """Return a conversation by its id; None if there is none."""
        number = self.world.conversation_ids.decode(key)
        if number is None:
            return None
        with self.lock:
            ids = [self.world.ids["bookings"].encode(n) for n in conversations.bookings_of(number)]
            ids = [key for key in ids if self.object("bookings", key)]
            contacts = [(self.object("bookings", key) or {}).get("contact") for key in ids]
            contact = next((key for key in contacts if isinstance(key, str)), None)
            return conversations.make(self.world, number, ids, contact)

    def conversations(self) -> list[Object]:
        """Return the conversations of all bookings that are in the list, each once."""
        found = (item.get("conversation") for item in self.objects("bookings"))
        keys = dict.fromkeys(key for key in found if isinstance(key, str))
        return [item for key in keys if (item := self.conversation(key))]

    def expanded(self, item: Object, names: Sequence[str]) -> Object:
        """Return an object in which some fields hold objects in place of their ids."""
        return {**item, **{name: self._whole(item[name]) for name in names if name in item}}

    def _whole(self, key: Any) -> Any:
        """Return the object behind an id; what is the id of none stays as it is."""
        prefix = key.partition("-")[0] if isinstance(key, str) else ""
        if prefix == "CVR":
            return self.conversation(key) or key
        return self.object(BY_PREFIX[prefix].name, key) or key if prefix in BY_PREFIX else key

    def refusal(self, child: str, key: str) -> int | None:
        """Return the status with which a request for an object's child, or itself, is refused."""
        stream = _PARENTS[child]
        item = self.object(stream, key)
        if item is None:
            return _NOT_FOUND
        if child in ("booking", "booking_calendar"):
            return self.switches.refused_object if self._is_chosen(stream, key) else None
        if item.get("deleted") is True or item.get("status") == "invited":
            return _NOT_FOUND
        if stream == "booking_calendars" and item.get("published") is False:
            return self.switches.unpublished_calendar
        if not self._is_chosen(stream, key):
            return None
        switches = self.switches
        return switches.seatless_user if stream == "users" else switches.seatless_calendar

    def _is_chosen(self, stream: str, key: str) -> bool:
        """Return whether an object is one of those that have no seat, or are refused."""
        rank = self.collection(stream).rank_of(key)
        return rank is not None and rank % (5 if stream == "users" else 7) == 4  # noqa: PLR2004

    def time_slots(self, calendar_id: str, start: str, end: str) -> list[Object]:
        """Return the slots between two times in ISO 8601; none if the calendar refuses."""
        first, last = times.parse(start), times.parse(end)
        if first is None or last is None:
            message = f"not a time: {start} or {end}"
            raise ValueError(message)
        if self.refusal("booking_calendar_time_slots", calendar_id):
            return []
        return self.slots_between(calendar_id, first, last)

    def slots_between(self, calendar_id: str, start: int, end: int) -> list[Object]:
        """Return the slots of a calendar between two moments."""
        last = end if self.switches.slot_ends_inclusive else end - 1
        return self.slots.between(calendar_id, start, last)

    def scheduling_availability(self, user_id: str) -> Object | None:
        """Return the schedule of a user; it may be empty. None if the API refuses it."""
        if self.refusal("user_scheduling_availability", user_id):
            return None
        return schedules.availability(self.world, user_id)

    def add(self, stream: str, n: int = 1, **fields: Any) -> list[str]:
        """Create objects now, at the head of a list, and return their ids."""
        collection = self.collection(stream)

        def make(number: int) -> Object:
            return {**self._make(stream, number, self._now()), **fields}

        with self.lock:
            ranks = [collection.add(make, self._now()) for _ in range(n)]
            for rank in ranks:
                self._put_away(stream, rank, fields)
            return [collection.id_of(rank) for rank in ranks]

    def edit(self, stream: str, key: str, **fields: Any) -> str:
        """Change fields of an object, and its update time to now if it has one."""
        with self.lock:
            rank = self._existing(stream, key)
            item = self.collection(stream).get(rank)
            if UPDATED in STREAMS[stream].times:
                item[UPDATED] = times.text(self._now())
            self.collection(stream).put(rank, {**item, **fields}, self._now())
            self._put_away(stream, rank, fields)
        return key

    def delete(self, stream: str, key: str) -> str:
        """Delete an object: it is in no list any more."""
        with self.lock:
            rank = self._existing(stream, key)
            self.collection(stream).delete(rank)
            self._put_away(stream, rank, {"in_trash": False})
        return key

    def random_changes(
        self,
        rng: random.Random,
        edits: int = 0,
        adds: int = 0,
        deletes: int = 0,
        streams: Sequence[str] | None = None,
    ) -> None:
        """Edit, add and delete objects in random order, over some lists or all."""
        chosen = streams or tuple(STREAMS)
        actions = ["edit"] * edits + ["add"] * adds + ["delete"] * deletes
        rng.shuffle(actions)
        with self.lock:
            for action in actions:
                self._random_change(rng, action, chosen)

    def _random_change(self, rng: random.Random, action: str, streams: Sequence[str]) -> None:
        for _ in range(changes.TRIES):
            stream = rng.choice(streams)
            if action == "add":
                self.add(stream)
                return
            key = changes.some_id(rng, self.collection(stream))
            if key is None:
                continue
            if action == "delete":
                self.delete(stream, key)
                return
            if changes.is_editable(stream, self.object(stream, key) or {}, self.clock.now()):
                self.edit(stream, key, **changes.edit(rng, stream))
                return

    @property
    def customer_email(self) -> str:
        """A customer's address, for error messages that tell too much."""
        return person(self.world.seed, 0).email

    def _now(self) -> int:
        return self.clock.now() // times.MILLISECOND * times.MILLISECOND

    def _put_away(self, stream: str, rank: int, fields: Object) -> None:
        """Remember when a booking in the trash is deleted; forget those that left it."""
        if stream == "bookings" and "in_trash" in fields:
            self._trash.pop(rank, None)
            if fields["in_trash"]:
                self._trash[rank] = self._now() + TRASH_DAYS * times.DAY

    def _number(self, stream: str, key: str) -> int:
        self._existing(stream, key)
        return self.world.ids[stream].decode(key) or 0

    def _alive(self, stream: str, keys: Sequence[str]) -> tuple[str, ...]:
        collection = self.collection(stream)
        gone = {None, *collection.deleted}
        return tuple(key for key in keys if collection.rank_of(key) not in gone)

    def _existing(self, stream: str, key: str) -> int:
        collection = self.collection(stream)
        rank = collection.rank_of(key)
        if rank is None or rank in collection.deleted:
            raise KeyError(key)
        return rank
