"""Classic booking pages, master pages and event types, and what belongs together."""

from __future__ import annotations

import typing as t

from typing_extensions import override

from tap_oncehub.engine.readers import filter_reader
from tap_oncehub.streams.base import OnceHubStream

if t.TYPE_CHECKING:
    from singer_sdk.helpers.types import Record

_PAGES = frozenset({"bookingpage", "masterpage", "eventtype"})


class BookingPagesStream(OnceHubStream):
    """Classic booking pages."""

    name = "booking_pages"
    path = "/booking-pages"
    object_types = _PAGES


class MasterPagesStream(OnceHubStream):
    """Classic master pages."""

    name = "master_pages"
    path = "/master-pages"
    object_types = _PAGES


class EventTypesStream(OnceHubStream):
    """Classic event types."""

    name = "event_types"
    path = "/event-types"
    object_types = _PAGES


class BookingPageLinksStream(OnceHubStream):
    """The users, master pages and event types that a booking page belongs to."""

    name = "booking_page_links"
    path = "/booking-pages"
    object_types = _PAGES | {"user"}
    primary_keys = ("booking_page_id", "linked_type", "linked_id")
    filters: t.ClassVar[t.Mapping[str, str]] = {
        "user": "/users",
        "master_page": "/master-pages",
        "event_type": "/event-types",
    }
    reader = staticmethod(filter_reader)
    selected_by_default = False
    rank = 4

    @override
    def row_of(self, found: Record, value: str) -> Record:
        name, _, identifier = value.partition("=")
        return {"booking_page_id": found.get("id"), "linked_type": name, "linked_id": identifier}
