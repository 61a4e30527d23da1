"""Streams that cost a request for each object of another, and those others."""

from __future__ import annotations

import typing as t
from contextlib import contextmanager
from functools import cached_property

from singer_sdk.mapper import RemoveRecordTransform
from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL
from typing_extensions import override

from tap_oncehub.engine.errors import EndpointError, RefusedError
from tap_oncehub.state.refresh import Refresh, takes_part
from tap_oncehub.streams.base import OnceHubStream

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.mapper import StreamMap
    from singer_sdk.metrics import Counter

    from tap_oncehub.state.bookmark import State

_FORM = (
    "api_url",
    "emit_activate_version_messages",
    "flattening_enabled",
    "flattening_max_depth",
    "stream_map_config",
    "stream_maps",
)
"""Settings that all rows depend on."""


_NO_NAMES = {".", ".."}
"""In a path, these are other folders."""
_MOST_BROKEN = 3
"""Each of them takes max_wait_seconds."""
_REFUSALS = {400, 402, 404, 409, 410, 422}


def is_refused_object(error: RefusedError) -> bool:
    """Return whether a refusal concerns one object, so that the others can be asked for."""
    return error.status in _REFUSALS


class RefreshedStream(OnceHubStream):
    """A stream whose full passes are good for some hours.

    Attributes:
        refresh_setting: The setting that says for how many.
        row_settings: Settings that decide which rows there are.
    """

    refresh_setting: t.ClassVar[str] = "per_object_refresh_hours"
    row_settings: t.ClassVar[tuple[str, ...]] = ()

    @cached_property
    def refresh(self) -> Refresh:
        """When this stream was read whole."""
        settings = {name: self.config.get(name) for name in (*_FORM, *self.row_settings)}
        hours = self.config[self.refresh_setting]
        return Refresh(self.stream_state, hours, [settings, sorted(self.mask.items())])

    def is_due(self, holder: State) -> bool:
        """Return whether to read this stream now; a pass under way in the holder goes on."""
        due = self.refresh.due(self.sync_context.client.now)
        if due is None or takes_part(holder, self.name):
            return True
        when = f"{due:%Y-%m-%d %H:%M} UTC"
        self.logger.info("%s: not read, due at %s (%s)", self.name, when, self.refresh_setting)
        return False

    @property
    @override
    def least_requests(self) -> int:
        return 0 if self.refresh.due(self.sync_context.client.now) else self.answered


class ChildStream(RefreshedStream):
    """An endpoint that is asked once for each object of another stream.

    Attributes:
        parent_key: The column that holds the parent's id, where it is not ``id``; None
            where rows do not tell it.
        documented_refusals: Statuses that say something of one parent, and what.
        lacks_rows: Whether rows did not come in this run that may not be gone.
        broken: How many parents OnceHub did not answer for, as long as others could be read.
    """

    state_partitioning_keys: t.Sequence[str] = ()
    parent_key: t.ClassVar[str | None] = "id"
    documented_refusals: t.ClassVar[t.Mapping[int, str]] = {404: "deleted in the meantime"}
    record_counter: Counter
    lacks_rows: bool = False
    broken: int = 0
    _refused: RefusedError | None = None
    _broken_by: EndpointError

    @contextmanager
    def open_child(self, *, whole: bool) -> Iterator[None]:
        """Get ready for rows: loaders must know the stream, even if none come.

        Only where all parents come, ``whole``, it means something if none answers.
        """
        self._write_schema_message()
        with self.get_record_counter() as self.record_counter:
            yield
        if self.broken and not self.failed:
            self.sync_context.fail(self.name, self._broken_by)
        if whole and self._refused and not self.answered and not self.failed:
            error = EndpointError(f"not one of the {self._parents} was answered: {self._refused}")
            self.sync_context.fail(self.name, error)

    def sync_parent(self, parent_id: str) -> None:
        """Write the rows of one parent.

        The SDK's own way would write a schema, two metrics and a log line a parent.
        """
        if self.failed:
            return
        try:
            for row in self.rows_of(parent_id):
                context = {self.parent_key: parent_id} if self.parent_key else None
                record = self.post_process(row, context)
                if record is not None:
                    self._write_record_message(record)
                    self.record_counter.increment()
        except RefusedError as error:
            if not is_refused_object(error):
                self.sync_context.fail(self.name, error)
                return
            reason = self.documented_refusals.get(error.status)
            if reason is None:
                self._refused, self.lacks_rows = error, True
            text = f"{self._parents} skipped: {reason or 'refused by OnceHub'} ({error.status})"
            self.sync_context.notices.add(self.name, text, parent_id)
        except EndpointError as error:
            self.broken += 1
            self._broken_by = error
            if self.broken >= _MOST_BROKEN or not self.answered:
                self.sync_context.fail(self.name, error)
            else:
                text = f"{self._parents} skipped: not answered by OnceHub"
                self.sync_context.notices.add(self.name, text, parent_id)

    def is_wanted(self, parent: Record) -> bool:
        """Return whether a parent is worth a request."""
        return bool(parent)

    def rows_of(self, parent_id: str) -> Iterable[Record]:
        """Return the rows of one parent."""
        return self.request_records({"id": parent_id})

    @property
    def _parents(self) -> str:
        return str(getattr(self.parent_stream_type, "name", "objects")).replace("_", " ")


class _WithoutRows(RemoveRecordTransform):
    """A stream map that removes a stream, but not the children that others may want."""

    @override
    def get_filter_result(self, record: Record) -> bool:
        return True


class ParentStream(RefreshedStream):
    """An endpoint whose objects others may be asked for.

    Attributes:
        row: The object in hand, as OnceHub sent it.
    """

    row: Record

    @cached_property
    def selected_children(self) -> list[ChildStream]:
        """The children to read with each object."""
        children = [c for c in self.child_streams if isinstance(c, ChildStream) and c.selected]
        if self.replication_method == REPLICATION_INCREMENTAL:
            return children
        return [child for child in children if child.is_due(self.stream_state)]

    @cached_property
    @override
    def stream_maps(self) -> list[StreamMap]:
        # The SDK reads no children of a parent whose map is null.
        return [
            _WithoutRows(found.stream_alias, found.raw_schema, self.primary_keys, None)
            if isinstance(found, RemoveRecordTransform)
            else found
            for found in super().stream_maps
        ]

    @property
    @override
    def least_requests(self) -> int:
        children = [c for c in self.child_streams if isinstance(c, ChildStream) and c.selected]
        return super().least_requests + sum(child.least_requests for child in children)

    @override
    def post_process(self, row: Record, context: Context | None = None) -> Record | None:
        self.row = row
        return super().post_process(row, context)

    @override
    def get_child_context(self, record: Record, context: Context | None) -> dict[str, t.Any]:
        return {"id": record.get("id")}

    @override
    def _sync_children(self, child_context: Context | None) -> None:
        # The SDK offers no public way to read children without a sync() of each.
        identifier = (child_context or {})["id"]
        for child in self.selected_children:
            if identifier in _NO_NAMES:
                text = "objects skipped: their id cannot be part of an address"
                self.sync_context.notices.add(child.name, text, identifier)
            elif child.is_wanted(self.row):
                child.sync_parent(identifier)
