"""A stream that can be killed at any moment: the one loop."""

import logging
import typing as t
from collections.abc import Generator, Iterable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from functools import cached_property, partial
from itertools import chain

import requests
from singer_sdk import Tap
from singer_sdk.helpers.types import Context, Record
from singer_sdk.mapper import RemoveRecordTransform
from singer_sdk.singerlib import ActivateVersionMessage, RecordMessage
from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL
from singer_sdk.streams import RESTStream
from singer_sdk.streams.rest import PageContext
from typing_extensions import override

from tap_oncehub.engine.errors import EndpointError, SettingsError
from tap_oncehub.engine.plan import Plan
from tap_oncehub.engine.progress import StreamStats
from tap_oncehub.engine.readers import Reader, Request, list_reader, pages_of
from tap_oncehub.engine.records import RecordConformer
from tap_oncehub.engine.response import JsonResponse
from tap_oncehub.engine.run import SyncRun
from tap_oncehub.engine.state import PassState, UnreadObjects, prepare
from tap_oncehub.engine.sync_pass import SyncPass, due_passes


class ResumableStream(RESTStream[str]):
    """One endpoint, read in passes that any number of runs may share."""

    reader: t.ClassVar[Reader] = staticmethod(list_reader)  # how its objects are found
    source: t.ClassVar[str | None] = None  # path of the list whose objects it asks for
    filters: t.ClassVar[Mapping[str, str]] = {}  # by name the list whose ids one takes
    follows: t.ClassVar[str | None] = None  # the key of source, where its own rows have none
    tells_deletes: t.ClassVar[bool] = True  # whether what a full pass does not bring is gone
    row_settings: t.ClassVar[tuple[str, ...]] = ()  # that decide which rows there are
    ids_setting: t.ClassVar[str] = ""  # with ids to ask for in place of a list
    min_lookback: t.ClassVar[timedelta] = timedelta(0)
    documented_refusals: t.ClassVar[Mapping[int, str]] = {}  # status: why there is no row
    updated_key: t.ClassVar[str] = "updated"  # changes with every edit
    created_key: t.ClassVar[str] = "created"  # shows how far back a sync has got
    rank: t.ClassVar[int] = 0  # those of a low rank are read first
    sync_pass: SyncPass
    requests_asked = 0
    _version: int | None = None  # of its records
    min_requests: int | None = None  # of the next run, if this one read everything

    def __init__(self, tap: Tap, run: SyncRun) -> None:
        self.run = run
        super().__init__(tap)

    # What a connector says.

    def check_body(self, request: Request, body: t.Any) -> str | None:
        """Return what is wrong with a decoded body; None if nothing is."""
        raise NotImplementedError

    def rows_in(self, found: Record, _value: str) -> Iterable[Record]:
        """Return what an object of the list says, or that a value of a filter found it."""
        return [found]

    def rows_of(self, identifier: str) -> Iterable[Record]:
        """Ask for one object, or for the whole list of a filter, and return its rows."""
        if self.filters:
            pages = pages_of(self, None, self.path, identifier, timed=False)
            return (row for page in pages for row in page.rows)
        return [self.fetch({"id": identifier}).body]

    # The one loop.

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        try:
            yield from self._read_passes()
            self.unread.check()
        except EndpointError as error:
            self.run.fail(self.name, error)
        else:
            is_due = self.plan.is_full_pass_due(self.stream_state, self.run.clocks)
            self.min_requests = 1 if self.key else self.requests_asked * is_due
        self.run.save_state()

    def _read_passes(self) -> Iterator[Record]:
        clocks, warn = self.run.clocks, partial(self.run.warn, self.name)
        passes = due_passes(self.stream_state, self.plan, clocks, warn)
        first = None if self.named_ids else next(passes, None)
        self._version = self.plan.version(self.stream_state)
        for identifier in dict.fromkeys([*self.unread, *self.named_ids]):
            yield from self.unread.read(identifier, again=True)
            self.run.save_state()
        for sync_pass in chain([first], passes) if first else ():
            self.sync_pass = sync_pass
            self._version = self.plan.version(self.stream_state)
            if sync_pass.is_full and self.key:
                self.run.announce_full_pass(self)
            self.run.save_state()
            for page in sync_pass.pages(partial(self.reader, self)):
                yield from page.rows
                sync_pass.commit(page)
                self.run.save_state()
                for found in page.objects[-1:]:
                    self.stats.back_to = str(found.get(self.created_key) or "")
            if sync_pass.finish(may_tell_deletes=self.run.may_tell_deletes):
                self._activate_version()
            self.run.save_state()
        if first is None and (due := self.plan.next_full_pass(self.stream_state)):
            when = f"{due:%Y-%m-%d %H:%M} UTC"
            self.logger.info("%s: skipped; next due %s (%s)", self.name, when, self.max_age_setting)

    # What the passes and the readers need to know.

    @property
    def key(self) -> str | None:
        """What the list is read by; None if it is read whole."""
        incremental = self.replication_method == REPLICATION_INCREMENTAL
        return self.replication_key if incremental else self.follows

    @property
    def max_age_setting(self) -> str:
        """The setting with the age, in the unit that it ends with, of a full pass that is due."""
        if self.key:
            return "full_pass_days"
        costly = self.source or self.filters
        return "per_object_refresh_hours" if costly else "full_table_refresh_hours"

    @property
    def named_ids(self) -> list[str]:
        """Ids to ask for in place of a list."""
        return self.config.get(self.ids_setting) or []

    @property
    def plan(self) -> Plan:
        """How this stream is to be read."""
        return Plan.of(self)

    @cached_property
    def unread(self) -> UnreadObjects:
        """What could not be read, in this run or before."""
        return UnreadObjects(self)

    def prepare_state(self) -> None:
        """Give the state every key that it may have."""
        prepare(self.stream_state, self.key, partial(self.run.warn, self.name))

    # Requests and records, in the SDK's terms.

    def fetch(self, request: Request, cursor: str | None = None) -> JsonResponse:
        """Return a sound response of the endpoint, asked for what follows a cursor."""
        http = self.get_http_request(page=PageContext(request, cursor))
        prepared = self.build_prepared_request(
            method=http.method, url=http.url, params=http.encode_params(), headers=http.headers
        )
        self.requests_asked += 1
        return self.run.client.send(prepared, self.stats, partial(self.check_body, request))

    @override
    def post_process(self, row: Record, context: Context | None = None) -> Record | None:
        self.run.waiter.check()  # between two records is the moment to end on a signal
        self.stats.records += 1
        return self._conformer.conform(row)

    @override
    def generate_child_contexts(
        self, record: Record, context: Context | None
    ) -> Iterable[Context | None]:
        return ()  # for a child, of which there are none, the SDK would evaluate a map's filter

    # Its own walks through each record again, for what the conformer has done.
    @override
    def _generate_record_messages(self, record: Record) -> Generator[RecordMessage, None, None]:
        for one in self.stream_maps:
            try:
                mapped = one.transform(record)
            except Exception as error:  # noqa: BLE001  # whatever an expression may do
                why = f"does not work with a record ({type(error.__cause__ or error).__name__})"
                raise SettingsError(f"A stream map of {self.name} {why}.") from None
            if mapped is not None:
                version, now = self._version, datetime.now(timezone.utc)
                yield RecordMessage(one.stream_alias, mapped, version=version, time_extracted=now)

    @cached_property
    def _conformer(self) -> RecordConformer:
        flattened = self.config.get("flattening_enabled")
        return RecordConformer(
            self.effective_schema,
            self.primary_keys,
            partial(self.logger.warning, "%s: %s", self.name),
            deselected=[path[1::2] for path, chosen in self.mask.items() if path and not chosen],
            flatten_depth=self.config["flattening_max_depth"] if flattened else 0,
        )

    def _activate_version(self) -> None:
        """Tell the loader that what the full pass did not bring is gone."""
        version = self._version if self.run.may_tell_deletes else None
        for one in self.stream_maps:
            if version is not None and not isinstance(one, RemoveRecordTransform):
                self.run.write_message(ActivateVersionMessage(one.stream_alias, version))

    @cached_property
    def stats(self) -> StreamStats:
        """What this stream brought and cost."""
        return self.run.progress.stats(self.name)

    @property
    @override
    def emit_activate_version_messages(self) -> bool:
        return False  # the SDK would activate a version before its records are there

    @cached_property
    @override
    def state_manager(self) -> PassState:
        return PassState(stream_name=self.name, tap_state=self.tap_state)

    @property
    @override
    def requests_session(self) -> requests.Session:
        return self.run.client.session

    @override
    def log(self, message: str, *args: t.Any, level: int = logging.INFO, **kwargs: t.Any) -> None:
        # Errors are logged once, at the end of the run.
        level = logging.DEBUG if level >= logging.ERROR else level
        super().log(message, *args, level=level, **kwargs)
