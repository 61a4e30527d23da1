"""Lists: read page by page, resumable after every page."""

from __future__ import annotations

import typing as t
from collections import Counter
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from functools import cached_property
from http import HTTPStatus
from itertools import pairwise

from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL
from typing_extensions import override

from tap_oncehub.engine.errors import PaginationError, RefusedError
from tap_oncehub.engine.times import day_before, milliseconds, moment_of
from tap_oncehub.pagination import CursorPaginator, position_between
from tap_oncehub.state.checkpoint import SyncPass
from tap_oncehub.streams.children import ParentStream, RefreshedStream

if t.TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.streams.rest import HTTPRequest, PageContext

    from tap_oncehub.engine.errors import EndpointError
    from tap_oncehub.engine.response import JsonResponse
    from tap_oncehub.pagination import Position

_MOST_FAILURES = 6
"""How often one position may fail: edits of a short list may lead to it again."""
_MOST_RETURNS = 3
"""How often to read again from one position."""
_MOST_RESTARTS = 10
_CURSOR_REFUSALS = {400, 404, 410, 422}


class ListStream(ParentStream):
    """A list endpoint.

    Attributes:
        least_lookback: How far an incremental sync must go back at least.
    """

    records_jsonpath = "$.data[*]"
    refresh_setting = "full_table_refresh_hours"
    least_lookback: t.ClassVar[timedelta] = timedelta(0)
    sync_pass: SyncPass
    _refused_cursors: set[str]
    _failures: Counter[Position | None]
    _returns: Counter[Position | None]
    _newest_first: bool = True
    _finished: bool = False
    _until: str | None = None

    @property
    def page_size(self) -> int:
        """Objects to ask for in one request: pages of one could not overlap."""
        return max(2, int(self.config["page_size"]))

    @override
    def get_new_paginator(self) -> CursorPaginator:  # type: ignore[override]
        start, refused = self.sync_pass.position, self._refused_cursors
        return CursorPaginator(start, self.page_size, self.path, refused)

    @override
    def get_http_request(self, *, page: PageContext[str]) -> HTTPRequest:
        request = super().get_http_request(page=page)
        request.params["limit"] = self.page_size
        request.params["after"] = page.next_page_token
        if since := self.sync_pass.since:
            since = day_before(since) if self.sync_pass.whole_days else since
            request.params[f"{self.replication_key}.gt"] = since
            request.params[f"{self.replication_key}.lt"] = self._until
        return request

    @override
    def check_body(self, body: t.Any) -> str | None:
        data = body.get("data") if isinstance(body, dict) else None
        if not isinstance(data, list):
            return "the response holds no list in data"
        if not all(isinstance(row, dict) for row in data):
            return "the list in data holds something that is not an object"
        return None

    @override
    def parse_response(self, response: JsonResponse) -> list[Record]:  # type: ignore[override]
        return t.cast("list[Record]", response.body["data"])

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        if not self._streams_of_pass:
            return
        self.sync_pass = self._start_pass()
        with ExitStack() as children:
            for child in self.selected_children:
                children.enter_context(child.open_child(whole=not self.sync_pass.resumed))
            complete = yield from self._read_pages(context)
            if complete and not (self.sync_pass.whole_days or self.sync_pass.overlaps):
                complete = yield from self._read_day_before(context)
        if not complete or (self._incremental and self._child_failed):
            # No later pass would bring the rows that are missing.
            self.sync_pass.discard()
        else:
            for stream in self._streams_of_pass:
                if self.sync_pass.is_complete(stream.name):
                    stream.activate_version()
                if not self._incremental and not stream.failed:
                    stream.refresh.complete(self.sync_pass.began)
            self.sync_pass.finish()
            self._finished = True
        self.sync_context.write_state()

    @override
    def request_records(self, context: Context | None) -> Iterator[Record]:
        """Read pages from where the pass stands; the state follows what is written."""
        paginator = self.get_new_paginator()
        while not paginator.finished:
            response = self.fetch(context, paginator.current_value)
            rows = self.parse_response(response)
            self._check_order(rows)
            paginator.advance(response)
            self.sync_pass.mark_started(response.sent_at, dated=response.date is not None)
            yield from self._commit_rows(rows, paginator)

    def _read_pages(self, context: Context | None) -> Generator[Record, None, bool]:
        """Read to the end; where a position leads nowhere, rewind to an earlier one.

        Edits and deletes move what a position stands for. Where the same position fails
        again and again, it is not they. Return False for a list that changes faster than it
        can be read, and is left to the next run.
        """
        self._refused_cursors, self._failures, self._returns = set(), Counter(), Counter()
        while True:
            try:
                yield from self.request_records(context)
            except (PaginationError, RefusedError) as error:  # noqa: PERF203  # rare
                if not self._is_date_wanted(error) and not self._rewind(error):
                    return False
            else:
                return True

    def _rewind(self, error: PaginationError | RefusedError) -> bool:
        """Return to an earlier position; False if that was done too often.

        Raises:
            EndpointError: The error, if another position is no help.
        """
        position = self.sync_pass.position
        self._failures[position] += 1
        if self._failures[position] >= _MOST_FAILURES:
            raise error
        refused = isinstance(error, RefusedError)
        if isinstance(error, RefusedError):
            if position is None or error.status not in _CURSOR_REFUSALS:
                raise error
            self._refused_cursors.add(position.after)
        self.sync_pass.rewind()
        while (earlier := self.sync_pass.position) and self._returns[earlier] >= _MOST_RETURNS:
            self.sync_pass.rewind()
        self._returns[earlier] += 1
        if self._returns[None] <= _MOST_RESTARTS:
            self.logger.warning("%s: %s; rewinding to an earlier page", self.name, error)
            return True
        if refused:
            raise error
        what = "%s: the list changes faster than it can be read; the next run reads it again"
        self.logger.warning(what, self.name)
        return False

    def _read_day_before(self, context: Context | None) -> Generator[Record, None, bool]:
        """Read again from the day before the bookmark, since no known record came back.

        It may be deleted, or edited again. Or OnceHub compares days: then what followed
        on the same day is missing. Return whether the list was read to its end.
        """
        oldest = self.sync_pass.oldest
        moment = moment_of(oldest)
        self._until = milliseconds(moment) if moment else None
        self.sync_pass.read_whole_days()
        complete = yield from self._read_pages(context)
        if self.sync_pass.oldest != oldest:
            what = "%s: OnceHub compares whole days in %s.gt: reading from the day before on"
            self.logger.warning(what, self.name, self.replication_key)
        return complete

    def _check_order(self, rows: list[Record]) -> None:
        """Warn, once, of a list that is not newest first: there, edits may move objects."""
        created = [moment_of(row.get("creation_time")) for row in rows]
        if self._newest_first and any(a and b and a < b for a, b in pairwise(created)):
            self._newest_first = False
            what = "%s: the list is not sorted by creation time, newest first, as documented"
            self.logger.warning(what, self.name)

    def _is_date_wanted(self, error: EndpointError) -> bool:
        """Return whether OnceHub refused the filter's time, so that a date may do.

        OnceHub's reference declares the filters as dates, and its examples send times.
        """
        if self.sync_pass.whole_days or not self._is_filter_refused(error):
            return False
        self.sync_pass.read_whole_days()
        what = "%s: %s; filtering by the date of the day before"
        self.logger.warning(what, self.name, str(error).rstrip("."))
        return True

    def _is_filter_refused(self, error: EndpointError) -> bool:
        return (
            isinstance(error, RefusedError)
            and error.status == HTTPStatus.BAD_REQUEST
            and self.sync_pass.since is not None
            and str(self.replication_key) in (error.param or "")
        )

    def _commit_rows(self, rows: list[Record], paginator: CursorPaginator) -> Iterator[Record]:
        """Yield a page's objects, and commit what is written.

        Where children are read, every object costs requests, so that the state
        follows each one. It stays where it is once a child has failed: a run that
        resumes must read again what the child missed.
        """
        step = 1 if self.selected_children else max(len(rows), 1)
        for start in range(paginator.read_before, len(rows), step):
            chunk = rows[start : start + step]
            yield from chunk
            for child in self.selected_children:
                if child.lacks_rows:
                    self.sync_pass.mark_incomplete(child.name)
            last = chunk[-1]
            self.stats.back_to = str(last.get("creation_time") or "") or None
            values = [row.get(self.replication_key or "") for row in chunk]
            if last is not rows[-1]:
                position = position_between(rows[start - 1] if start else {}, last)
            else:
                position = None if paginator.finished else paginator.position
            if position is None or self._child_failed:
                self.sync_pass.observe(values)
            else:
                self.sync_pass.commit_page(position, values)
                self.sync_context.write_state()

    @property
    def _incremental(self) -> bool:
        return self.replication_method == REPLICATION_INCREMENTAL

    @property
    def _child_failed(self) -> bool:
        return any(child.failed or child.broken for child in self.selected_children)

    @property
    @override
    def least_requests(self) -> int:
        if self._incremental or not self._finished:
            return len(self._streams_of_pass[:1])
        return super().least_requests

    @cached_property
    def _streams_of_pass(self) -> list[RefreshedStream]:
        children: list[RefreshedStream] = [*self.selected_children]
        due = self._incremental or children or (self.selected and self.is_due(self.stream_state))
        return [self, *children] if self.selected and due else children

    def _start_pass(self) -> SyncPass:
        lookback = timedelta(seconds=self.config["lookback_seconds"])
        sync_pass = SyncPass(
            {stream.name: stream.stream_state for stream in self._streams_of_pass},
            replication_key=self.replication_key if self._incremental else None,
            versioned=self.config["emit_activate_version_messages"],
            start_date=self.config.get("start_date"),
            lookback=max(lookback, self.least_lookback),
            now=max(self.sync_context.client.now, datetime.now(timezone.utc)),
        )
        if sync_pass.bookmark_ahead:
            what = "%s: the bookmark in the state is later than now; reading everything again"
            self.logger.warning(what, self.name)
        if sync_pass.rejected_because:
            self.logger.warning(
                "%s: ignoring the checkpoint in the state, since %s; starting the pass again",
                self.name,
                sync_pass.rejected_because,
            )
        if not self._incremental:
            for stream in self._streams_of_pass:
                stream.start_version(sync_pass.version)
        return sync_pass
