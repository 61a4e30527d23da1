"""Webhooks, and the events that they can tell of."""

from __future__ import annotations

import typing as t
from functools import cached_property

from typing_extensions import override

from tap_oncehub.schemas import load_schema
from tap_oncehub.streams.base import OnceHubStream, rows_in

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Record

    from tap_oncehub.engine.response import JsonResponse

_KEY_FIELDS = ("id", "name", "type", "event")


class WebhooksStream(OnceHubStream):
    """All webhooks; what signs their payloads, whatever it is called, only on request."""

    name = "webhooks"
    path = "/webhooks"
    object_types = frozenset({"webhook"})
    row_settings = ("include_webhook_secrets",)

    @cached_property
    def schema(self) -> dict[str, t.Any]:  # type: ignore[override]
        """The schema, without secrets unless the settings ask for them."""
        schema = load_schema(self.name)
        schema["properties"] = self._without_secrets(schema["properties"])
        return schema

    @override
    def rows_in(self, found: Record) -> Iterator[Record]:
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
    def check_list(self, body: t.Any) -> str | None:
        rows = rows_in(body)
        if isinstance(rows, list) and all(isinstance(row, (dict, str)) for row in rows):
            return None
        return "the response holds no list of events"

    @override
    def parse_response(self, response: JsonResponse) -> list[Record]:  # type: ignore[override]
        return [_event(row) for row in rows_in(response.body)]


def _event(row: t.Any) -> Record:
    if isinstance(row, str):
        return {"id": row}
    keys = [row[name] for name in _KEY_FIELDS if row.get(name)]
    return {**row, "id": keys[0]} if keys else row
