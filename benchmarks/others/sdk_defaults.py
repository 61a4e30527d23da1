"""The same lists, schemas and requests, with everything else left to the Singer SDK.

    python -m benchmarks.others.sdk_defaults --config ... --catalog ...

What is the SDK's own here, and the tap's in tap-oncehub: the message writer, conforming
records to their schema (recursively), decoding an answer (`requests`, once for the
paginator and once for the records), finding the records with a JSONPath, bookmarks,
retries; there are no rate limits, no `_extra`, no checkpoints.
"""

from __future__ import annotations

import typing as t

from singer_sdk import Tap
from singer_sdk.authenticators import APIKeyAuthenticator
from singer_sdk.pagination import JSONPathPaginator
from singer_sdk.streams import RESTStream

from benchmarks.account import LISTS
from tap_oncehub.schemas import SCHEMAS

if t.TYPE_CHECKING:
    import requests
    from singer_sdk.streams.rest import HTTPRequest, PageContext


class _Paginator(JSONPathPaginator):
    def has_more(self, response: requests.Response) -> bool:
        return "next" in response.links


class _Stream(RESTStream[str]):
    primary_keys = ("id",)
    records_jsonpath = "$.data[*]"

    @property
    def url_base(self) -> str:
        return str(self.config["api_url"])

    @property
    def authenticator(self) -> APIKeyAuthenticator:
        key = self.config["api_key"]
        return APIKeyAuthenticator(key="API-Key", value=key, location="header")

    def get_new_paginator(self) -> _Paginator:
        return _Paginator("$.data[-1:].id")

    def get_http_request(self, *, page: PageContext[str]) -> HTTPRequest:
        request = super().get_http_request(page=page)
        request.params["limit"] = 100
        request.params["after"] = page.next_page_token
        if since := self.get_starting_replication_key_value(page.stream_context):
            request.params[f"{self.replication_key}.gt"] = since
        return request


class _Tap(Tap):
    name = "tap-sdk-defaults"
    config_jsonschema: t.ClassVar[dict[str, t.Any]] = {
        "properties": {"api_key": {"type": "string"}, "api_url": {"type": "string"}}
    }

    def discover_streams(self) -> list[_Stream]:
        return [self._stream(name) for name in LISTS]

    def _stream(self, name: str) -> _Stream:
        endpoint = LISTS[name]
        schema = SCHEMAS.fetch_schema(name)
        stream = _Stream(self, name=name, schema=schema, path=f"/{endpoint.path}")
        stream.replication_key = endpoint.replication_key
        return stream


if __name__ == "__main__":
    _Tap.cli()
