"""Booking calendars and their free time slots, and the classic pages that came before them."""

import typing as t
from collections.abc import Iterable, Iterator
from datetime import timedelta

from singer_sdk.helpers.types import Record
from typing_extensions import override

from tap_oncehub.client import OnceHubStream, no_list_of, rows_in
from tap_oncehub.engine.readers import Request, filter_reader, object_reader
from tap_oncehub.engine.times import milliseconds, moment_of


class BookingCalendarsStream(OnceHubStream):
    """All booking calendars."""

    name = "booking_calendars"
    path = "/booking-calendars"


class BookingCalendarStream(OnceHubStream):
    """One request for each booking calendar, or for those that ``booking_calendar_ids`` names."""

    name = "booking_calendar"
    path = "/booking-calendars/{id}"
    source = "/booking-calendars"
    reader = staticmethod(object_reader)
    ids_setting = "booking_calendar_ids"
    documented_refusals: t.ClassVar[t.Mapping[int, str]] = {404: "no such calendar"}
    selected_by_default = False


class BookingCalendarTimeSlotsStream(OnceHubStream):
    """The free slots of each booking calendar, from now on."""

    name = "booking_calendar_time_slots"
    path = "/booking-calendars/{id}/time-slots"
    source = "/booking-calendars"
    reader = staticmethod(object_reader)
    primary_keys = ("booking_calendar_id", "start_time")
    documented_refusals: t.ClassVar[t.Mapping[int, str]] = {
        402: "no OnceHub seat",
        404: "deleted in the meantime",
        422: "not published",
    }
    row_settings = ("time_slots_days",)

    @override
    def check_object(self, request: Request, body: t.Any) -> str | None:
        return no_list_of("time slots", rows_in(body))

    @override
    def rows_of(self, identifier: str) -> Iterable[Record]:
        slots: dict[t.Any, Record] = {}  # each once, where ranges meet
        for params in self._ranges():
            for row in rows_in(self.fetch({"id": identifier, "params": params}).body):
                moment = moment_of(row.get("start_time")) or str(row)
                slots[moment] = {**row, "booking_calendar_id": identifier}
        return slots.values()

    def _ranges(self) -> Iterator[dict[str, str]]:
        """Yield ranges of 30 days at most; the first starts with the answer: none may be past."""
        end = self.run.clocks.server
        last = end + timedelta(days=self.config["time_slots_days"])
        start: dict[str, str] = {}
        while end < last:
            end = min(end + timedelta(days=30), last)
            yield {**start, "end_time": milliseconds(end)}
            start = {"start_time": milliseconds(end)}


class BookingPagesStream(OnceHubStream):
    """Classic booking pages."""

    name = "booking_pages"
    path = "/booking-pages"


class MasterPagesStream(OnceHubStream):
    """Classic master pages."""

    name = "master_pages"
    path = "/master-pages"


class EventTypesStream(OnceHubStream):
    """Classic event types."""

    name = "event_types"
    path = "/event-types"


class BookingPageLinksStream(OnceHubStream):
    """The users, master pages and event types that a booking page belongs to."""

    name = "booking_page_links"
    path = "/booking-pages"
    primary_keys = ("booking_page_id", "linked_type", "linked_id")
    filters: t.ClassVar[t.Mapping[str, str]] = {
        "user": "/users",
        "master_page": "/master-pages",
        "event_type": "/event-types",
    }
    reader = staticmethod(filter_reader)
    selected_by_default = False
    rank = 2

    @override
    def rows_in(self, found: Record, value: str) -> Iterator[Record]:
        name, _, identifier = value.partition("=")
        yield {"booking_page_id": found.get("id"), "linked_type": name, "linked_id": identifier}
