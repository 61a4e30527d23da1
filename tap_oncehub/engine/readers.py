"""Readers: what comes after a position in a list, page by page.

A reader is a function of a stream and a position that edits no state. Where a page does not
continue the one before, it raises ListMovedError, for the pass to step back.
"""

import typing as t
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from tap_oncehub.engine.errors import EndpointError, RefusedError
from tap_oncehub.engine.response import JsonResponse

Record: t.TypeAlias = dict[str, t.Any]
Request: t.TypeAlias = dict[str, t.Any]
Warn: t.TypeAlias = Callable[[str], None]
Stream: t.TypeAlias = t.Any  # a ResumableStream; its module imports this one
Reader: t.TypeAlias = "staticmethod[[Stream, Position | None], Iterator[Page]]"

CURSOR_SECONDS = 60.0  # of retries with a cursor, before the list is asked from its start
Count = t.Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
_Text = t.Annotated[str, msgspec.Meta(max_length=200)]
_REFUSED_TIME = {400, 422}


class ListMovedError(Exception):
    """A page does not continue the one before, or its cursor is lost."""


class TimeRefusedError(Exception):
    """The list takes no time in its filter."""


class Position(t.NamedTuple):
    """Where the next page begins: with the last object of the page before."""

    after: _Text | None  # the object to ask after; None where the list of a filter has ended
    first: _Text | None = None  # the object that must come first, and is read already, if known
    updated: _Text | None = None  # when that object was last updated
    filter: _Text | None = None  # that the list is read with, as name=value
    objects: Count = 0  # how many came before


class Page(t.NamedTuple):
    """What a reader found."""

    rows: Iterable[Record]  # what to write; to read them may send requests
    objects: Sequence[Record]  # of the list
    position: Position | None  # where the next page begins; None at the end
    response: JsonResponse

    @property
    def ids(self) -> list[str]:
        """The ids of its objects."""
        return [one for found in self.objects if (one := as_id(found.get("id")))]


def as_id(value: t.Any) -> str | None:
    """Return an object's id as text; None if it cannot be one."""
    text = str(value) if isinstance(value, (str, int)) else ""
    return text if text not in {"", ".", ".."} else None  # these would be other addresses


def list_reader(stream: Stream, position: Position | None) -> Iterator[Page]:
    """Read a list, or what is expanded in its objects."""
    may_be_absent = position is None and not stream.source
    try:
        for page in pages_of(stream, position, stream.source or stream.path):
            may_be_absent = False
            yield page
    except RefusedError as error:
        if not may_be_absent or error.status not in stream.documented_refusals:
            raise
        stream.stats.is_absent = True


def object_reader(stream: Stream, position: Position | None) -> Iterator[Page]:
    """Ask once for each object of another list."""
    for page in pages_of(stream, position, stream.source or ""):
        yield page._replace(rows=(row for one in page.ids for row in stream.unread.read(one)))


def filter_reader(stream: Stream, position: Position | None) -> Iterator[Page]:
    """Read a list once for each value of each filter, ids of other lists, in their order."""
    values: set[str] = set()
    for name, path in stream.filters.items():
        for page in pages_of(stream, None, path, timed=False):
            values |= {f"{name}={one}" for one in page.ids}
    for gone in set(stream.unread) - values:
        stream.unread.discard(gone)
    for value in sorted(values):
        inner = position if position and position.filter == value else None
        is_read = inner is not None and inner.after is None
        is_before = position and position.filter and value < position.filter
        # What is unread is read whole, first thing in the next run.
        if is_read or is_before or value in stream.unread:
            continue
        try:
            for page in pages_of(stream, inner, stream.path, value):
                after = page.position or Position(None)
                yield page._replace(position=after._replace(filter=value))
        except EndpointError as error:
            stream.unread.leave_out(value, error)


def single_reader(stream: Stream, _position: Position | None) -> Iterator[Page]:
    """Read an endpoint that answers with one object."""
    response = stream.fetch({})
    yield Page([response.body], [response.body], None, response)


def pages_of(
    stream: Stream,
    position: Position | None,
    path: str,
    value: str = "",  # of a filter, as name=value
    *,
    timed: bool = True,  # asks only for what is newer than the bookmark
) -> Iterator[Page]:
    """Read a list from a position: each page must begin with the last object of the one before."""
    timed = timed and stream.sync_pass.since is not None
    request = {"path": path, "filter": value, "timed": timed}
    paginator, cursor = stream.get_new_paginator(), position.after if position else None
    used: set[str | None] = set()
    before: list[Record] = []
    while True:
        used.add(cursor)
        response = _ask(stream, request, cursor)
        objects = list(stream.parse_response(response))
        following = paginator.get_next(response) if paginator.has_more(response) else None
        if before and objects == before and not paginator.promised:
            return  # an endpoint that knows no pages
        overlap = int(bool(position and position.first))
        if position and overlap and _mark(stream, objects[:1]) != position[1:3]:
            raise ListMovedError(_message(request, "does not continue the page before", cursor))
        before, new = objects, objects[overlap:]
        if following and following in used:
            raise ListMovedError(_message(request, "leads back to an earlier page", cursor))
        if paginator.promised and not following:
            raise ListMovedError(_message(request, "announced more but led nowhere", cursor))
        position = None
        if following:
            known = len(objects) > 1 and as_id(objects[-2].get("id")) == following
            position = Position(following, *(_mark(stream, objects[-1:]) if known else ()))
        if timed:
            new = list(filter(stream.sync_pass.is_wanted, new))
        rows = (row for found in new for row in stream.rows_in(found, value))
        yield Page(rows, new, position, response)
        if position is None:
            return
        cursor = following


def _mark(stream: Stream, objects: Sequence[Record]) -> tuple[str | None, str | None]:
    """Tell an object, and its versions, from others; one that was edited may have moved."""
    found = objects[0] if objects else {}
    updated = found.get(stream.updated_key)
    return as_id(found.get("id")), updated if isinstance(updated, str) else None


def _message(request: Request, what: str, cursor: str | None) -> str:
    return f"{request['path']} {what} (after {cursor or 'the start'})"


def _ask(stream: Stream, request: Request, cursor: str | None) -> t.Any:
    """Return a page. A cursor is lost if its request fails while the first page answers."""
    lost = None
    if cursor is not None:
        try:
            with stream.run.client.patience(CURSOR_SECONDS):
                return stream.fetch(request, cursor)
        except EndpointError as error:
            lost = error
    try:
        response = stream.fetch(request)
    except RefusedError as error:
        if request["timed"] and error.status in _REFUSED_TIME and not stream.sync_pass.dates_only:
            raise TimeRefusedError(str(error)) from error
        raise
    if lost:
        raise ListMovedError(str(lost))
    return response
