"""Times of any form are written in UTC, with their precision; what is no time is none."""

from datetime import datetime, timedelta, timezone

import pytest

from tap_oncehub.engine.times import milliseconds, moment_of, utc_text

UTC = timezone.utc
WRITTEN = {
    " 2026-01-31T12:34:56z\n": "2026-01-31T12:34:56Z",
    "2026-01-31 12:34:56 Z": "2026-01-31T12:34:56Z",
    "2026-01-31T12:34:56": "2026-01-31T12:34:56Z",
    "2026-01-31T12:34:56-08": "2026-01-31T20:34:56Z",
    "2026-01-31T12:34+01:00": "2026-01-31T11:34:00Z",
    "2026-01-31": "2026-01-31T00:00:00Z",
    "2024-03-01T00:30:00+01:00": "2024-02-29T23:30:00Z",
    "2026-01-31T12:34:56,500Z": "2026-01-31T12:34:56.500Z",
    "2026-01-31T12:34:56.000+0530": "2026-01-31T07:04:56.000Z",
    "2026-01-31T12:34:56." + "9" * 30 + "Z": "2026-01-31T12:34:56." + "9" * 30 + "Z",
    "0001-01-01T00:00:00-01:00": "0001-01-01T01:00:00Z",
    "9999-12-31T23:59:59.9999999Z": "9999-12-31T23:59:59.9999999Z",
}
NO_TIMES = (
    *("", "now", "12:34:56", "1767225600", "2026", "2026-01", "2026-1-31", "20260131T123456Z"),
    *("2026-00-01", "2026-13-01", "2026-02-29", "0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z"),
    *("0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"),
    *("2026-01-31Z", "2026-01-31T", "2026-01-31T12", "2026-01-31T12:34.5Z"),
    *("2026-01-31T24:00:00Z", "2026-01-31T12:60:00Z", "2026-12-31T23:59:60Z"),
    *(f"2026-01-31T12:34:56{end}" for end in (".Z", "ZZ", " CET", "+2:00", "+24:00", "+01:60")),
    *("2026-01-31T12:34:56.\u0665Z", "\u0662\u0660\u0662\u0666-01-31T12:34:56Z"),
)


@pytest.mark.parametrize(("text", "written"), [*WRITTEN.items(), *((no, None) for no in NO_TIMES)])
def test_time_is_written_in_utc_with_its_precision(text: str, written: str | None) -> None:
    assert utc_text(text) == written
    whole, _, fraction = (written or "").rstrip("Z").partition(".")
    moment = datetime.fromisoformat(f"{whole}+00:00") if written else None
    microsecond = int(fraction[:6].ljust(6, "0"))
    assert moment_of(text) == (moment.replace(microsecond=microsecond) if moment else None)


def test_filter_is_written_in_milliseconds_rounded_down() -> None:
    moment = datetime(2026, 1, 1, 1, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=2)))
    assert milliseconds(moment) == "2025-12-31T23:00:00.999Z"
    assert milliseconds(datetime(1, 1, 1, tzinfo=UTC)) == "0001-01-01T00:00:00.000Z"
