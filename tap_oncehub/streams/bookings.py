"""Bookings, and single bookings by their id."""

from __future__ import annotations

from tap_oncehub.streams.lists import ListStream
from tap_oncehub.streams.single import ObjectByIdStream, ObjectStream


class BookingsStream(ListStream):
    """All bookings that are not deleted."""

    name = "bookings"
    path = "/bookings"
    replication_key = "last_updated_time"
    time_filters = frozenset({"creation_time", "starting_time", "last_updated_time"})


class BookingStream(ObjectStream):
    """One request for each booking of the list."""

    name = "booking"
    path = "/bookings/{id}"
    parent_stream_type = BookingsStream
    selected_by_default = False


class BookingByIdStream(ObjectByIdStream):
    """The bookings named in the settings, deleted ones included."""

    name = "booking"
    path = "/bookings/{id}"
    ids_setting = "booking_ids"
    selected_by_default = False
