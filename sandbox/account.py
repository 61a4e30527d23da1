"""An account: all its lists, and what happens to it while somebody reads it.

A rank is an object's place in its list: 0 and up for those that were there from the start,
newest first, and -1, -2, ... for those added later, so that ascending ranks are the API's order.
"""

import json
import random
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from sandbox.answers import encode
from sandbox.data import Object, bookings, setup, times
from sandbox.data.bookings import trash
from sandbox.data.makers import make
from sandbox.data.nasty import spoil
from sandbox.data.people import person
from sandbox.data.world import ADDED, PAIR, Ids, World, all_sizes, moment_of
from sandbox.streams import BY_PREFIX, CREATED, STREAMS, UPDATED, Stream
from sandbox.switches import Switches

NO_TIME = -(1 << 62)  # before every moment: in no list that is filtered by time
_PARENTS = {
    "booking_calendar_time_slots": "booking_calendars",
    "user_scheduling_availability": "users",
}
_EDITS: dict[str, dict[str, Sequence[Any]]] = {
    "bookings": {
        "status": ("scheduled", "completed", "canceled", "no_show"),
        "subject": ("Edited, again", "Edited\nin two lines", "Edited \U0001f58a", ""),
        "duration_minutes": (20, 40, None),
        "starting_time": tuple(f"{year}-03-05T09:00:00Z" for year in range(2015, 2048, 4)),
    },
    "contacts": {"company": ('"Edited" & Sons', None), "status": ("Qualified", None)},
    "sms_notifications": {"status": ("sent", "failed", "delivered", "rejected")},
    "booking_calendars": {"name": ("Edited calendar", "Edited, it"), "published": (True, False)},
    "users": {"last_name": ("Edited", "D'Edité"), "teams": ([],)},
}


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
        return number if number is not None and -self.added <= number < self.size else None

    def id_of(self, rank: int) -> str:
        """Return the id of the object at a rank."""
        return self._ids.encode(number_of(rank))

    def alive(self) -> list[int]:
        """Return the ranks of what is there, newest first."""
        return [rank for rank in range(-self.added, self.size) if rank not in self.deleted]

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
        self.clock = times.Clock()
        self.switches = Switches()
        made = self.clock.now() // times.HOUR * times.HOUR if now is None else moment_of(now)
        self.world = World(seed, all_sizes(bookings, sizes), made, nasty=nasty)
        self.collections = {
            name: Collection(
                stream, self.world.sizes[name], self.world.ids[name], partial(self._make, name)
            )
            for name, stream in STREAMS.items()
        }
        self._hosts: dict[str, tuple[str, ...]] = {}
        # When what is in the trash is deleted for good; the account is new, whatever `now` says.
        self._trash = {rank: self._now() + left for rank, left in trash(self.world).items()}

    def _make(self, stream: str, number: int, now: int | None = None) -> Object:
        item = make(stream, self.world, number, self.world.now if now is None else now)
        turn = self.world.turn(number)
        if turn is not None:
            spoil(stream, item, turn, self.switches)
        its = self.switches
        names = {"terms_of_sevice": its.terms_field, "secret": its.secret_field}
        return {names.get(name, name): value for name, value in item.items()}

    def _now(self) -> int:
        return self.clock.now() // times.MILLISECOND * times.MILLISECOND

    def set_switches(self, switches: Switches) -> None:
        """Set all switches."""
        with self.lock:
            before, self.switches = self.switches, switches
            for collection in self.collections.values() if before.looks != switches.looks else ():
                collection.forget()

    def collection(self, stream: str) -> Collection:
        """Return one list; what has been in the trash for long enough has left it."""
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

    def objects(self, stream: str) -> list[Object]:
        """Return a list as the API sends it now."""
        with self.lock:
            collection = self.collection(stream)
            place = collection.place(self.switches.order)
            return [collection.get(rank) for rank in sorted(collection.alive(), key=place)]

    def object(self, stream: str, key: str) -> Object | None:
        """Return what a request for one id gives; None if it never existed."""
        with self.lock:
            collection = self.collection(stream)
            rank = collection.rank_of(key)
            return None if rank is None else collection.get(rank)

    def hosts_of(self, booking_id: str) -> tuple[str, ...]:
        """Return the ids of the users who host or co-host a booking, of those there are."""
        with self.lock:
            if booking_id not in self._hosts:
                number = number_of(self._existing("bookings", booking_id))
                self._hosts[booking_id] = bookings.hosts(self.world, number)
            return self._alive("users", self._hosts[booking_id])

    def links_of(self, booking_page_id: str) -> dict[str, tuple[str, ...]]:
        """Return the ids of what a booking page belongs to, by filter, of what there is."""
        with self.lock:
            number = number_of(self._existing("booking_pages", booking_page_id))
            links = setup.links(self.world, number)
            return {name: self._alive(setup.LINKS[name], keys) for name, keys in links.items()}

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
        name = self.world.ids["bookings"].encode
        with self.lock:
            members = (name(PAIR * number + place) for place in range(PAIR))
            found = {key: item for key in members if (item := self.object("bookings", key))}
            contacts = (item.get("contact") for item in found.values())
            contact = next((key for key in contacts if isinstance(key, str)), None)
            return bookings.conversation(self.world, number, list(found), contact)

    def conversations(self) -> list[Object]:
        """Return the conversations of all bookings that are in the list, each once."""
        found = (item.get("conversation") for item in self.objects("bookings"))
        keys = dict.fromkeys(key for key in found if isinstance(key, str))
        return [item for key in keys if (item := self.conversation(key))]

    def expanded(self, item: Object, names: Sequence[str]) -> Object:
        """Return an object in which some fields hold objects in place of their ids."""
        return item | {name: self._whole(item[name]) for name in names if name in item}

    def _whole(self, key: Any) -> Any:
        """Return the object behind an id; what is the id of none stays as it is."""
        prefix = key.partition("-")[0] if isinstance(key, str) else ""
        if prefix == "CVR":
            return self.conversation(key) or key
        return self.object(BY_PREFIX[prefix].name, key) or key if prefix in BY_PREFIX else key

    def refusal(self, child: str, key: str) -> int | None:
        """Return the status with which a request for an object's child, or itself, is refused."""
        stream, status = _PARENTS.get(child, f"{child}s"), self.switches.refusal or None
        slots = child == "booking_calendar_time_slots"
        item, rank = self.object(stream, key), self.collections[stream].rank_of(key)
        if item is None or rank is None:
            return 404
        if (slots or stream == "users") and (
            item.get("deleted") or item.get("status") == "invited"
        ):
            return 404
        if slots and item.get("published") is False:
            return status or 422
        chosen = rank % (5 if stream == "users" else 7) == 4
        return (status or (402 if slots else None)) if chosen else None

    def time_slots(self, calendar_id: str, start: str, end: str) -> list[Object]:
        """Return the slots between two times in ISO 8601; none if the calendar refuses."""
        if self.refusal("booking_calendar_time_slots", calendar_id):
            return []
        return setup.slots(self.world, calendar_id, moment_of(start), moment_of(end))

    def scheduling_availability(self, user_id: str) -> Object | None:
        """Return the schedule of a user; it may be empty. None if the API refuses it."""
        if self.refusal("user_scheduling_availability", user_id):
            return None
        return setup.availability(self.world, user_id)

    def add(self, stream: str, n: int = 1, **fields: Any) -> list[str]:
        """Create objects now, at the head of a list, and return their ids."""
        with self.lock:
            return [self._add(stream, fields) for _ in range(n)]

    def _add(self, stream: str, fields: Object) -> str:
        collection = self.collection(stream)
        rank = -1 - collection.added
        item = self._make(stream, number_of(rank), self._now()) | fields
        self._put(stream, rank, item, fields)
        return collection.id_of(rank)

    def edit(self, stream: str, key: str, **fields: Any) -> str:
        """Change fields of an object, and its update time to now if it has one."""
        with self.lock:
            rank = self._existing(stream, key)
            now = {UPDATED: times.text(self._now())} if UPDATED in STREAMS[stream].times else {}
            self._put(stream, rank, self.collection(stream).get(rank) | now | fields, fields)
        return key

    def _put(self, stream: str, rank: int, item: Object, fields: Object) -> None:
        """Keep an object; if it is in the trash, remember when it is deleted."""
        self.collection(stream).put(rank, item, self._now())
        if stream == "bookings" and "in_trash" in fields:
            self._trash.pop(rank, None)
            if fields["in_trash"]:
                self._trash[rank] = self._now() + bookings.TRASH_DAYS * times.DAY

    def delete(self, stream: str, key: str) -> str:
        """Delete an object: it is in no list any more."""
        with self.lock:
            rank = self._existing(stream, key)
            self.collection(stream).delete(rank)
        return key

    def random_changes(
        self,
        rng: random.Random,
        edits: int = 0,
        adds: int = 0,
        deletes: int = 0,
        streams: Sequence[str] = tuple(STREAMS),
    ) -> None:
        """Edit, add and delete objects in random order, over some lists or all."""
        actions = ["edit"] * edits + ["add"] * adds + ["delete"] * deletes
        rng.shuffle(actions)
        with self.lock:
            for action in actions:
                any(self._change(rng, action, rng.choice(streams)) for _ in range(50))

    def _change(self, rng: random.Random, action: str, stream: str) -> bool:
        """Change something; say whether there was something to change."""
        if action == "add":
            return bool(self.add(stream))
        collection = self.collection(stream)
        alive = collection.alive()
        # Half of the time among the newest, as in life.
        newest = alive[:200] if rng.random() < 1 / 2 else alive
        if not newest:
            return False
        key = collection.id_of(rng.choice(newest))
        if action == "delete":
            return bool(self.delete(stream, key))
        created = times.parse((self.object(stream, key) or {}).get(CREATED)) or 0
        # Older text messages keep their status; a change could not be seen by time anyway.
        if stream == "sms_notifications" and created < self.clock.now() - 2 * times.DAY:
            return False
        field, values = rng.choice(
            tuple(_EDITS.get(stream, {"name": ("Edited \u2014 it", "")}).items())
        )
        return bool(self.edit(stream, key, **{field: rng.choice(values)}))

    @property
    def customer_email(self) -> str:
        """A customer's address, for error messages that tell too much."""
        return person(self.world.seed, 0).email
