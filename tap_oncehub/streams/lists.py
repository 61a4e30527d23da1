"""Lists: read page by page, resumable after every page."""

from __future__ import annotations

import typing as t
from collections import Counter
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from http import HTTPStatus
from itertools import islice

from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL
from typing_extensions import override

from tap_oncehub.api.pagination import CursorPaginator, as_cursor
from tap_oncehub.errors import PaginationError, RequestRefusedError
from tap_oncehub.state.checkpoint import SyncPass
from tap_oncehub.streams.children import ParentStream
from tap_oncehub.times import day_before

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.streams.rest import HTTPRequest, PageContext

    from tap_oncehub.api.response import OnceHubResponse
    from tap_oncehub.errors import EndpointError

_MOST_REWINDS = 3
_MOST_VISITS = 4
_CURSOR_REFUSALS = {400, 404, 410, 422}


class ListStream(ParentStream):
    """A list endpoint.

    Attributes:
        least_lookback: How far an incremental sync must go back at least.
    """

    records_jsonpath = "$.data[*]"
    least_lookback: t.ClassVar[timedelta] = timedelta(0)
    sync_pass: SyncPass
    _seen: Counter[str | None]
    _visits: int = 1
    _dates_only: bool = False

    @override
    def get_new_paginator(self) -> CursorPaginator:  # type: ignore[override]
        size = self.config["page_size"]
        cursor, visits = self.sync_pass.cursor, self._visits
        return CursorPaginator(cursor, size, self.path, self._seen, visits=visits)

    @override
    def get_http_request(self, *, page: PageContext[str]) -> HTTPRequest:
        request = super().get_http_request(page=page)
        request.params["limit"] = self.config["page_size"]
        request.params["after"] = page.next_page_token
        if since := self.sync_pass.since:
            since = day_before(since) if self._dates_only else since
            request.params[f"{self.replication_key}.gt"] = since
        return request

    @override
    def check_body(self, body: t.Any) -> str | None:
        data = body.get("data") if isinstance(body, dict) else None
        if not isinstance(data, list):
            return "the response holds no list in data"
        if not all(isinstance(row, dict) for row in data):
            return "the list in data holds something that is no object"
        return None

    @override
    def parse_response(self, response: OnceHubResponse) -> list[Record]:  # type: ignore[override]
        return t.cast("list[Record]", response.body["data"])

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        if not self._streams_of_pass:
            return
        self.sync_pass = self._start_pass()
        with ExitStack() as children:
            for child in self.selected_children:
                children.enter_context(child.open_child(whole=not self.sync_pass.resumed))
            yield from self._read_pages(context)
        if self._incremental and self._child_failed:
            # No later pass would bring the rows that the child misses.
            self.sync_pass.discard()
        else:
            for stream in self._streams_of_pass:
                stream.activate_version()
            for child in self.selected_children:
                if not self._incremental and not child.failed:
                    child.refresh.complete(self.sync_pass.began)
            self.sync_pass.finish()
        self.sync_context.write_state()

    @override
    def request_records(self, context: Context | None) -> Iterator[Record]:
        """Read pages from where the pass stands; the state follows what is written.

        Args:
            context: Not used.
        """
        paginator = self.get_new_paginator()
        while not paginator.finished:
            response = self.fetch(context, paginator.current_value)
            rows = self.parse_response(response)
            paginator.advance(response)
            self.sync_pass.mark_started(response.sent_at)
            yield from self._commit_rows(rows, paginator)

    def _read_pages(self, context: Context | None) -> Iterator[Record]:
        """Read to the end; where a cursor leads nowhere, rewind to an earlier one.

        Where edits move objects to the head of a list, what follows a moved one was
        read before: after each rewind a cursor may come once more, up to a limit.
        """
        self._seen, self._visits = Counter(), 1
        given_up: Counter[str | None] = Counter()
        while True:
            try:
                yield from self.request_records(context)
            except (PaginationError, RequestRefusedError) as error:  # noqa: PERF203  # rare
                if self._is_date_wanted(error):
                    continue
                cursor = self.sync_pass.cursor
                lost = isinstance(error, PaginationError) or error.status in _CURSOR_REFUSALS
                if not lost or given_up[cursor] >= _MOST_REWINDS or not self.sync_pass.rewind():
                    raise
                given_up[cursor] += 1
                self._visits = min(self._visits + 1, _MOST_VISITS)
                del self._seen[cursor]
                if self.sync_pass.cursor is None:
                    self._seen.clear()
                self.logger.warning("%s: %s; rewinding to an earlier page", self.name, error)
            else:
                return

    def _is_date_wanted(self, error: EndpointError) -> bool:
        """Return whether OnceHub refused the filter's time, so that a date may do.

        OnceHub's reference declares the filters as dates, and its examples send times.
        """
        if self._dates_only or not self._is_filter_refused(error):
            return False
        self._dates_only = True
        what = "%s: %s; filtering by the date of the day before"
        self.logger.warning(what, self.name, str(error).rstrip("."))
        return True

    def _is_filter_refused(self, error: EndpointError) -> bool:
        return (
            isinstance(error, RequestRefusedError)
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
        remaining = iter(rows)
        while chunk := list(islice(remaining, 1 if self.selected_children else None)):
            yield from chunk
            last = chunk[-1]
            self.stats.back_to = str(last.get("creation_time") or "") or None
            values = [row.get(self.replication_key or "") for row in chunk]
            cursor = as_cursor(last.get("id"))
            if last is rows[-1]:
                cursor = None if paginator.finished else paginator.current_value
            if cursor is None or self._child_failed:
                self.sync_pass.observe(values)
            else:
                self.sync_pass.commit_page(cursor, values)
                self.sync_context.write_state()

    @property
    def _incremental(self) -> bool:
        return self.replication_method == REPLICATION_INCREMENTAL

    @property
    def _child_failed(self) -> bool:
        return any(child.failed for child in self.selected_children)

    @property
    def _streams_of_pass(self) -> list[t.Any]:
        return [*([self] if self.selected else []), *self.selected_children]

    def _start_pass(self) -> SyncPass:
        lookback = timedelta(seconds=self.config["lookback_seconds"])
        sync_pass = SyncPass(
            {stream.name: stream.stream_state for stream in self._streams_of_pass},
            replication_key=self.replication_key if self._incremental else None,
            versioned=self.config["emit_activate_version_messages"],
            start_date=self.config.get("start_date"),
            lookback=max(lookback, self.least_lookback),
        )
        if sync_pass.rejected_because:
            self.logger.warning(
                "%s: ignoring the checkpoint in the state, since %s; starting the pass again",
                self.name,
                sync_pass.rejected_because,
            )
        if not self._incremental:
            began = datetime.fromtimestamp(sync_pass.version / 1000, tz=timezone.utc)
            for stream in self._streams_of_pass:
                stream.start_version(sync_pass.version, began)
        return sync_pass
