"""What no object tells, only a filter: a list, asked for once for each object of others."""

from __future__ import annotations

import typing as t
from urllib.parse import parse_qsl, urlencode

from typing_extensions import override

from tap_oncehub.engine.errors import EndpointError, PaginationError, RefusedError
from tap_oncehub.pagination import CursorPaginator, Position, as_cursor
from tap_oncehub.streams.children import is_refused_object
from tap_oncehub.streams.lists import ListStream

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.streams.rest import HTTPRequest, PageContext

    from tap_oncehub.engine.response import JsonResponse

_PLACE = ("after", "first", "updated")


class FilteredListStream(ListStream):
    """A list that is filtered by each object of other lists in turn.

    A position in the pass is a filter with its value, and where it stands in that list;
    without the latter, the list is read. Values come in the order of their ids, which no
    edit changes.

    Attributes:
        filters: The filters, and the path of the list whose ids each of them takes.
    """

    filters: t.ClassVar[Mapping[str, str]]
    refresh_setting = "per_object_refresh_hours"
    selected_by_default = False
    _refused: RefusedError | None = None
    _listed: bool = False

    @override
    def get_http_request(self, *, page: PageContext[str]) -> HTTPRequest:
        request = super().get_http_request(page=page)
        context = page.stream_context or {}
        if path := context.get("path"):
            request.url = f"{self.url_base}{path}"
            request.params = {"limit": request.params["limit"], "after": request.params["after"]}
        else:
            request.params[context["name"]] = context["value"]
        return request

    @override
    def request_records(self, context: Context | None) -> Iterator[Record]:
        name, value, after = self._position()
        names = list(self.filters)
        for current in names[names.index(name) if name else 0 :]:
            for identifier in self._ids(self.filters[current]):
                if current != name or identifier > value:
                    yield from self._read_list(current, identifier, None)
                elif identifier == value and after:
                    yield from self._read_list(current, identifier, after)
        if self._refused and not self._listed and not self.sync_pass.resumed:
            msg = f"not one of its filters was answered: {self._refused}"
            raise EndpointError(msg)

    def row_of(self, row: Record, name: str, value: str) -> Record:
        """Return what it says that a filter with this value found an object."""
        raise NotImplementedError

    def _position(self) -> tuple[str, str, Position | None]:
        if self.sync_pass.position is None:
            return "", "", None
        position = dict(parse_qsl(self.sync_pass.position.after))
        after, first, updated = (position.pop(name, None) for name in _PLACE)
        if len(position) != 1 or not position.keys() <= self.filters.keys():
            msg = f"{self.path} has no such position as the one in the state"
            raise PaginationError(msg)
        ((name, value),) = position.items()
        return name, value, Position(after, first, updated) if after else None

    def _ids(self, path: str) -> list[str]:
        found: set[str | None] = set()
        paginator = CursorPaginator(None, self.page_size, path)
        while not paginator.finished:
            try:
                response = self._fetch({"path": path}, paginator)
            except RefusedError as error:
                if paginator.current_value is None:
                    raise
                raise PaginationError(str(error)) from None
            found.update(as_cursor(row.get("id")) for row in self.parse_response(response))
        return sorted(identifier for identifier in found if identifier)

    def _read_list(self, name: str, value: str, start: Position | None) -> Iterator[Record]:
        paginator = CursorPaginator(start, self.page_size, self.path)
        while not paginator.finished:
            cursor = paginator.current_value
            try:
                response = self._fetch({"name": name, "value": value}, paginator)
            except RefusedError as error:
                if cursor or not is_refused_object(error) or self._is_filter_refused(error):
                    raise
                text = f"filters by {name} skipped: refused by OnceHub ({error.status})"
                self.sync_context.notices.add(self.name, text, value)
                self.sync_pass.mark_incomplete(self.name)
                self._refused = error
                return
            self._listed = True
            rows = self.parse_response(response)[paginator.read_before :]
            yield from (self.row_of(row, name, value) for row in rows)
            position = {name: value}
            if paginator.position and not paginator.finished:
                place = zip(_PLACE, paginator.position, strict=True)
                position |= {name: text for name, text in place if text is not None}
            values = [row.get(self.replication_key or "") for row in rows]
            self.sync_pass.commit_page(Position(urlencode(position)), values)
            self.sync_context.write_state()

    def _fetch(self, context: Context, paginator: CursorPaginator) -> JsonResponse:
        response = self.fetch(context, paginator.current_value)
        paginator.advance(response)
        self.sync_pass.mark_started(response.sent_at, dated=response.date is not None)
        return response
