"""Bookings, who hosts them, single bookings by their id, and conversations that led to them."""

from __future__ import annotations

import typing as t
from functools import cached_property

from typing_extensions import override

from tap_oncehub.pagination import as_cursor
from tap_oncehub.streams.children import ChildStream
from tap_oncehub.streams.filtered import FilteredListStream
from tap_oncehub.streams.lists import ListStream
from tap_oncehub.streams.single import ObjectByIdStream, ObjectStream

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from singer_sdk.helpers.types import Record
    from singer_sdk.streams.rest import HTTPRequest, PageContext


class BookingsStream(ListStream):
    """All bookings that are not deleted."""

    name = "bookings"
    path = "/bookings"
    kinds = frozenset({"booking"})
    replication_key = "last_updated_time"
    time_filters = frozenset({"creation_time", "starting_time", "last_updated_time"})


class BookingStream(ObjectStream):
    """One request for each booking of the list."""

    name = "booking"
    path = "/bookings/{id}"
    kinds = frozenset({"booking"})
    parent_stream_type = BookingsStream
    selected_by_default = False


class BookingByIdStream(ObjectByIdStream):
    """The bookings named in the settings, deleted ones included."""

    name = "booking"
    path = "/bookings/{id}"
    kinds = frozenset({"booking"})
    ids_setting = "booking_ids"
    selected_by_default = False


class BookingHostsStream(FilteredListStream):
    """Who hosts or co-hosts a booking; its owner need not."""

    name = "booking_hosts"
    path = "/bookings"
    kinds = frozenset({"booking", "user"})
    primary_keys = ("booking_id", "user_id")
    replication_key = "last_updated_time"
    time_filters = frozenset({"last_updated_time"})
    filters: t.ClassVar[Mapping[str, str]] = {"host": "/users"}

    @override
    def row_of(self, row: Record, name: str, value: str) -> Record:
        updated = row.get("last_updated_time")
        return {"booking_id": row.get("id"), "user_id": value, "last_updated_time": updated}


class ConversationsStream(ChildStream):
    """The conversations that led to bookings, each once a run; no list has them."""

    name = "conversations"
    path = "/bookings/{id}"
    kinds = frozenset({"booking"})
    parent_stream_type = BookingsStream
    parent_key = None
    selected_by_default = False

    @cached_property
    def _read(self) -> set[str | None]:
        """Ids of the conversations that are read."""
        return set()

    @override
    def get_http_request(self, *, page: PageContext[str]) -> HTTPRequest:
        request = super().get_http_request(page=page)
        request.params["expand"] = "conversation"
        return request

    @override
    def is_wanted(self, parent: Record) -> bool:
        conversation = parent.get("conversation")
        if isinstance(conversation, dict):
            conversation = conversation.get("id")
        return bool(conversation) and as_cursor(conversation) not in self._read

    @override
    def rows_of(self, parent_id: str) -> Iterator[Record]:
        conversation = self.fetch({"id": parent_id}).body.get("conversation")
        if isinstance(conversation, dict):
            self._read.add(as_cursor(conversation.get("id")))
            yield conversation
        elif conversation:
            self.lacks_rows = True
            text = "bookings skipped: OnceHub sent the id of the conversation only"
            self.sync_context.notices.add(self.name, text, parent_id)
