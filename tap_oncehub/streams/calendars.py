"""Booking calendars, and the time slots that are free in them."""

from __future__ import annotations

import typing as t
from datetime import timedelta

from typing_extensions import override

from tap_oncehub.engine.times import milliseconds, moment_of
from tap_oncehub.streams.base import rows_in
from tap_oncehub.streams.children import ChildStream
from tap_oncehub.streams.lists import ListStream
from tap_oncehub.streams.single import ObjectByIdStream, ObjectStream

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Record
    from singer_sdk.streams.rest import HTTPRequest, PageContext

    from tap_oncehub.engine.response import JsonResponse

_LONGEST_RANGE = timedelta(days=30)


class BookingCalendarsStream(ListStream):
    """All booking calendars."""

    name = "booking_calendars"
    path = "/booking-calendars"
    kinds = frozenset({"bookingcalendar"})


class BookingCalendarStream(ObjectStream):
    """One request for each booking calendar of the list."""

    name = "booking_calendar"
    path = "/booking-calendars/{id}"
    kinds = frozenset({"bookingcalendar"})
    parent_stream_type = BookingCalendarsStream
    selected_by_default = False


class BookingCalendarByIdStream(ObjectByIdStream):
    """The booking calendars named in the settings, deleted ones included."""

    name = "booking_calendar"
    path = "/booking-calendars/{id}"
    kinds = frozenset({"bookingcalendar"})
    ids_setting = "booking_calendar_ids"
    selected_by_default = False


class BookingCalendarTimeSlotsStream(ChildStream):
    """The free slots of each booking calendar, from now on."""

    name = "booking_calendar_time_slots"
    path = "/booking-calendars/{id}/time-slots"
    parent_stream_type = BookingCalendarsStream
    primary_keys = ("booking_calendar_id", "start_time")
    parent_key = "booking_calendar_id"
    documented_refusals: t.ClassVar[t.Mapping[int, str]] = {
        402: "no OnceHub seat",
        404: "deleted in the meantime",
        422: "not published",
    }
    row_settings = ("time_slots_days",)

    @override
    def check_body(self, body: t.Any) -> str | None:
        rows = rows_in(body)
        if isinstance(rows, list) and all(isinstance(row, dict) for row in rows):
            return None
        return "the response holds no list of time slots"

    @override
    def parse_response(self, response: JsonResponse) -> list[Record]:  # type: ignore[override]
        return t.cast("list[Record]", rows_in(response.body))

    @override
    def get_http_request(self, *, page: PageContext[str]) -> HTTPRequest:
        request = super().get_http_request(page=page)
        for name in ("start_time", "end_time"):
            request.params[name] = (page.stream_context or {}).get(name)
        return request

    @override
    def rows_of(self, parent_id: str) -> Iterator[Record]:
        seen: set[t.Any] = set()
        for start, end in self._ranges():
            context = {"id": parent_id, "start_time": start, "end_time": end}
            for row in self.request_records(context):
                slot = moment_of(row.get("start_time")) or str(row)
                if slot not in seen:
                    seen.add(slot)
                    yield row

    def _ranges(self) -> Iterator[tuple[str | None, str]]:
        """Yield ranges; the first starts when OnceHub answers, for no start may be past."""
        start = self.sync_context.client.now
        last = start + timedelta(days=self.config["time_slots_days"])
        begins = None
        while start < last:
            start = min(start + _LONGEST_RANGE, last)
            ends = milliseconds(start)
            yield begins, ends
            begins = ends
