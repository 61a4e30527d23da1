"""Classic booking pages, master pages and event types, and what belongs together."""

from __future__ import annotations

import typing as t

from typing_extensions import override

from tap_oncehub.streams.filtered import FilteredListStream
from tap_oncehub.streams.lists import ListStream

if t.TYPE_CHECKING:
    from collections.abc import Mapping

    from singer_sdk.helpers.types import Record


class BookingPagesStream(ListStream):
    """Classic booking pages."""

    name = "booking_pages"
    path = "/booking-pages"
    kinds = frozenset({"bookingpage", "masterpage", "eventtype"})


class MasterPagesStream(ListStream):
    """Classic master pages."""

    name = "master_pages"
    path = "/master-pages"
    kinds = frozenset({"bookingpage", "masterpage", "eventtype"})


class EventTypesStream(ListStream):
    """Classic event types."""

    name = "event_types"
    path = "/event-types"
    kinds = frozenset({"bookingpage", "masterpage", "eventtype"})


class BookingPageLinksStream(FilteredListStream):
    """The users, master pages and event types that a booking page belongs to."""

    name = "booking_page_links"
    path = "/booking-pages"
    kinds = frozenset({"bookingpage", "masterpage", "eventtype", "user"})
    primary_keys = ("booking_page_id", "linked_type", "linked_id")
    filters: t.ClassVar[Mapping[str, str]] = {
        "user": "/users",
        "master_page": "/master-pages",
        "event_type": "/event-types",
    }

    @override
    def row_of(self, row: Record, name: str, value: str) -> Record:
        return {"booking_page_id": row.get("id"), "linked_type": name, "linked_id": value}
