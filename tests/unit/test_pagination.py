from typing import Any

import pytest
from tap_oncehub.pagination import CursorPaginator, Position

from tap_oncehub.engine.errors import PaginationError
from tap_oncehub.engine.response import JsonResponse
from tests.support import responses

SIZE = 3
FULL = [{"id": f"B-{number}"} for number in range(SIZE)]
SHORT = FULL[:2]
NEXT = '<https://api.oncehub.com/bookings?limit=3&after=B-2>; rel="next"'
PREVIOUS = '<https://api.oncehub.com/bookings?limit=3&before=B-0>; rel="previous"'


def answer(data: Any, link: str | None = None, **envelope: Any) -> JsonResponse:
    headers = {"Link": link} if link else {}
    return responses.answer({"object": "list", "data": data, **envelope}, **headers)


def reading(*pages: JsonResponse, start: Position | None = None) -> CursorPaginator:
    """Give a paginator that has read pages."""
    paginator = CursorPaginator(start, SIZE, "/list")
    for page in pages:
        paginator.advance(page)
    return paginator


def follow(page: JsonResponse, start: Position | None = None) -> str | None:
    """Give the cursor of the next page, None if there is none."""
    paginator = reading(page, start=start)
    return None if paginator.finished else paginator.current_value


def rows(*numbers: int) -> list[dict[str, Any]]:
    return [{"id": f"B-{number}"} for number in numbers]


@pytest.mark.parametrize(
    ("page", "more"),
    [
        # has_more says it
        (answer(FULL, has_more=True), True),
        (answer(SHORT, has_more=True), True),
        (answer(SHORT, has_more=False), False),
        # or Link says it
        (answer(FULL, NEXT), True),
        (answer(SHORT, NEXT), True),
        (answer(FULL, f"{PREVIOUS}, {NEXT}"), True),
        (answer(SHORT, PREVIOUS), False),
        # or neither, which is not known to be true of a page that is exactly full
        (answer(FULL, has_more=False), True),
        (answer(FULL, PREVIOUS, has_more=False), True),
        (answer(FULL, PREVIOUS), True),
        # but for an endpoint that knows no pages
        (answer([*FULL, {"id": "B-3"}], has_more=False), False),
        # where they disagree there is more
        (answer(FULL, NEXT, has_more=False), True),
        (answer(FULL, PREVIOUS, has_more=True), True),
        # where neither says it, only a page that brings nothing is the end
        (answer(FULL), True),
        (answer([*FULL, {"id": "B-3"}]), True),
        (answer(SHORT), True),
        (answer([]), False),
        (answer(FULL, has_more=None), True),
        (answer(SHORT, has_more="no"), True),
        # where there is no way to ask on
        (answer([{}, {}]), False),
        (answer(["a", "b"]), False),
        (answer([{}, {}], '<http://[::1/x?after=b>; rel="next"'), True),
        # a proxy's links say nothing about pages
        (answer(SHORT, '</style.css>; rel="preload"'), True),
    ],
)
def test_whether_there_is_more(page: JsonResponse, *, more: bool) -> None:
    assert CursorPaginator(None, SIZE, "/list").has_more(page) is more


def test_an_empty_page_that_was_promised_is_an_error() -> None:
    with pytest.raises(PaginationError, match="/list announced more objects"):
        follow(answer([], has_more=True))
    with pytest.raises(PaginationError):
        follow(answer([], has_more=False), start=Position("B-9"))
    with pytest.raises(PaginationError):
        follow(answer(rows(9), has_more=True), start=Position("B-8", "B-9"))


def test_a_page_that_nobody_promised_and_that_brings_nothing_is_the_end() -> None:
    for last in (answer(FULL, has_more=False), answer(rows(2), has_more=False)):
        assert reading(answer(FULL, has_more=False), last).finished
        assert reading(answer(FULL), last).finished


def test_the_next_page_begins_with_the_object_that_the_latest_ended_with() -> None:
    paginator = reading(answer(rows(0, 1, 2), has_more=True))
    assert paginator.position == Position("B-1", "B-2", None)

    paginator.advance(answer(rows(2, 3, 4), has_more=True))

    assert paginator.read_before == 1
    assert paginator.position == Position("B-3", "B-4", None)


@pytest.mark.parametrize("page", [[], rows(3, 4, 5), rows(0, 1, 2), rows(1, 2, 3), ["B-2"]])
def test_a_page_that_does_not_follow_the_one_before_is_an_error(page: list[Any]) -> None:
    with pytest.raises(PaginationError, match="after B-1"):
        reading(answer(rows(0, 1, 2), has_more=True), answer(page, has_more=False))


def test_a_cycle_is_an_error() -> None:
    pages = [rows(0, 1, 2), rows(2, 3, 0), rows(0, 1, 2)]

    with pytest.raises(PaginationError, match="sent objects again"):
        reading(*(answer(page, has_more=True) for page in pages))


@pytest.mark.parametrize(
    ("page", "cursor"),
    [
        *((answer([{"id": key}], has_more=True), str(key)) for key in ("B-2", 17, 0, "a/b?c")),
        (answer([{"id": "B-2"}, {"id": "B-9"}], has_more=True), "B-2"),
        # an id goes before the link
        (answer(FULL, '<https://evil.example.com/take?after=B-77>; rel="next"'), "B-1"),
        # of a link to another host only the cursor is taken
        *(
            (answer([row, row], '<https://evil.example.com/x?after=a%2Fb>; rel="next"'), "a/b")
            for row in ({}, {"id": None}, {"id": ""}, {"id": {"a": 1}}, {"id": ["B-2"]})
        ),
    ],
)
def test_the_cursor_is_the_id_of_an_object_or_that_of_the_link(
    page: JsonResponse, cursor: str
) -> None:
    assert follow(page) == cursor


def test_a_promise_without_any_cursor_is_an_error() -> None:
    with pytest.raises(PaginationError):
        follow(answer([{}, {}], '<https://api.oncehub.com/bookings?limit=3>; rel="next"'))
