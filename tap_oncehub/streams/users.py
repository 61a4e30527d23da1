"""The account of the API key, its users, their teams and when they can be booked."""

from __future__ import annotations

import typing as t

from typing_extensions import override

from tap_oncehub.engine.readers import object_reader, single_reader
from tap_oncehub.streams.base import OnceHubStream

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Record

    from tap_oncehub.engine.readers import Request

_SCHEDULE = {"timezone", "weekly", "overrides"}


class UsersStream(OnceHubStream):
    """All users, invited ones included."""

    name = "users"
    path = "/users"
    object_types = frozenset({"user"})


class TeamsStream(OnceHubStream):
    """All teams."""

    name = "teams"
    path = "/teams"
    object_types = frozenset({"team"})


class UserSchedulingAvailabilityStream(OnceHubStream):
    """The schedule of each user; one without a schedule has no row."""

    name = "user_scheduling_availability"
    path = "/users/{id}/scheduling-availability"
    source = "/users"
    reader = staticmethod(object_reader)
    primary_keys = ("user_id",)
    documented_refusals: t.ClassVar[t.Mapping[int, str]] = {404: "no schedule"}
    rank = 1

    @override
    def check_body(self, request: Request, body: t.Any) -> str | None:
        if "id" not in request:
            return super().check_body(request, body)
        known = isinstance(body, dict) and body.keys() & _SCHEDULE
        return None if known or body in (None, {}) else "the response is no schedule"

    @override
    def rows_of(self, identifier: str) -> Iterator[Record]:
        if body := self.fetch({"id": identifier}).body:
            yield {**body, "user_id": identifier}


class TestAuthStream(OnceHubStream):
    """What OnceHub says of the key; asking for it is the cheapest test of access."""

    name = "test_auth"
    path = "/test"
    reader = staticmethod(single_reader)
    primary_keys = ("message",)
    selected_by_default = False

    @override
    def check_body(self, request: Request, body: t.Any) -> str | None:
        named = isinstance(body, dict) and "message" in body and "type" not in body
        return None if named else "the response does not say whose key it is"
