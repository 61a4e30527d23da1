"""Lists: what a question may ask, read strictly to show mistakes, and the page that answers it."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple
from urllib.parse import parse_qsl

from sandbox.account import Account
from sandbox.answers import not_found, refuse
from sandbox.data import times
from sandbox.data.setup import LINKS
from sandbox.streams import Stream

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MOST = 100
_EVER = 1 << 62


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
    if not re.fullmatch("[0-9]{1,9}", limit) or not 1 <= int(limit) <= _MOST:
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
