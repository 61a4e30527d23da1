"""The cursor on OnceHub's list envelope.

A list answers ``{"object": "list", "data": [...], "has_more": bool}`` with a ``Link``
header; ``after=<id>`` asks for what comes after that object (OnceHub's reference,
"Pagination").
"""

from __future__ import annotations

import typing as t
from urllib.parse import parse_qs, urlsplit

from singer_sdk.helpers.jsonpath import extract_jsonpath
from singer_sdk.pagination import JSONPathPaginator

if t.TYPE_CHECKING:
    import requests

HAS_MORE = "$.has_more"
LAST_ID = "$.data[-1:].id"


def as_cursor(identifier: t.Any) -> str | None:
    """Give an object's id as a cursor; None if it cannot be one.

    Args:
        identifier: The id as it came.
    """
    return str(identifier) if isinstance(identifier, (str, int)) and identifier != "" else None


class CursorPaginator(JSONPathPaginator):
    """Goes on after the last object of a page while there may be more.

    More pages exist if ``has_more`` says so or ``Link`` has a ``next``; where an
    answer has neither, a full page means that there may be more.
    """

    def __init__(self, start: str | None, page_size: int) -> None:
        """Begin after an object, or at the start of the list.

        Args:
            start: Id of the object to go on after; None for the start of the list.
            page_size: Objects asked for in one page.
        """
        super().__init__(LAST_ID)
        self._value = start
        self._page_size = page_size
        self.promised = False

    def has_more(self, response: requests.Response) -> bool:
        """Say whether another page may exist.

        Args:
            response: The answer with the latest page.
        """
        body = response.json()
        claim = next(extract_jsonpath(HAS_MORE, body), None)
        self.promised = claim is True or "next" in response.links
        if isinstance(claim, bool) or response.links.keys() & {"next", "previous"}:
            return self.promised
        return isinstance(body, dict) and len(body["data"]) >= self._page_size

    def get_next(self, response: requests.Response) -> str | None:
        """Give the id of the page's last object.

        Args:
            response: The answer with the latest page.

        Returns:
            The id; where the object has none, the cursor of the ``Link`` header.
            Of that link only the query is taken: its address may be another host's.
        """
        last = super().get_next(response)
        if cursor := as_cursor(last):
            return cursor
        link = response.links.get("next", {}).get("url", "")
        return next(iter(parse_qs(urlsplit(link).query).get("after", [])), None)
