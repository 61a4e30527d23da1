"""Classic booking pages, master pages and event types."""

from __future__ import annotations

from tap_oncehub.streams.lists import ListStream


class BookingPagesStream(ListStream):
    """Classic booking pages."""

    name = "booking_pages"
    path = "/booking-pages"


class MasterPagesStream(ListStream):
    """Classic master pages."""

    name = "master_pages"
    path = "/master-pages"


class EventTypesStream(ListStream):
    """Classic event types."""

    name = "event_types"
    path = "/event-types"
