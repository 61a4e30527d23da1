"""Webhooks, and the events that they can tell of."""

from __future__ import annotations

import typing as t
from functools import cached_property

from typing_extensions import override

from tap_oncehub.errors import NotFoundError
from tap_oncehub.schemas import load_schema
from tap_oncehub.streams.base import rows_in
from tap_oncehub.streams.lists import ListStream

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Context, Record

    from tap_oncehub.api.response import OnceHubResponse

_KEY_FIELDS = ("id", "name", "type", "event")


class WebhooksStream(ListStream):
    """All webhooks; their secrets, which sign payloads, only on request."""

    name = "webhooks"
    path = "/webhooks"

    @property
    def excluded_fields(self) -> frozenset[str]:  # type: ignore[override]
        """The secret, unless the settings ask for it."""
        shown = self.config["include_webhook_secrets"]
        return frozenset() if shown else frozenset({"secret"})

    @cached_property
    def schema(self) -> dict[str, t.Any]:  # type: ignore[override]
        """The schema without what is excluded_fields."""
        schema = load_schema(self.name)
        for name in self.excluded_fields:
            del schema["properties"][name]
        return schema


class WebhookEventsStream(ListStream):
    """Names of events; OnceHub's reference does not know this endpoint."""

    name = "webhook_events"
    path = "/webhook-events"

    @override
    def check_body(self, body: t.Any) -> str | None:
        rows = rows_in(body)
        if isinstance(rows, list) and all(isinstance(r, (dict, str)) for r in rows):
            return None
        return "the response holds no list of events"

    @override
    def parse_response(self, response: OnceHubResponse) -> list[Record]:  # type: ignore[override]
        return [_event(row) for row in rows_in(response.body)]

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        try:
            yield from super().get_records(context)
        except NotFoundError:
            self.logger.info("%s: this account has no such endpoint (404)", self.name)


def _event(row: t.Any) -> Record:
    if isinstance(row, str):
        return {"id": row}
    keys = [row[name] for name in _KEY_FIELDS if row.get(name)]
    return {**row, "id": keys[0]} if keys else row
