"""The cursor on OnceHub's list envelope.

A list is ``{"object": "list", "data": [...], "has_more": bool}`` with a ``Link``
header; ``after=<id>`` asks for what comes after that object (OnceHub's reference,
"Pagination"). In which order, it does not say for sure; an edit may move an object.
"""

from __future__ import annotations

import typing as t
from itertools import pairwise
from urllib.parse import parse_qs

from singer_sdk.helpers.jsonpath import extract_jsonpath
from singer_sdk.pagination import JSONPathPaginator
from typing_extensions import override

from tap_oncehub.engine.errors import PaginationError

if t.TYPE_CHECKING:
    from collections.abc import Collection

    import requests

_NOTHING_MORE = "announced more objects but sent none"
_NO_WAY = "announced more objects but gave no cursor"
_AGAIN = "sent objects again that were on an earlier page"
_CHANGED = "did not continue where the previous page ended"
HAS_MORE = "$.has_more"
LAST_ID = "$.data[-1:].id"


class Position(t.NamedTuple):
    """Where to continue in a list.

    Attributes:
        after: Id of the object to continue after.
        first: Id of the object that comes next, and is read already; None if unknown.
        updated: When that object was last updated, as it came.
    """

    after: str
    first: str | None = None
    updated: str | None = None


def as_cursor(identifier: t.Any) -> str | None:
    """Return an object's id as a cursor; None if it cannot be one."""
    return str(identifier) if isinstance(identifier, (str, int)) and identifier != "" else None


def position_between(before: t.Mapping[str, t.Any], row: t.Mapping[str, t.Any]) -> Position | None:
    """Return the position after an object and the one before it; None without ids."""
    after, first = as_cursor(before.get("id")), as_cursor(row.get("id"))
    if after is None or first is None or after == first:
        return None
    return Position(after, first, _updated(row))


def _updated(row: t.Mapping[str, t.Any]) -> str | None:
    value = row.get("last_updated_time")
    return value if isinstance(value, str) else None


class CursorPaginator(JSONPathPaginator):
    """Continues after the last but one object of a page while there may be more.

    The next page must begin with the last one: otherwise that object or the cursor was
    moved or deleted in the meantime, and what follows may not be what was to come.

    More pages exist if ``has_more`` says so or ``Link`` has a ``next``. A page that is
    exactly full is asked for once more even where ``has_more`` denies it. Without
    either, a list ends where a page brings nothing new: the server may have a page size
    of its own.

    Attributes:
        position: Where the next page begins; None for the start of the list.
        read_before: How many objects the latest page began with that were read before.
    """

    def __init__(
        self,
        start: Position | None,
        page_size: int,
        path: str,
        refused: Collection[str] = (),
    ) -> None:
        """Begin at a position, or at the start of the list; use no refused cursor."""
        super().__init__(LAST_ID)
        self._value = start.after if start else None
        self._page_size = page_size
        self._path = path
        self._refused = refused
        self._used = {self._value}
        self._previous: list[t.Any] = []
        self._promised = start is not None
        self.position = start
        self.read_before = 0

    @override
    def has_more(self, response: requests.Response) -> bool:
        """Return whether another page may exist.

        Raises:
            PaginationError: If this page does not follow the one before, or promises
                another and brings nothing.
        """
        body = response.json()
        if not isinstance(body, dict):
            return False  # a bare array has no pages
        rows = body["data"]
        self.read_before = self._find_read_before(rows)
        new = rows[self.read_before :]
        claim = next(extract_jsonpath(HAS_MORE, body), None)
        self._promised = claim is True or "next" in response.links
        if self._promised and not new:
            raise self._error(_NOTHING_MORE)
        denied = claim is False or "previous" in response.links
        self._previous = _ids(rows)
        if self._promised:
            return True
        followed = self._next(response) is not None
        return bool(new) and followed and (len(rows) == self._page_size or not denied)

    @override
    def get_next(self, response: requests.Response) -> str | None:
        """Return the id of the last object but one, or as near as possible.

        Where objects have no ids, it is the cursor of the ``Link`` header, of which only
        the query is taken: its address may be another host's.

        Raises:
            PaginationError: If there is no cursor, or it was used before.
        """
        position = self._next(response)
        if position is None:
            raise self._error(_NO_WAY)
        if position.after in self._used:
            raise self._error(_AGAIN)
        self._used.add(position.after)
        self.position = position
        return position.after

    def _find_read_before(self, rows: list[t.Any]) -> int:
        if not self._promised and _ids(rows) == self._previous:
            return len(rows)  # an endpoint that knows no pages
        position = self.position
        if position is None or position.first is None:
            if position and self._promised and not rows:
                raise self._error(_NOTHING_MORE)
            return 0
        first = rows[0] if rows and isinstance(rows[0], dict) else {}
        # One that was edited may have moved together with the cursor.
        if (as_cursor(first.get("id")), _updated(first)) != (position.first, position.updated):
            raise self._error(_CHANGED)
        return 1

    def _next(self, response: requests.Response) -> Position | None:
        rows = [row if isinstance(row, dict) else {} for row in response.json()["data"]]
        for before, row in reversed(list(pairwise(rows))):
            position = position_between(before, row)
            if position and position.after not in {self._value, *self._refused}:
                return position
        last = as_cursor(super().get_next(response)) or _link_cursor(response)
        return Position(last) if last else None

    def _error(self, what: str) -> PaginationError:
        return PaginationError(f"{self._path} {what} (after {self._value or 'the start'})")


def _ids(rows: list[t.Any]) -> list[t.Any]:
    return [(as_cursor(row.get("id")) if isinstance(row, dict) else None) or row for row in rows]


def _link_cursor(response: requests.Response) -> str | None:
    query = response.links.get("next", {}).get("url", "").partition("#")[0].partition("?")[2]
    return next(iter(parse_qs(query).get("after", [])), None)
