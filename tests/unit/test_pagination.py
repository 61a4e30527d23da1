import json
from collections import Counter
from typing import Any

import pytest
import requests

from tap_oncehub.api.pagination import CursorPaginator
from tap_oncehub.api.response import OnceHubResponse
from tap_oncehub.errors import PaginationError

SIZE = 3
FULL = [{"id": f"B-{number}"} for number in range(SIZE)]
SHORT = FULL[:2]
NEXT = '<https://api.oncehub.com/bookings?limit=3&after=B-2>; rel="next"'
PREVIOUS = '<https://api.oncehub.com/bookings?limit=3&before=B-0>; rel="previous"'


def answer(data: Any, link: str | None = None, **envelope: Any) -> OnceHubResponse:
    made = OnceHubResponse(requests.Response())
    made.status_code = 200
    made._content = json.dumps({"object": "list", "data": data, **envelope}).encode()
    if link is not None:
        made.headers["Link"] = link
    return made


def follow(page: OnceHubResponse, start: str | None = None) -> str | None:
    """Give the cursor of the next page, None if there is none."""
    paginator = CursorPaginator(start, SIZE, "/list")
    paginator.advance(page)
    return None if paginator.finished else paginator.current_value


def test_a_list_is_read_from_its_start_or_after_an_object() -> None:
    assert CursorPaginator(None, SIZE, "/list").current_value is None
    assert CursorPaginator("B-9", SIZE, "/list").current_value == "B-9"
    assert not CursorPaginator("B-9", SIZE, "/list").finished


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
        (answer([*SHORT, "B-2"], has_more=False), False),
        # where they disagree there is more
        (answer(FULL, NEXT, has_more=False), True),
        (answer(FULL, PREVIOUS, has_more=True), True),
        # where neither says it, a full page may be followed by another
        (answer(FULL), True),
        (answer([*FULL, {"id": "B-3"}]), True),
        (answer(SHORT), False),
        (answer([]), False),
        (answer(FULL, has_more=None), True),
        (answer(SHORT, has_more="no"), False),
        # a proxy's links say nothing about pages
        (answer(FULL, '</style.css>; rel="preload"'), True),
        (answer(SHORT, '</style.css>; rel="preload"'), False),
    ],
)
def test_whether_there_is_more(page: OnceHubResponse, *, more: bool) -> None:
    assert CursorPaginator(None, SIZE, "/list").has_more(page) is more


def test_an_empty_page_that_was_promised_is_an_error() -> None:
    with pytest.raises(PaginationError, match="/list promises more objects"):
        follow(answer([], has_more=True))
    with pytest.raises(PaginationError):
        follow(answer([], has_more=False), start="B-9")


def test_an_empty_page_that_nobody_promised_is_the_end() -> None:
    paginator = CursorPaginator(None, SIZE, "/list")
    paginator.advance(answer(FULL, has_more=False))
    assert paginator.current_value == "B-2"
    paginator.advance(answer([], has_more=False))
    assert paginator.finished


def test_a_full_page_that_comes_again_without_a_promise_is_the_end() -> None:
    paginator = CursorPaginator(None, SIZE, "/list")
    paginator.advance(answer(FULL, has_more=False))
    paginator.advance(answer(FULL, has_more=False))
    assert paginator.finished


def test_a_cursor_that_comes_again_is_an_error() -> None:
    seen: Counter[str | None] = Counter()
    paginator = CursorPaginator(None, SIZE, "/list", seen)
    paginator.advance(answer(FULL, has_more=True))

    with pytest.raises(PaginationError, match="after B-2"):
        paginator.advance(answer(FULL, has_more=True))
    assert set(seen) == {None, "B-2"}


def test_a_cycle_is_an_error_but_an_object_that_was_moved_is_none() -> None:
    paginator = CursorPaginator(None, SIZE, "/list", visits=4)
    pages = [answer(FULL, has_more=True), answer([*SHORT, {"id": "B-7"}], has_more=True)]
    for page in pages * 4:
        paginator.advance(page)

    with pytest.raises(PaginationError, match="sends objects again"):
        paginator.advance(pages[0])


def test_a_bare_list_has_no_more_pages() -> None:
    page = answer([])
    page._content = json.dumps(["a", "b", "c"]).encode()

    assert follow(page) is None


@pytest.mark.parametrize(
    ("last", "cursor"),
    [({"id": "B-2"}, "B-2"), ({"id": 17}, "17"), ({"id": 0}, "0"), ({"id": "a/b?c"}, "a/b?c")],
)
def test_the_cursor_is_the_id_of_the_last_object(last: dict[str, Any], cursor: str) -> None:
    assert follow(answer([*SHORT, last], has_more=True)) == cursor


@pytest.mark.parametrize("last", [{}, {"id": None}, {"id": ""}, {"id": {"a": 1}}, {"id": ["B-2"]}])
def test_without_a_usable_id_the_query_of_the_link_decides(last: dict[str, Any]) -> None:
    page = answer([*SHORT, last], '<https://api.oncehub.com/x?after=a%2Fb&limit=3>; rel="next"')

    assert follow(page) == "a/b"


def test_a_promise_without_any_cursor_is_an_error() -> None:
    page = answer([*SHORT, {}], '<https://api.oncehub.com/bookings?limit=3>; rel="next"')

    with pytest.raises(PaginationError):
        follow(page)


def test_of_a_link_to_another_host_only_the_cursor_is_taken() -> None:
    page = answer([*SHORT, {}], '<https://evil.example.com/take?after=B-2>; rel="next"')

    assert follow(page) == "B-2"


def test_an_id_goes_before_the_link() -> None:
    page = answer(FULL, '<https://evil.example.com/take?after=B-77>; rel="next"')

    assert follow(page) == "B-2"
