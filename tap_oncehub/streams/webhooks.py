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
    """All webhooks; what signs their payloads, whatever it is called, only on request."""

    name = "webhooks"
    path = "/webhooks"
    kinds = frozenset({"webhook"})
    row_settings = ("include_webhook_secrets",)

    @cached_property
    def schema(self) -> dict[str, t.Any]:  # type: ignore[override]
        """The schema, without secrets unless the settings ask for them."""
        schema = load_schema(self.name)
        schema["properties"] = self._shown(schema["properties"])
        return schema

    @override
    def post_process(self, row: Record, context: Context | None = None) -> Record | None:
        return super().post_process(self._shown(row), context)

    def _shown(self, fields: dict[str, t.Any]) -> dict[str, t.Any]:
        if self.config["include_webhook_secrets"]:
            return fields
        return {name: value for name, value in fields.items() if "secret" not in name.lower()}


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
            self.stats.is_absent = True
            self.logger.info("%s: this account has no such endpoint (404)", self.name)


def _event(row: t.Any) -> Record:
    if isinstance(row, str):
        return {"id": row}
    keys = [row[name] for name in _KEY_FIELDS if row.get(name)]
    return {**row, "id": keys[0]} if keys else row
