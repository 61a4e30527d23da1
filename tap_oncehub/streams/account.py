"""The account of the API key: users, teams, when they can be booked, and webhooks."""

import typing as t
from collections.abc import Iterator
from functools import cached_property

from singer_sdk.helpers.types import Record
from typing_extensions import override

from tap_oncehub.client import OnceHubStream, no_list_of, rows_in
from tap_oncehub.engine.readers import Request, object_reader, single_reader
from tap_oncehub.engine.response import JsonResponse
from tap_oncehub.schemas import SCHEMAS


class UsersStream(OnceHubStream):
    """All users, invited ones included."""

    name = "users"
    path = "/users"


class TeamsStream(OnceHubStream):
    """All teams."""

    name = "teams"
    path = "/teams"


class UserSchedulingAvailabilityStream(OnceHubStream):
    """The schedule of each user; one without a schedule has no row."""

    name = "user_scheduling_availability"
    path = "/users/{id}/scheduling-availability"
    source = "/users"
    reader = staticmethod(object_reader)
    primary_keys = ("user_id",)
    documented_refusals: t.ClassVar[t.Mapping[int, str]] = {404: "no schedule"}

    @override
    def check_object(self, request: Request, body: t.Any) -> str | None:
        known = isinstance(body, dict) and body.keys() & {"timezone", "weekly", "overrides"}
        return None if known or body in (None, {}) else "the response is no schedule"

    @override
    def rows_of(self, identifier: str) -> Iterator[Record]:
        if body := self.fetch({"id": identifier}).body:
            yield {**body, "user_id": identifier}


class WebhooksStream(OnceHubStream):
    """All webhooks; what signs their payloads, whatever it is called, only on request."""

    name = "webhooks"
    path = "/webhooks"
    row_settings = ("include_webhook_secrets",)

    @cached_property
    def schema(self) -> dict[str, t.Any]:  # type: ignore[override]
        """The schema, without secrets unless the settings ask for them."""
        schema = SCHEMAS.get_schema(self.name)
        return {**schema, "properties": self._without_secrets(schema["properties"])}

    @override
    def rows_in(self, found: Record, _value: str) -> Iterator[Record]:
        yield self._without_secrets(found)

    def _without_secrets(self, fields: dict[str, t.Any]) -> dict[str, t.Any]:
        if self.config["include_webhook_secrets"]:
            return fields
        return {name: value for name, value in fields.items() if "secret" not in name.lower()}


class WebhookEventsStream(OnceHubStream):
    """Names of events; OnceHub's reference does not know this endpoint."""

    name = "webhook_events"
    path = "/webhook-events"
    documented_refusals: t.ClassVar[t.Mapping[int, str]] = {404: "this account has none"}

    @override
    def check_list(self, request: Request, body: t.Any) -> str | None:
        return no_list_of("events", rows_in(body), (dict, str))

    @override
    def parse_response(self, response: JsonResponse) -> list[Record]:  # type: ignore[override]
        rows = [row if isinstance(row, dict) else {"id": row} for row in rows_in(response.body)]
        return [{**row, "id": row.get("id") or row.get("name")} for row in rows]


class TestAuthStream(OnceHubStream):
    """What OnceHub says of the key; asking for it is the cheapest test of access."""

    name = "test_auth"
    path = "/test"
    reader = staticmethod(single_reader)
    primary_keys = ("message",)
    selected_by_default = False

    @override
    def check_object(self, request: Request, body: t.Any) -> str | None:
        named = isinstance(body, dict) and "message" in body and "type" not in body
        return None if named else "the response does not say whose key it is"
