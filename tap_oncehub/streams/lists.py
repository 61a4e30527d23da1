"""Lists: read page by page, resumable after every page."""

from __future__ import annotations

import typing as t
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from itertools import islice

from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL

from tap_oncehub.api.pagination import CursorPaginator, as_cursor
from tap_oncehub.errors import DeadEndError, RequestRefusedError
from tap_oncehub.state.checkpoint import Pass
from tap_oncehub.streams.children import ParentStream

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.streams.rest import HTTPRequest, PageContext

    from tap_oncehub.api.response import Answer

_CURSOR_REFUSALS = {400, 404, 410, 422}


class _LostCursorError(Exception):
    """A cursor led nowhere; the reason is an error that a person can read."""

    def __init__(self, reason: Exception) -> None:
        super().__init__(str(reason))
        self.reason = reason


class ListStream(ParentStream):
    """A list endpoint.

    Attributes:
        least_lookback: How far an incremental sync must go back at least.
    """

    records_jsonpath = "$.data[*]"
    least_lookback: t.ClassVar[timedelta] = timedelta(0)
    position: Pass

    def get_new_paginator(self) -> CursorPaginator:  # type: ignore[override]
        """A cursor that begins where the pass stands."""
        return CursorPaginator(self.position.cursor, self.config["page_size"])

    def get_http_request(self, *, page: PageContext[str]) -> HTTPRequest:
        """Ask for a page of what has changed since the pass's start.

        Args:
            page: The cursor.
        """
        request = super().get_http_request(page=page)
        request.params["limit"] = self.config["page_size"]
        request.params["after"] = page.next_page_token
        if self.position.since:
            request.params[f"{self.replication_key}.gt"] = self.position.since
        return request

    def check_body(self, body: t.Any) -> str | None:
        """A list must hold a list of objects in ``data``.

        Args:
            body: The decoded body.
        """
        data = body.get("data") if isinstance(body, dict) else None
        if not isinstance(data, list):
            return "the answer holds no list in data"
        if not all(isinstance(row, dict) for row in data):
            return "the list in data holds something that is no object"
        return None

    def parse_response(self, response: Answer) -> list[Record]:  # type: ignore[override]
        """Give the objects of a page.

        Args:
            response: The answer.
        """
        return t.cast("list[Record]", response.body["data"])

    def get_records(self, context: Context | None) -> Iterator[Record]:
        """Read the list to its end, from where an earlier run was killed.

        Args:
            context: Not used.
        """
        self.position = self._open_pass()
        with ExitStack() as children:
            for child in self._children:
                children.enter_context(child.taking_part())
            yield from self._read(context)
        if self._must_repeat:
            self.position.abandon()
        else:
            self._close_pass()
        self._tap.save()

    def _read(self, context: Context | None) -> Iterator[Record]:
        """Read pages; where a cursor leads nowhere, go back to an earlier one."""
        self._visited: set[str | None] = {self.position.cursor}
        given_up: set[str | None] = set()
        while True:
            try:
                yield from self.request_records(context)
            except _LostCursorError as lost:  # noqa: PERF203  # once in a blue moon
                cursor = self.position.cursor
                if cursor in given_up or not self.position.step_back():
                    raise lost.reason from None
                given_up.add(cursor)
                self._visited.discard(cursor)
                if self.position.cursor is None:
                    self._visited.clear()
                self.logger.warning("%s; going back to an earlier page", lost)
            else:
                return

    def request_records(self, context: Context | None) -> Iterator[Record]:
        """Read pages from where the pass stands, noting each one that is written.

        Args:
            context: Not used.
        """
        paginator = self.get_new_paginator()
        expected = paginator.current_value is not None
        while not paginator.finished:
            answer = self._page(context, paginator.current_value)
            rows = self.parse_response(answer)
            self._turn(paginator, answer, rows, expected=expected)
            expected = paginator.promised
            self.position.started(answer.sent_at)
            yield from self._written(rows, paginator)

    def _page(self, context: Context | None, cursor: str | None) -> Answer:
        try:
            return self.fetch(context, cursor)
        except RequestRefusedError as error:
            if cursor is None or error.status not in _CURSOR_REFUSALS:
                raise
            raise _LostCursorError(error) from None

    def _turn(
        self,
        paginator: CursorPaginator,
        answer: Answer,
        rows: list[Record],
        *,
        expected: bool,
    ) -> None:
        """Find the next page; refuse one that cannot lead anywhere."""
        before = paginator.current_value
        nowhere = None
        if not rows and (paginator.has_more(answer) or expected):
            nowhere = "promises more objects and then sends none"
        elif paginator.has_more(answer):
            following = paginator.get_next(answer)
            if following is None:
                nowhere = "promises more objects without a way to them"
            elif following in self._visited:
                nowhere = "sends objects again that were on an earlier page"
            self._visited.add(following)
        if nowhere:
            reason = f"{self.path} {nowhere} (after {before or 'the start'})"
            raise _LostCursorError(DeadEndError(reason))
        paginator.advance(answer)

    def _written(self, rows: list[Record], paginator: CursorPaginator) -> Iterator[Record]:
        """Give a page's objects; the state follows what is written.

        Where children are read, every object costs requests, so that the state
        follows each one. It stays where it is once a child has failed: a run that
        goes on must read again what the child missed.
        """
        remaining = iter(rows)
        while chunk := list(islice(remaining, 1 if self._children else None)):
            yield from chunk
            last = chunk[-1]
            self.tally.back_to = str(last.get("creation_time") or "") or None
            values = [row.get(self.replication_key or "") for row in chunk]
            cursor = as_cursor(last.get("id"))
            if last is rows[-1]:
                cursor = None if paginator.finished else paginator.current_value
            if cursor is None or self._child_failed:
                self.position.saw(values)
            else:
                self.position.reached(cursor, values)
                self._tap.save()

    @property
    def _incremental(self) -> bool:
        return self.replication_method == REPLICATION_INCREMENTAL

    @property
    def _must_repeat(self) -> bool:
        """Whether children miss rows that no later pass would bring."""
        return self._incremental and self._child_failed

    def _open_pass(self) -> Pass:
        lookback = timedelta(seconds=self.config["lookback_seconds"])
        position = Pass(
            {stream.name: stream.stream_state for stream in self._taking_part},
            replication_key=self.replication_key if self._incremental else None,
            versioned=self.config["emit_activate_version_messages"],
            start_date=self.config.get("start_date"),
            lookback=max(lookback, self.least_lookback),
        )
        if position.refusal:
            msg = "The checkpoint in the state is not used: %s; the pass starts again"
            self.logger.warning(msg, position.refusal)
        if not self._incremental:
            began = datetime.fromtimestamp(position.version / 1000, tz=timezone.utc)
            for stream in self._taking_part:
                stream.open_version(position.version, began)
        return position

    def _close_pass(self) -> None:
        for stream in self._taking_part:
            stream.close_version()
        self.position.finish()
