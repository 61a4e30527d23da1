import json
from typing import Any

import pytest

from tap_oncehub.api.pagination import CursorPaginator
from tap_oncehub.api.response import Answer

SIZE = 3
FULL = [{"id": f"B-{number}"} for number in range(SIZE)]
SHORT = FULL[:2]
NEXT = '<https://api.oncehub.com/bookings?limit=3&after=B-2>; rel="next"'
PREVIOUS = '<https://api.oncehub.com/bookings?limit=3&before=B-0>; rel="previous"'


def answer(data: Any, link: str | None = None, **envelope: Any) -> Answer:
    made = Answer()
    made.status_code = 200
    made._content = json.dumps({"object": "list", "data": data, **envelope}).encode()
    if link is not None:
        made.headers["Link"] = link
    return made


def follow(page: Answer, start: str | None = None) -> str | None:
    """Give the cursor of the next page, None if there is none."""
    paginator = CursorPaginator(start, SIZE)
    paginator.advance(page)
    return None if paginator.finished else paginator.current_value


def test_a_list_is_read_from_its_start_or_after_an_object() -> None:
    assert CursorPaginator(None, SIZE).current_value is None
    assert CursorPaginator("B-9", SIZE).current_value == "B-9"
    assert not CursorPaginator("B-9", SIZE).finished


@pytest.mark.parametrize(
    ("page", "more", "promised"),
    [
        # has_more says it
        (answer(FULL, has_more=True), True, True),
        (answer(SHORT, has_more=True), True, True),
        (answer(FULL, has_more=False), False, False),
        (answer(FULL, PREVIOUS, has_more=False), False, False),
        # or Link says it
        (answer(FULL, NEXT), True, True),
        (answer(SHORT, NEXT), True, True),
        (answer(FULL, f"{PREVIOUS}, {NEXT}"), True, True),
        (answer(FULL, PREVIOUS), False, False),
        # where they disagree there is more
        (answer(FULL, NEXT, has_more=False), True, True),
        (answer(FULL, PREVIOUS, has_more=True), True, True),
        # where neither says it, a full page may be followed by another
        (answer(FULL), True, False),
        (answer([*FULL, {"id": "B-3"}]), True, False),
        (answer(SHORT), False, False),
        (answer([]), False, False),
        (answer(FULL, has_more=None), True, False),
        (answer(SHORT, has_more="no"), False, False),
        # a proxy's links say nothing about pages
        (answer(FULL, '</style.css>; rel="preload"'), True, False),
        (answer(SHORT, '</style.css>; rel="preload"'), False, False),
    ],
)
def test_whether_there_is_more(page: Answer, *, more: bool, promised: bool) -> None:
    paginator = CursorPaginator(None, SIZE)

    assert paginator.has_more(page) is more
    assert paginator.promised is promised


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


def test_without_any_cursor_there_is_no_next_page() -> None:
    page = answer([*SHORT, {}], '<https://api.oncehub.com/bookings?limit=3>; rel="next"')

    paginator = CursorPaginator(None, SIZE)

    assert paginator.has_more(page)
    assert paginator.get_next(page) is None


def test_of_a_link_to_another_host_only_the_cursor_is_taken() -> None:
    page = answer([*SHORT, {}], '<https://evil.example.com/take?after=B-2>; rel="next"')

    assert follow(page) == "B-2"


def test_an_id_goes_before_the_link() -> None:
    page = answer(FULL, '<https://evil.example.com/take?after=B-77>; rel="next"')

    assert follow(page) == "B-2"
