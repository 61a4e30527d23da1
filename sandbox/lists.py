"""Lists: their objects, what a question may ask, and the page that answers it.

Questions are read strictly: the sandbox shows a client its mistakes.

A rank is an object's place: 0 and up for the objects that were there from the start,
newest first, and -1, -2, ... for those added later, so that ascending ranks are the
API's order.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl

from sandbox.answers import encode, not_found, refuse
from sandbox.data import Object, times
from sandbox.data.setup import LINKS
from sandbox.data.world import ADDED
from sandbox.streams import UPDATED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sandbox.account import Account
    from sandbox.data.world import Ids
    from sandbox.streams import Stream

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_DIGITS = re.compile(r"[0-9]{1,9}")
_MOST = 100
_EVER = 1 << 62


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
        return lambda rank: (-self._touched.get(rank, -_EVER), rank)

    def time(self, rank: int, field: str) -> int:
        """Return one of the times that the list can be filtered by."""
        self.raw(rank)
        return self._times[rank][field]

    def _store(self, rank: int, item: Object) -> None:
        self._raw[rank] = encode(item)
        found = {field: times.parse(item.get(field)) for field in self._stream.times}
        self._times[rank] = {f: -_EVER if at is None else at for f, at in found.items()}


class Question(NamedTuple):
    """What somebody wants to know about a list."""

    limit: int  # objects on a page
    cursor: str | None  # the id after which the page is; None for the first page
    equal: tuple[tuple[str, str], ...]  # filters for equality
    # filters by time: field, strict lower and strict upper bound in ticks
    times: tuple[tuple[str, int, int], ...]
    expand: tuple[str, ...]  # fields that hold the object in place of its id


def parse(query: str) -> dict[str, str]:
    """Split a query string."""
    if not query:  # which is malformed to Python 3.10
        return {}
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError:
        refuse("The query string is malformed.")
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            refuse(f"Received parameter twice: {name}", name)
        found[name] = value
    return found


def only(query: dict[str, str], *known: str) -> None:
    """Refuse parameters that are not documented."""
    for name in query:
        if name not in known:
            refuse(f"Received unknown parameter: {name}", name)


def moment(query: dict[str, str], name: str, usual: int) -> int:
    """Read a time parameter."""
    found = times.parse(query[name]) if name in query else usual
    if found is None:
        refuse(f"Invalid date: '{query[name]}'", name)
    return found


def expansions(query: dict[str, str], known: Iterable[str], prefix: str = "") -> tuple[str, ...]:
    """Read which fields are to hold objects; those of a list may begin with a prefix."""
    if "expand" not in query:
        return ()
    names = tuple(name.removeprefix(prefix) for name in query["expand"].split(","))
    for name in names:
        if name not in known:
            refuse(f"This property cannot be expanded: {name}", "expand")
    return names


def question(query: dict[str, str], stream: Stream, time_filters: str) -> Question:
    """Read the parameters of a list."""
    bounds = [f"{name}.{end}" for name in stream.times for end in ("gt", "lt")]
    expandable = ("expand",) if stream.expands else ()
    only(query, "limit", "after", *stream.filters, *bounds, *expandable)
    limit = query.get("limit", "10")
    if not _DIGITS.fullmatch(limit) or not 1 <= int(limit) <= _MOST:
        refuse(f"limit must be a number from 1 to {_MOST}.", "limit")
    equal = tuple((name, query[name]) for name in stream.filters if name in query)
    ranges = (_range(query, name, time_filters) for name in stream.times)
    bounded = tuple(its for its in ranges if its[1:] != (-_EVER, _EVER))
    expand = expansions(query, stream.expands, "data.")
    return Question(int(limit), query.get("after"), equal, bounded, expand)


def _range(query: dict[str, str], name: str, time_filters: str) -> tuple[str, int, int]:
    after, before = f"{name}.gt", f"{name}.lt"
    for end in (after, before) if time_filters in {"dates", "days"} else ():
        if end in query and not _DATE.fullmatch(query[end]):
            refuse(f"Invalid date: '{query[end]}'", end)
    low, high = moment(query, after, -_EVER), moment(query, before, _EVER)
    if low > high:
        refuse(f"{after} must not be later than {before}.", after)
    if time_filters in {"days", "whole_days"} and after in query:
        low += times.DAY - 1 - low % times.DAY
    return name, low, high


class Lister:
    """Answers questions about lists; remembers which objects match a filter."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._matches: dict[object, Sequence[int]] = {}

    def page(self, stream: Stream, question: Question) -> tuple[list[bytes], str, str]:
        """Return the objects of a page as JSON, and the cursors after and before it, if any."""
        with self._account.lock:
            collection = self._account.collection(stream.name)
            ranks = self._ranks(stream, question)
            start = self._start(stream, question, ranks)
            stop = start + question.limit
            chosen = ranks[start:stop]
            after = collection.id_of(chosen[-1]) if stop < len(ranks) else ""
            before = collection.id_of(chosen[0]) if start > 0 and chosen else ""
            return [collection.raw(rank) for rank in chosen], after, before

    def _ranks(self, stream: Stream, question: Question) -> Sequence[int]:
        """Return the ranks of what matches, in order."""
        # Filters look into other lists, too.
        versions = tuple(other.version for other in self._account.collections.values())
        order = self._account.switches.order
        key = (stream.name, order, versions, question.equal, question.times)
        if key not in self._matches:
            while len(self._matches) >= 8:
                del self._matches[next(iter(self._matches))]
            collection = self._account.collection(stream.name)
            found = (
                rank
                for rank in collection.alive()
                if all(
                    low < collection.time(rank, name) < high for name, low, high in question.times
                )
                and all(self._is(stream, rank, *pair) for pair in question.equal)
            )
            self._matches[key] = sorted(found, key=collection.place(order))
        return self._matches[key]

    def _is(self, stream: Stream, rank: int, name: str, value: str) -> bool:
        account, collection = self._account, self._account.collection(stream.name)
        if (stream.name, name) == ("bookings", "host"):
            return value in account.hosts_of(collection.id_of(rank))
        if stream.name == "booking_pages" and name in LINKS:
            return value in account.links_of(collection.id_of(rank))[name]
        item = collection.get(rank)
        if (stream.name, name) == ("teams", "user"):
            user = account.object("users", value) or {}
            return item["id"] in (user.get("teams") or ())
        return bool(item.get(name) == value)

    def _start(self, stream: Stream, question: Question, ranks: Sequence[int]) -> int:
        """Return where the page begins."""
        if question.cursor is None:
            return 0
        collection = self._account.collection(stream.name)
        rank = collection.rank_of(question.cursor)
        place = collection.place(self._account.switches.order)
        start = stop = 0
        if rank is not None:
            start = bisect_left(ranks, place(rank), key=place)
            stop = bisect_right(ranks, place(rank), key=place)
        policy = self._account.switches.deleted_cursor
        if start < stop or (policy == "position" and rank is not None):
            return stop
        if policy in {"start", "empty"}:
            return 0 if policy == "start" else len(ranks)
        return not_found(stream.kind, question.cursor, "after", 404 if policy == "404" else 400)
