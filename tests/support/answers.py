"""The answers to the questions of docs/query.md, computed from what the marts should hold."""

from __future__ import annotations

import re
import statistics
import typing as t
from collections import Counter, defaultdict
from datetime import timedelta

from tests.support import models
from tests.support.programs import ROOT

Answer: t.TypeAlias = "Counter[tuple[t.Any, ...]]"


def questions() -> dict[str, str]:
    """Give the SQL of each question, by its heading."""
    page = ROOT.joinpath("docs/query.md").read_text("utf-8")
    found = re.findall(r"^### ([^\n]+\?)$.*?^```sql\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    return dict(found)


def answers(streams: models.Streams) -> dict[str, Answer]:
    """Compute the answers, by the headings of the questions."""
    every = list(models.bookings(streams).values())
    met = [b for b in every if b["is_completed"]]
    firsts = [b for b in every if b["is_first_of_chain"]]
    over = [b for b in every if not b["is_open"] and not b["is_rescheduled"]]
    known = [b for b in firsts if b["utm_source"]]
    chains = by(every, lambda b: b["first_booking_id"])
    return {
        "How many meetings take place each month?": Counter(
            (month, len(found)) for month, found in by(met, lambda b: day(b, "month")).items()
        ),
        "By whom?": Counter(
            (who, len(found), total(found))
            for who, found in by(met, lambda b: b["host_names"] or b["owner_name"]).items()
        ),
        "How far ahead do customers book?": Counter(
            (name, median(b["lead_time_hours"] for b in found))
            for name, found in by(firsts, lambda b: b["booked_on_name"]).items()
        ),
        "How many are canceled or not attended?": Counter(
            (name, len(found), percent(found, "is_canceled"), percent(found, "is_no_show"))
            for name, found in by(over, lambda b: b["booked_on_name"]).items()
        ),
        "Which campaign brings meetings that take place?": Counter(
            (*key, len(found), sum(b["is_completed"] for b in found))
            for key, found in by(known, lambda b: (b["utm_source"], b["utm_campaign"])).items()
        ),
        "What lies ahead, week by week?": Counter(
            (*key, len(found), total(found))
            for key, found in by(
                [b for b in every if b["is_open"]], lambda b: (day(b, "week"), b["owner_name"])
            ).items()
        ),
        "Who comes back?": Counter(
            Counter(c["completed_bookings"] for c in models.contacts(streams).values()).items()
        ),
        "How often is a meeting moved?": Counter(
            Counter(max(b["reschedules"] for b in found) for found in chains.values()).items()
        ),
        "Who cancels, and why?": Counter(
            (*key, len(found))
            for key, found in by(
                [b for b in every if b["is_canceled"]],
                lambda b: (b["canceled_by"], b["cancel_reason"]),
            ).items()
        ),
    }


def by(
    rows: list[models.Row], key: t.Callable[[models.Row], t.Any]
) -> dict[t.Any, list[models.Row]]:
    """Group rows."""
    groups = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups


def day(booking: models.Row, unit: str) -> str | None:
    """Give the first day of the month or week in which a meeting starts."""
    time = booking["starting_time"]
    if time is None:
        return None
    back = time.weekday() if unit == "week" else time.day - 1
    return str((time - timedelta(days=back)).date())


def total(rows: list[models.Row]) -> int | None:
    """Add up the minutes of meetings; there is no sum of nothing."""
    minutes = [row["duration_minutes"] for row in rows if row["duration_minutes"] is not None]
    return sum(minutes) if minutes else None


def percent(rows: list[models.Row], flag: str) -> float:
    """Give the share of rows that have a flag."""
    return round(100 * sum(row[flag] for row in rows) / len(rows), 6)


def median(values: t.Iterable[float | None]) -> float | None:
    """Give the median of what is known."""
    known = [value for value in values if value is not None]
    return round(statistics.median(known), 6) if known else None
