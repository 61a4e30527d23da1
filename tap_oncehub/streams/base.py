"""What OnceHub's streams share: requests, records, and what happens on a failure.

Overrides of the SDK's underscored names stand here and in children.py only, each with
the reason why no public name will do.
"""

from __future__ import annotations

import logging
import typing as t
from datetime import datetime, timezone
from functools import cached_property, partial
from urllib.parse import quote

from singer_sdk.authenticators import APIKeyAuthenticator
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.schema.source import StreamSchema
from singer_sdk.singerlib import RecordMessage
from singer_sdk.singerlib.catalog import (
    REPLICATION_FULL_TABLE,
    REPLICATION_INCREMENTAL,
)
from singer_sdk.streams import RESTStream
from singer_sdk.streams.rest import PageContext
from typing_extensions import override

from tap_oncehub.engine.errors import EndpointError, SettingsError
from tap_oncehub.engine.records import RecordConformer
from tap_oncehub.schemas import SCHEMAS

if t.TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    import requests
    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context, Record

    from tap_oncehub.engine.progress import StreamStats
    from tap_oncehub.engine.response import JsonResponse
    from tap_oncehub.engine.run import SyncContext


_KINDS = frozenset({
    "booking", "bookingcalendar", "bookingpage", "contact", "conversation", "eventtype",
    "masterpage", "notification", "schedule", "team", "user", "webhook",
})  # fmt: skip


class OnceHubStream(RESTStream[str]):
    """One endpoint of the OnceHub API.

    Attributes:
        sync_context: What all streams share.
        kinds: What its objects may call themselves; empty if that is not known.
        time_filters: Fields that the endpoint can filter by, all possible replication
            keys.
        answered: How many requests were answered in this run.
    """

    primary_keys: t.Sequence[str] = ("id",)
    schema = StreamSchema(SCHEMAS)
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # the RecordConformer loses nothing
    kinds: t.ClassVar[frozenset[str]] = frozenset()
    time_filters: t.ClassVar[frozenset[str]] = frozenset()
    extracted_at: datetime | None = None
    answered: int = 0

    def __init__(self, tap: Tap, sync: SyncContext) -> None:
        self.sync_context = sync
        self._default_user_agent = f"{tap.name}/{tap.plugin_version}"
        super().__init__(tap)

    @property
    @override
    def url_base(self) -> str:
        return str(self.config["api_url"]).rstrip("/")

    @override
    def get_url(self, context: Context | None) -> str:
        # The SDK replaces only slashes.
        identifier = str((context or {}).get("id", ""))
        return super().get_url({"id": quote(identifier, safe="", errors="replace")})

    @property
    @override
    def authenticator(self) -> APIKeyAuthenticator:
        key = self.config["api_key"]
        return APIKeyAuthenticator(key="API-Key", value=key, location="header")

    @property
    @override
    def user_agent(self) -> str:
        return str(self.config.get("user_agent") or self._default_user_agent)

    @property
    @override
    def requests_session(self) -> requests.Session:
        return self.sync_context.client.session

    @override
    def get_batch_config(self, config: Mapping[str, t.Any]) -> None:
        """Return None: the tap writes no batches, whatever the settings say."""

    @cached_property
    def stats(self) -> StreamStats:
        """What this stream brought and cost."""
        return self.sync_context.progress.stats(self.name)

    @cached_property
    def conformer(self) -> RecordConformer:
        """Gives records the form that this stream's schema declares."""
        flattened = self.config.get("flattening_enabled")
        return RecordConformer(
            self.effective_schema,
            self.primary_keys,
            partial(self.logger.warning, "%s: %s", self.name),
            deselected=[path[1::2] for path, chosen in self.mask.items() if path and not chosen],
            flatten_depth=self.config["flattening_max_depth"] if flattened else 0,
        )

    @property
    def failed(self) -> bool:
        """Whether this stream failed in this run."""
        return self.name in self.sync_context.failures

    @override
    def log(self, message: str, *args: t.Any, level: int = logging.INFO, **kwargs: t.Any) -> None:
        # Errors are logged once, at the end, by the tap.
        level = logging.DEBUG if level >= logging.ERROR else level
        super().log(message, *args, level=level, **kwargs)

    def check_catalog(self) -> None:
        """Refuse a replication that the endpoint cannot do.

        Raises:
            SettingsError: Naming the stream and what it can do.
        """
        if self.replication_method == REPLICATION_FULL_TABLE:
            return
        incremental = self.replication_method == REPLICATION_INCREMENTAL
        if not incremental or self.replication_key not in self.time_filters:
            can = ", ".join(sorted(self.time_filters)) or "none, use FULL_TABLE"
            msg = f"The catalog asks for {self.name} with replication method "
            msg += f"{self.replication_method} and key {self.replication_key}; possible "
            raise SettingsError(msg + f"replication keys: {can}.")

    def fetch(self, context: Context | None, cursor: str | None = None) -> JsonResponse:
        """Return a sound response of the endpoint, asked for what follows a cursor."""
        request = self.get_http_request(page=PageContext(context, cursor))
        prepared = self.build_prepared_request(
            method=request.method,
            url=request.url,
            params=request.encode_params(),
            headers=request.headers,
        )
        check = partial(self._fault_in, asked=str((context or {}).get("id")))
        response = self.sync_context.client.send(prepared, self.stats, check)
        self.answered += 1
        return response

    @property
    def least_requests(self) -> int:
        """How many requests the next run takes at least."""
        return self.answered

    def _fault_in(self, body: t.Any, *, asked: str) -> str | None:
        if fault := self.check_body(body):
            return fault
        if self.path.endswith("{id}") and str(body.get("id")).upper() != asked.upper():
            return "the response does not hold the object"
        rows = rows_in(body) if isinstance(rows_in(body), list) else [body]
        kinds = {_kind(row["object"]) for row in rows if isinstance(row, dict) and "object" in row}
        if self.kinds and (others := kinds & _KINDS - self.kinds):
            return f"the response holds something else ({', '.join(sorted(others))})"
        return None

    def check_body(self, body: t.Any) -> str | None:
        """Return what is wrong with a decoded body; None if nothing is."""
        return None if isinstance(body, dict) else "the response is not a JSON object"

    @override
    def get_new_paginator(self) -> None:
        return None  # an endpoint without pages, unless a subclass says otherwise

    @override
    def request_records(self, context: Context | None) -> t.Iterable[Record]:
        yield from self.parse_response(self.fetch(context))

    @override
    def post_process(self, row: Record, context: Context | None = None) -> Record | None:
        self.sync_context.waiter.check()  # between two records is the moment to end on a signal
        return self.conformer.conform({**row, **context} if context else row)

    @property
    @override
    def emit_activate_version_messages(self) -> bool:
        return False  # the SDK would activate a version before its records are there

    def start_version(self, version: int) -> None:
        """Mark the records of a full pass, so that a loader knows what is gone.

        The version is a time in milliseconds since 1970, the same for all its records.
        """
        if self.config["emit_activate_version_messages"]:
            self._stream_version = version
        self.extracted_at = datetime.fromtimestamp(version / 1000, tz=timezone.utc)

    def activate_version(self) -> None:
        """Tell the loader that the full pass is complete."""
        if self._stream_version is not None and self.selected and not self.failed:
            self._write_activate_version_message(self._stream_version)

    @override
    def _generate_record_messages(self, record: Record) -> Generator[RecordMessage, None, None]:
        # The SDK stamps each record with its own time; a full pass needs one for all.
        for stream_map in self.stream_maps:
            mapped = stream_map.transform(record)
            if mapped is not None:
                self.stats.records += 1
                yield RecordMessage(
                    stream=stream_map.stream_alias,
                    record=mapped,
                    version=self._stream_version,
                    time_extracted=self.extracted_at or datetime.now(timezone.utc),
                )

    @override
    def _sync_records(
        self, context: Context | None = None, *, write_messages: bool = True
    ) -> Generator[Record, t.Any, t.Any]:
        # sync() is final and would let one broken endpoint end all streams.
        try:
            yield from super()._sync_records(context, write_messages=write_messages)
        except EndpointError as error:
            self.sync_context.fail(self.name, error)

    # state/ alone keeps the state; the SDK would add markers of its own to it.

    @override
    def _increment_stream_state(
        self, latest_record: Record, *, context: Context | None = None
    ) -> None:
        pass

    @override
    def _write_starting_replication_value(self, context: Context | None) -> None:
        pass

    @override
    def get_replication_key_signpost(self, context: Context | None = None) -> None:
        return None

    @property
    @override
    def partitions(self) -> None:
        return None


def rows_in(body: t.Any) -> t.Any:
    """Return the rows of a body that is a bare array, or that has them in ``data``."""
    return body.get("data") if isinstance(body, dict) else body


def _kind(name: t.Any) -> str:
    return "".join(filter(str.isalpha, str(name).lower()))
