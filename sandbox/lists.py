"""One page of a list: filters, cursors, and what is before and after."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.answers import not_found
from sandbox.data.setup import LINKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.account import Account
    from sandbox.collection import Collection
    from sandbox.query import Question
    from sandbox.streams import Stream

_REMEMBERED = 8
_HOST_OF_BOOKING = ("bookings", "host")


@dataclass
class Page:
    """Part of a list: the ids of its first and last object, and all of them as JSON."""

    ids: list[str]
    raw: list[bytes]
    following: bool
    preceding: bool


class Lister:
    """Answers questions about lists; remembers which objects match a filter."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._matches: dict[object, Sequence[int]] = {}

    def page(self, stream: Stream, question: Question) -> Page:
        """Return one page."""
        with self._account.lock:
            collection = self._account.collection(stream.name)
            ranks = self._ranks(stream, question, collection)
            start, stop = self._slice(stream, question, collection, ranks)
            return self._cut(collection, ranks, start, stop)

    def _ranks(self, stream: Stream, question: Question, collection: Collection) -> Sequence[int]:
        """Return the ranks of what matches, in order."""
        # Filters look into other lists, too.
        versions = tuple(other.version for other in self._account.collections.values())
        order = self._account.switches.order
        key = (stream.name, order, versions, question.equal, question.times)
        found = self._matches.get(key)
        if found is None:
            found = self._search(stream, question, collection)
            while len(self._matches) >= _REMEMBERED:
                del self._matches[next(iter(self._matches))]
            self._matches[key] = found
        return found

    def _search(self, stream: Stream, question: Question, collection: Collection) -> list[int]:
        found = [
            rank
            for rank in collection.alive()
            if all(low < collection.time(rank, field) < high for field, low, high in question.times)
            and all(self._is(stream, collection, rank, *pair) for pair in question.equal)
        ]
        return sorted(found, key=self._account.place(stream.name))

    def _is(self, stream: Stream, collection: Collection, rank: int, name: str, value: str) -> bool:
        if (stream.name, name) == _HOST_OF_BOOKING:
            return value in self._account.hosts_of(collection.id_of(rank))
        if stream.name == "booking_pages" and name in LINKS:
            return value in self._account.links_of(collection.id_of(rank))[name]
        item = collection.get(rank)
        if (stream.name, name) == ("teams", "user"):
            user = self._account.object("users", value) or {}
            return item["id"] in (user.get("teams") or ())
        return bool(item.get(name) == value)

    def _slice(
        self,
        stream: Stream,
        question: Question,
        collection: Collection,
        ranks: Sequence[int],
    ) -> tuple[int, int]:
        limit = min(question.limit, self._account.switches.page_cap or question.limit)
        if question.cursor is None:
            return 0, limit
        rank = collection.rank_of(question.cursor)
        place = self._account.place(stream.name)
        start = stop = 0
        if rank is not None:
            start = bisect_left(ranks, place(rank), key=place)
            stop = bisect_right(ranks, place(rank), key=place)
        if start == stop:
            policy = self._account.switches.deleted_cursor
            if policy == "start":
                return 0, limit
            if policy == "empty":
                return len(ranks), len(ranks)
            if policy != "position" or rank is None:
                status = 404 if policy == "404" else 400
                raise not_found(stream.noun, question.cursor, "after", status)
        return stop, stop + limit

    def _cut(
        self,
        collection: Collection,
        ranks: Sequence[int],
        start: int,
        stop: int,
    ) -> Page:
        chosen = ranks[start:stop]
        raw = [collection.raw(rank) for rank in chosen]
        ids = [collection.id_of(rank) for rank in (chosen[0], chosen[-1])] if chosen else []
        return Page(ids, raw, following=stop < len(ranks), preceding=start > 0)
