"""Times in ISO 8601: parsed and written in one place."""

import re
import typing as t
from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone

import msgspec

_USUAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z", re.ASCII)
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)"
    r"(?:[Tt ](\d\d:\d\d)(?:(:\d\d)(?:[.,](\d+))?)?\s?([Zz]|[+-]\d\d(?::?\d\d)?)?)?",
    re.ASCII,
)
_BEYOND_MICROSECONDS = re.compile(r"(?<=\.\d{6})\d+")


def moment_of(value: t.Any) -> datetime | None:
    """Read an ISO 8601 time to the microsecond, rounded down; None if the value is none.

    One without a zone is UTC, a date is its midnight.
    """
    if not isinstance(value, str):
        return None
    normal = value if _USUAL.fullmatch(value) else utc_text(value)
    return None if normal is None else _decode(_BEYOND_MICROSECONDS.sub("", normal))


def utc_text(text: str) -> str | None:
    """Write an ISO 8601 time in UTC with ``Z`` and the precision it has; None if it is none."""
    if _USUAL.fullmatch(text) and _decode(text):
        return text
    match = _TIME.fullmatch(text.strip())
    if match is None:
        return None
    day, minutes, seconds, fraction, offset = match.groups()
    hours_only = len(offset or "") == len("+02")
    offset = f"{offset}:00" if hours_only else offset or "Z"
    moment = _decode(f"{day}T{minutes or '00:00'}{seconds or ':00'}{offset}")
    if moment is None:
        return None
    tail = f".{fraction}Z" if fraction else "Z"
    return moment.replace(tzinfo=None).isoformat(timespec="seconds") + tail


def milliseconds(moment: datetime) -> str:
    """Write a time in UTC in whole milliseconds, as filters take it."""
    utc = moment.astimezone(timezone.utc).replace(tzinfo=None)
    return utc.isoformat(timespec="milliseconds") + "Z"


def before(moment: datetime, span: timedelta) -> datetime:
    """Return an earlier time, or the earliest that there is."""
    try:
        return moment - span
    except OverflowError:
        return datetime.min.replace(tzinfo=timezone.utc)


def day_before(text: str) -> str:
    """Write the date of the day before a time, as milliseconds() writes it."""
    ordinal = date.fromisoformat(text[:10]).toordinal()
    return date.fromordinal(max(1, ordinal - 1)).isoformat()


def latest(texts: Sequence[str | None]) -> str | None:
    """Return the text of the latest time, passing over what is none."""
    return max(_times(texts), default=(None, None))[1]


def earliest(texts: Sequence[str | None]) -> str | None:
    """Return the text of the earliest time, passing over what is none."""
    return min(_times(texts), default=(None, None))[1]


def _times(texts: Sequence[str | None]) -> list[tuple[datetime, str]]:
    return [(moment, text) for text in texts if text and (moment := moment_of(text))]


def _decode(text: str) -> datetime | None:
    try:
        return msgspec.convert(text, datetime).astimezone(timezone.utc)
    except (msgspec.ValidationError, OverflowError):
        return None
