"""The cursor on OnceHub's list envelope.

A list is ``{"object": "list", "data": [...], "has_more": bool}`` with a ``Link``
header; ``after=<id>`` asks for what comes after that object (OnceHub's reference,
"Pagination").
"""

from __future__ import annotations

import typing as t
from collections import Counter
from urllib.parse import parse_qs, urlsplit

from singer_sdk.helpers.jsonpath import extract_jsonpath
from singer_sdk.pagination import JSONPathPaginator
from typing_extensions import override

from tap_oncehub.errors import PaginationError

if t.TYPE_CHECKING:
    import requests

HAS_MORE = "$.has_more"
LAST_ID = "$.data[-1:].id"


def as_cursor(identifier: t.Any) -> str | None:
    """Return an object's id as a cursor; None if it cannot be one.

    Args:
        identifier: The id as it came.
    """
    return str(identifier) if isinstance(identifier, (str, int)) and identifier != "" else None


class CursorPaginator(JSONPathPaginator):
    """Continues after the last object of a page while there may be more.

    More pages exist if ``has_more`` says so or ``Link`` has a ``next``. Where neither
    does, a full page means that there may be more, whatever ``has_more`` says: it is
    not known to be right there, and one request is less than the rest of a list.
    """

    def __init__(
        self,
        start: str | None,
        page_size: int,
        path: str,
        seen: Counter[str | None] | None = None,
        *,
        visits: int = 1,
    ) -> None:
        """Begin after an object, or at the start of the list.

        Args:
            start: Id of the object to continue after; None for the start of the list.
            page_size: Objects asked for in one page.
            path: The list, for error messages.
            seen: How often each cursor was used, so that a loop is noticed; kept up to date.
            visits: How often a cursor may be used.
        """
        super().__init__(LAST_ID)
        self._value = start
        self._page_size = page_size
        self._path = path
        self._seen = Counter() if seen is None else seen
        self._seen[start] += 1
        self._visits = visits
        self._promised = start is not None

    @override
    def has_more(self, response: requests.Response) -> bool:
        """Return whether another page may exist.

        Args:
            response: The response with the latest page.

        Raises:
            PaginationError: If this page was promised, or promises another, and is empty.
        """
        body = response.json()
        if not isinstance(body, dict):
            return False  # a bare array has no pages
        claim = next(extract_jsonpath(HAS_MORE, body), None)
        promised = claim is True or "next" in response.links
        denied = claim is False or "previous" in response.links
        more = promised or self._may_go_on(response, denied=denied)
        if not body["data"] and (more or self._promised):
            what = "promises more objects and then sends none"
            raise self._error(what)
        self._promised = promised
        return more

    def _may_go_on(self, response: requests.Response, *, denied: bool) -> bool:
        """Return whether a page without a promise is full.

        Where the response denies more pages, one that is too long, or was there before,
        comes from an endpoint that knows no pages.
        """
        size = len(response.json()["data"])
        if not denied:
            return size >= self._page_size
        cursor = as_cursor(super().get_next(response))
        return size == self._page_size and cursor is not None and cursor not in self._seen

    @override
    def get_next(self, response: requests.Response) -> str | None:
        """Return the id of the page's last object.

        Args:
            response: The response with the latest page.

        Returns:
            The id; where the object has none, the cursor of the ``Link`` header.
            Of that link only the query is taken: its address may be another host's.

        Raises:
            PaginationError: If there is no cursor, or it was used too often.
        """
        cursor = as_cursor(super().get_next(response)) or _link_cursor(response)
        if cursor is None:
            what = "promises more objects without a way to them"
            raise self._error(what)
        if cursor == self._value or self._seen[cursor] >= self._visits:
            what = "sends objects again that were on an earlier page"
            raise self._error(what)
        self._seen[cursor] += 1
        return cursor

    def _error(self, what: str) -> PaginationError:
        return PaginationError(f"{self._path} {what} (after {self._value or 'the start'})")


def _link_cursor(response: requests.Response) -> str | None:
    link = response.links.get("next", {}).get("url", "")
    return next(iter(parse_qs(urlsplit(link).query).get("after", [])), None)
