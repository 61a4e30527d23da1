"""Query strings, read strictly: the sandbox shows a client its mistakes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from sandbox.answers import invalid
from sandbox.data import times

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.streams import Stream

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_DIGITS = re.compile(r"[0-9]{1,9}")
_DEFAULT_LIMIT = 10
_MOST = 100


@dataclass(frozen=True)
class Question:
    """What somebody wants to know about a list.

    Attributes:
        limit: objects on a page.
        cursor: the id after which the page is; None for the first page.
        equal: filters for equality.
        times: filters by time: field, strict lower and strict upper bound in ticks.
        expand: fields that hold the object in place of its id.
    """

    limit: int = _DEFAULT_LIMIT
    cursor: str | None = None
    equal: tuple[tuple[str, str], ...] = ()
    times: tuple[tuple[str, int, int], ...] = ()
    expand: tuple[str, ...] = ()


def parse(query: str) -> dict[str, str]:
    """Split a query string."""
    if not query:  # which is malformed to Python 3.10
        return {}
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError as error:
        message = "The query string is malformed."
        raise invalid(message) from error
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            message = f"Received parameter twice: {name}"
            raise invalid(message, name)
        found[name] = value
    return found


def only(query: dict[str, str], known: Iterable[str]) -> None:
    """Refuse parameters that are not documented."""
    known = set(known)
    for name in query:
        if name not in known:
            message = f"Received unknown parameter: {name}"
            raise invalid(message, name)


def moment(query: dict[str, str], name: str) -> int | None:
    """Read a time parameter."""
    if name not in query:
        return None
    found = times.parse(query[name])
    if found is None:
        message = f"Invalid date: '{query[name]}'"
        raise invalid(message, name)
    return found


def expansions(query: dict[str, str], known: Iterable[str], prefix: str = "") -> tuple[str, ...]:
    """Read which fields are to hold objects; those of a list may begin with a prefix."""
    if "expand" not in query:
        return ()
    names = [name.removeprefix(prefix) for name in query["expand"].split(",")]
    for name in names:
        if name not in known:
            message = f"This property cannot be expanded: {name}"
            raise invalid(message, "expand")
    return tuple(names)


def question(
    query: dict[str, str], stream: Stream, time_filters: str, expandable: tuple[str, ...]
) -> Question:
    """Read the parameters of a list."""
    bounds = [f"{name}.{end}" for name in stream.times for end in ("gt", "lt")]
    expand = ("expand",) if expandable else ()
    only(query, ("limit", "after", *stream.filters, *bounds, *expand))
    ranges = (_range(query, name, time_filters) for name in stream.times)
    return Question(
        limit=_limit(query.get("limit")),
        cursor=query.get("after"),
        equal=tuple((name, query[name]) for name in stream.filters if name in query),
        times=tuple(found for found in ranges if found),
        expand=expansions(query, expandable, "data."),
    )


def _limit(text: str | None) -> int:
    if text is None:
        return _DEFAULT_LIMIT
    if not _DIGITS.fullmatch(text) or not 1 <= int(text) <= _MOST:
        message = f"limit must be a number from 1 to {_MOST}."
        raise invalid(message, "limit")
    return int(text)


def _range(query: dict[str, str], name: str, time_filters: str) -> tuple[str, int, int] | None:
    ends = (f"{name}.gt", f"{name}.lt")
    for end in ends if time_filters in {"dates", "days"} else ():
        if end in query and not _DATE.fullmatch(query[end]):
            message = f"Invalid date: '{query[end]}'"
            raise invalid(message, end)
    low, high = (moment(query, end) for end in ends)
    if low is None and high is None:
        return None
    if low is not None and high is not None and low > high:
        message = f"{name}.gt must not be later than {name}.lt."
        raise invalid(message, f"{name}.gt")
    if time_filters in {"days", "whole_days"} and low is not None:
        low += times.DAY - 1 - low % times.DAY
    beyond = 1 << 62
    return name, -beyond if low is None else low, beyond if high is None else high
