"""What OnceHub's streams share: requests, records, and what happens on a failure."""

from __future__ import annotations

import logging
import typing as t
from datetime import datetime, timezone
from functools import cached_property

from singer_sdk.authenticators import APIKeyAuthenticator
from singer_sdk.helpers._catalog import pop_deselected_record_properties
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.schema.source import StreamSchema
from singer_sdk.singerlib import RecordMessage
from singer_sdk.singerlib.catalog import (
    REPLICATION_FULL_TABLE,
    REPLICATION_INCREMENTAL,
)
from singer_sdk.streams import RESTStream
from singer_sdk.streams.rest import PageContext

from tap_oncehub.errors import EndpointError, SettingsError
from tap_oncehub.records import Shaper
from tap_oncehub.schemas import EXTRA, SCHEMAS

if t.TYPE_CHECKING:
    from collections.abc import Generator

    import requests
    from singer_sdk.helpers.types import Context, Record

    from tap_oncehub.api.client import OnceHubClient
    from tap_oncehub.api.response import Answer
    from tap_oncehub.progress import Tally
    from tap_oncehub.tap import TapOnceHub


_COLUMN = len(("properties", "name"))


class OnceHubStream(RESTStream[str]):
    """One endpoint of the OnceHub API.

    Attributes:
        time_filters: Fields that the endpoint can filter by, all possible replication
            keys.
        withheld: Fields that are never written.
    """

    _tap: TapOnceHub

    primary_keys: t.Sequence[str] = ("id",)
    schema = StreamSchema(SCHEMAS)
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # the Shaper does more, faster
    time_filters: t.ClassVar[frozenset[str]] = frozenset()
    withheld: frozenset[str] = frozenset()
    extracted_at: datetime | None = None

    @property
    def url_base(self) -> str:
        """The address of the API."""
        return str(self.config["api_url"]).rstrip("/")

    @property
    def authenticator(self) -> APIKeyAuthenticator:
        """Puts the key into the header API-Key."""
        key = self.config["api_key"]
        return APIKeyAuthenticator(key="API-Key", value=key, location="header")

    @cached_property
    def user_agent(self) -> str:
        """What the tap calls itself."""
        default = f"{self.tap_name}/{self._tap.plugin_version}"
        return str(self.config.get("user_agent") or default)

    @property
    def client(self) -> OnceHubClient:
        """The conversation that all streams share."""
        return self._tap.client

    @property
    def requests_session(self) -> requests.Session:
        """The connection that all streams share."""
        return self.client.session

    @cached_property
    def tally(self) -> Tally:
        """What this stream brought and cost."""
        return self._tap.progress.tally(self.name)

    @cached_property
    def shaper(self) -> Shaper:
        """Gives records the form that this stream's schema declares."""
        return Shaper(
            self.effective_schema,
            self.primary_keys,
            self.logger,
            hidden={path[1] for path in self._deselected if len(path) == _COLUMN} | self.withheld,
        )

    @cached_property
    def _deselected(self) -> list[tuple[str, ...]]:
        """Breadcrumbs of what the catalog leaves out."""
        return [path for path, selected in self.mask.items() if path and not selected]

    @cached_property
    def _deselected_inside(self) -> bool:
        """Whether the catalog leaves out parts of columns."""
        return any(len(path) > _COLUMN for path in self._deselected)

    @property
    def failed(self) -> bool:
        """Whether this stream was given up in this run."""
        return self.name in self._tap.failures

    def log(self, message: str, *args: t.Any, level: int = logging.INFO, **kwargs: t.Any) -> None:
        """Log what the SDK says; errors are said once, in the end, by the tap.

        Args:
            message: The text.
            args: What belongs into the text.
            level: The SDK's level.
            kwargs: What else the logger takes.
        """
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
            msg = f"The catalog asks for {self.name} in the way "
            msg += f"{self.replication_method} by {self.replication_key}; possible "
            raise SettingsError(msg + f"replication keys: {can}.")

    def fetch(self, context: Context | None, cursor: str | None = None) -> Answer:
        """Ask the endpoint once.

        Args:
            context: Values for the path.
            cursor: Id of the object to go on after.

        Returns:
            A sound answer.
        """
        request = self.get_http_request(page=PageContext(context, cursor))
        prepared = self.build_prepared_request(
            method=request.method,
            url=request.url,
            params=request.encode_params(),
            headers=request.headers,
        )
        return self.client.send(prepared, self.tally, self.check_body)

    def check_body(self, body: t.Any) -> str | None:
        """Say what is wrong with an answer's body; None if nothing is.

        Args:
            body: The decoded body.
        """
        return None if isinstance(body, dict) else "the answer is no JSON object"

    def get_new_paginator(self) -> None:
        """An endpoint without pages, unless a subclass says otherwise."""

    def request_records(self, context: Context | None) -> t.Iterable[Record]:
        """Ask the endpoint and give its objects.

        Args:
            context: Values for the path.
        """
        yield from self.parse_response(self.fetch(context))

    def post_process(self, row: Record, context: Context | None = None) -> Record | None:
        """Shape a record; before that is the moment to end on a signal.

        Args:
            row: The object as OnceHub sent it.
            context: Values that the parent adds.
        """
        self._tap.interruption.check()
        return self.shaper.shape({**row, **context} if context else row)

    @property
    def emit_activate_version_messages(self) -> bool:
        """False: the SDK would activate a version before its records are there."""
        return False

    def open_version(self, version: int, extracted_at: datetime) -> None:
        """Mark the records of a full pass, so that a loader knows what is gone.

        Args:
            version: The pass, in milliseconds since 1970.
            extracted_at: When the pass began; all its records carry it.
        """
        if self.config["emit_activate_version_messages"]:
            self._stream_version = version
        self.extracted_at = extracted_at

    def close_version(self) -> None:
        """Tell the loader that the full pass is complete."""
        if self._stream_version is not None and self.selected and not self.failed:
            self._write_activate_version_message(self._stream_version)

    def _generate_record_messages(self, record: Record) -> Generator[RecordMessage, None, None]:
        """Write a shaped record; the SDK would look at every value again."""
        if self._deselected_inside:
            # What did not fit its place stands in _extra, in the form of the record.
            for part in (record, record.get(EXTRA) or {}):
                pop_deselected_record_properties(part, self.schema, self.mask)
        for stream_map in self.stream_maps:
            mapped = stream_map.transform(record)
            if mapped is not None:
                self.tally.records += 1
                yield RecordMessage(
                    stream=stream_map.stream_alias,
                    record=mapped,
                    version=self._stream_version,
                    time_extracted=self.extracted_at or datetime.now(timezone.utc),
                )

    def _sync_records(
        self, context: Context | None = None, *, write_messages: bool = True
    ) -> Generator[Record, t.Any, t.Any]:
        """Sync; a broken endpoint ends this stream, not the others."""
        try:
            yield from super()._sync_records(context, write_messages=write_messages)
        except EndpointError as error:
            self._tap.fail(self.name, error)

    def _increment_stream_state(
        self, latest_record: Record, *, context: Context | None = None
    ) -> None:
        """Leave the state alone: checkpoint.py keeps it."""

    def _write_starting_replication_value(self, context: Context | None) -> None:
        """Leave the state alone: checkpoint.py keeps it."""

    def get_replication_key_signpost(self, context: Context | None = None) -> None:
        """Leave the state alone: checkpoint.py keeps it.

        Args:
            context: Not used.
        """

    @property
    def partitions(self) -> None:
        """None: no stream keeps a state per parent."""


def rows_in(body: t.Any) -> t.Any:
    """Give the rows of an answer that is a bare array, or that has them in ``data``.

    Args:
        body: The decoded body.
    """
    return body.get("data") if isinstance(body, dict) else body
