"""The answers to the questions of docs/query.md, computed from what the marts should hold."""

from __future__ import annotations

import re
import statistics
import typing as t
from collections import Counter, defaultdict
from datetime import datetime, timedelta, timezone

from tests.support import models
from tests.support.programs import ROOT

Answer: t.TypeAlias = "Counter[tuple[t.Any, ...]]"


def questions() -> dict[str, str]:
    """Give the SQL of each question, by its heading."""
    page = ROOT.joinpath("docs/query.md").read_text("utf-8")
    found = re.findall(r"^### ([^\n]+\?)$.*?^```sql\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    return dict(found)


def answers(streams: models.Streams, read_at: datetime | None) -> dict[str, Answer]:
    """Compute the answers, by the headings of the questions; slots were read at a time."""
    every = list(models.bookings(streams).values())
    contacts = list(models.contacts(streams).values())
    meetings = [b for b in every if not b["is_replaced"]]
    held = [b for b in meetings if b["is_completed"]]
    due = [b for b in meetings if not b["is_canceled"]]
    firsts = [b for b in every if b["is_first_of_chain"]]
    over = [b for b in meetings if not b["is_open"]]
    known = [b for b in firsts if b["utm_source"]]
    paid = [b for b in meetings if b["chain_payment_amount"] is not None]
    waiting = [b for b in every if b["status"] == "requested"]
    return {
        "How many meetings take place each month?": Counter(
            (month, sessions(found), len(found))
            for month, found in by(held, lambda b: day(b, "month")).items()
        ),
        "By whom?": Counter(
            (who, sessions(found))
            for who, found in by(held, lambda b: b["host_names"] or b["owner_name"]).items()
        ),
        REPORT: report(every, "owner_name", "starting_time"),
        "How far ahead do customers book?": Counter(
            (name, median(b["lead_time_hours"] for b in found))
            for name, found in by(firsts, lambda b: b["booked_on_name"]).items()
        ),
        "How many are canceled or not attended?": Counter(
            (name, len(found), percent(found, "is_canceled"), percent(found, "is_no_show"))
            for name, found in by(over, lambda b: b["booked_on_name"]).items()
        ),
        "Which campaign brings meetings that take place?": Counter(
            (*key, len(found), sum(b["chain_status"] == "completed" for b in found))
            for key, found in by(known, lambda b: (b["utm_source"], b["utm_campaign"])).items()
        ),
        "What lies ahead, week by week?": Counter(
            (*key, sum(not b["is_replaced"] for b in found), total(found))
            for key, found in by(
                [b for b in every if b["is_open"]], lambda b: (day(b, "week"), b["owner_name"])
            ).items()
        ),
        "Where is there room, and where not?": capacity(streams, read_at),
        "Which requests wait for approval, and how long?": Counter(
            (b["booking_id"], b["owner_name"], day(b, "day"), age(b["creation_time"]))
            for b in waiting
        ),
        "How many leads come to a meeting, and how soon?": Counter(
            (
                *key,
                len(found),
                sum(c["is_engaged"] for c in found),
                median(c["hours_to_engagement"] for c in found),
            )
            for key, found in by(contacts, lambda c: (c["owner_name"], c["status"])).items()
        ),
        "Who comes back?": Counter(Counter(c["held_meetings"] for c in contacts).items()),
        "How often is a meeting moved?": Counter(
            (status, len(found), percent(found, "was_moved"))
            for status, found in by(meetings, lambda b: b["status"]).items()
        ),
        "Who cancels, and why?": Counter(
            (*key, len(found))
            for key, found in by(
                [b for b in meetings if b["is_canceled"]],
                lambda b: (b["canceled_by"], b["cancel_reason"]),
            ).items()
        ),
        "What was paid?": Counter(
            (*key, len(found), sum(b["chain_payment_amount"] for b in found))
            for key, found in by(
                paid, lambda b: (b["chain_payment_currency"], b["chain_status"])
            ).items()
        ),
        "How full are group sessions?": Counter(
            (*key, sessions(found))
            for key, found in by(
                [b for b in every if (b["seats"] or 0) > 1],
                lambda b: (b["booked_on_name"], b["seats"]),
            ).items()
        ),
        "At what hour of their day do people meet?": Counter(
            (*key, len(found))
            for key, found in by(
                due,
                lambda b: (hour(b["customer_starting_time"]), hour(b["owner_starting_time"])),
            ).items()
        ),
        "Do text messages arrive?": messages(streams["sms_notifications"]),
    }


REPORT = "What do OnceHub's own reports show?"


def report(bookings: list[models.Row], dimension: str, time: str) -> Answer:
    """Count bookings of a year as OnceHub's reports do."""
    year_ago = datetime.now(timezone.utc).date() - timedelta(days=365)
    return Counter(
        (*key, len(found))
        for key, found in by(
            [
                b
                for b in bookings
                if not b["is_replaced"]
                and b[time] is not None
                and b[time].date() >= year_ago
                and (time == "creation_time" or b["status"] not in {None, "requested"})
            ],
            lambda b: (b[dimension], b["status"]),
        ).items()
    )


def capacity(streams: models.Streams, read_at: datetime | None) -> Answer:
    """Say of each calendar, weekday and hour whether it is over- or underused."""
    names = {row["id"]: row["name"] for row in streams["booking_calendars"]}
    found: Answer = Counter()
    for (calendar, weekday, hour), slots in models.capacity(streams, read_at).items():
        share = slots[1] / sum(slots)
        usage = "overused" if share >= _OVER else "underused" if share <= _UNDER else None
        found[(names[calendar], weekday, hour, *slots, usage)] += 1
    return found


_OVER, _UNDER = 0.8, 0.2


def messages(rows: list[models.Row]) -> Answer:
    """Count text messages, their segments, and those of which it is known that they arrived."""
    found = Counter()
    for month, group in by(rows, lambda m: day(m, "month", "creation_time")).items():
        segments = [
            segments
            for message in group
            if (segments := (message["details"] or {}).get("segment_count")) is not None
        ]
        final = [m for m in group if m["status"] != "sent"]
        arrived = (
            100 * sum(m["status"] == "delivered" for m in final) / len(final) if final else None
        )
        share = None if arrived is None else round(arrived, 6)
        found[month, len(group), sum(segments) if segments else None, share] += 1
    return found


def sessions(bookings: list[models.Row]) -> int:
    """Count meetings: a group session once."""
    return len({b["session_id"] for b in bookings})


def hour(time: datetime | None) -> int | None:
    """Give the hour of a time."""
    return time.hour if time else None


def age(time: datetime | None) -> int | None:
    """Give the days since a time."""
    return (datetime.now(timezone.utc).date() - time.date()).days if time else None


def by(
    rows: list[models.Row], key: t.Callable[[models.Row], t.Any]
) -> dict[t.Any, list[models.Row]]:
    """Group rows."""
    groups = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups


def day(row: models.Row, unit: str, field: str = "starting_time") -> str | None:
    """Give the first day of the month or week in which a meeting starts, or the day itself."""
    time = row[field]
    if time is None:
        return None
    back = {"week": time.weekday(), "month": time.day - 1, "day": 0}[unit]
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
