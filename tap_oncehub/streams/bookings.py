"""Bookings, who hosts them, single bookings, and the conversations that led to them."""

import typing as t
from collections.abc import Iterable, Iterator
from functools import cached_property

from singer_sdk.helpers.types import Record
from typing_extensions import override

from tap_oncehub.client import OnceHubStream
from tap_oncehub.engine.errors import EndpointError, RefusedError
from tap_oncehub.engine.readers import CURSOR_SECONDS, Request, filter_reader, object_reader
from tap_oncehub.engine.response import JsonResponse


class BookingsStream(OnceHubStream):
    """All bookings that are not deleted."""

    name = "bookings"
    path = "/bookings"
    replication_key = "last_updated_time"
    time_filters = frozenset({"creation_time", "starting_time", "last_updated_time"})
    rank = 2


class BookingStream(OnceHubStream):
    """One request for each booking that has changed, or that ``booking_ids`` names."""

    name = "booking"
    path = "/bookings/{id}"
    source = "/bookings"
    reader = staticmethod(object_reader)
    follows = "last_updated_time"
    tells_deletes = False
    ids_setting = "booking_ids"
    documented_refusals: t.ClassVar[t.Mapping[int, str]] = {404: "no such booking"}
    selected_by_default = False
    rank = 2


class BookingHostsStream(OnceHubStream):
    """Who hosts or co-hosts a booking; its owner need not."""

    name = "booking_hosts"
    path = "/bookings"
    primary_keys = ("booking_id", "user_id")
    replication_key = "last_updated_time"
    time_filters = frozenset({"last_updated_time"})
    filters: t.ClassVar[t.Mapping[str, str]] = {"host": "/users"}
    reader = staticmethod(filter_reader)
    selected_by_default = False
    rank = 2

    @override
    def rows_in(self, found: Record, value: str) -> Iterable[Record]:
        updated = found.get("last_updated_time")
        user = value.partition("=")[2]
        return [{"booking_id": found.get("id"), "user_id": user, "last_updated_time": updated}]


class ConversationsStream(OnceHubStream):
    """The conversations that led to bookings, which no list has: the bookings' has them inside."""

    name = "conversations"
    path = "/bookings/{id}"
    source = "/bookings"
    follows = "last_updated_time"
    tells_deletes = False
    documented_refusals: t.ClassVar[t.Mapping[int, str]] = {404: "no such booking"}
    selected_by_default = False
    rank = 2

    @override
    def fetch(self, request: Request, cursor: str | None = None) -> JsonResponse:
        """Ask for bookings with their conversations, and without where that stays broken."""
        expanded = {**request, "params": {"expand": "conversation"}}
        if "id" in request:
            return super().fetch(expanded)
        try:
            with self.run.client.patience(CURSOR_SECONDS):
                return super().fetch(expanded, cursor)
        except RefusedError:
            raise
        except EndpointError:
            return super().fetch(request, cursor)

    @override
    def rows_in(self, found: Record, _value: str) -> Iterable[Record]:
        conversation = found.get("conversation")
        if conversation and isinstance(conversation, str):
            return self.unread.read(str(found.get("id")))
        return self._once(conversation)

    @override
    def rows_of(self, identifier: str) -> Iterable[Record]:
        conversation = self.fetch({"id": identifier}).body.get("conversation")
        if conversation and isinstance(conversation, str):
            raise EndpointError("OnceHub did not send the conversation with the booking")
        return self._once(conversation)

    def _once(self, conversation: t.Any) -> Iterator[Record]:
        """Yield a conversation, unless it led to another booking, too."""
        found = conversation if isinstance(conversation, dict) else {}
        identifier = str(found.get("id") or found)
        if found and identifier not in self._written:
            self._written.add(identifier)
            yield found

    _written = cached_property(lambda _self: set[str]())
