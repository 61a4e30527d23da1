"""The account of the API key, its users, their teams and when they can be booked."""

from __future__ import annotations

import typing as t

from typing_extensions import override

from tap_oncehub.streams.children import ChildStream
from tap_oncehub.streams.lists import ListStream
from tap_oncehub.streams.single import WholeStream

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Record


class UsersStream(ListStream):
    """All users, invited ones included."""

    name = "users"
    path = "/users"
    kinds = frozenset({"user"})


class TeamsStream(ListStream):
    """All teams."""

    name = "teams"
    path = "/teams"
    kinds = frozenset({"team"})


class UserSchedulingAvailabilityStream(ChildStream):
    """The schedule of each user; one without a schedule has no row."""

    name = "user_scheduling_availability"
    path = "/users/{id}/scheduling-availability"
    kinds = frozenset({"schedule"})
    parent_stream_type = UsersStream
    primary_keys = ("user_id",)
    parent_key = "user_id"
    documented_refusals: t.ClassVar[t.Mapping[int, str]] = {404: "no schedule"}

    @override
    def check_body(self, body: t.Any) -> str | None:
        return super().check_body(body) if body else None  # an empty body is no schedule

    @override
    def rows_of(self, parent_id: str) -> Iterator[Record]:
        if body := self.fetch({"id": parent_id}).body:
            yield body


class TestAuthStream(WholeStream):
    """What OnceHub says of the key; asking for it is the cheapest test of access."""

    name = "test_auth"
    path = "/test"
    primary_keys = ("message",)
    selected_by_default = False
