"""The answers to the questions of docs/query.md, computed from what the marts should hold."""

import re
import statistics
import typing as t
from collections import Counter, defaultdict
from datetime import datetime, timedelta, timezone

from tests.support import models
from tests.support.programs import ROOT

Answer: t.TypeAlias = "Counter[tuple[t.Any, ...]]"
Rows: t.TypeAlias = "list[models.Row]"
REPORT = "What do OnceHub's own reports show?"
_OVER, _UNDER = 0.8, 0.2


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
    firsts = [b for b in every if b["is_first_of_chain"]]
    canceled = [b for b in meetings if b["is_canceled"]]
    ahead = [b for b in every if b["is_open"]]
    over = [b for b in meetings if not b["is_open"]]
    paid = [b for b in meetings if b["chain_payment_amount"] is not None]
    groups = [b for b in every if (b["seats"] or 0) > 1]
    return {
        "How many meetings take place each month?": by(
            held, lambda b: day(b, "month"), sessions, len
        ),
        "By whom?": by(held, lambda b: b["host_names"] or b["owner_name"], sessions),
        REPORT: report(every, "owner_name", "starting_time"),
        "How far ahead do customers book?": by(
            firsts, lambda b: b["booked_on_name"], median("lead_time_hours")
        ),
        "How many are canceled or not attended?": by(
            over, lambda b: b["booked_on_name"], len, percent("is_canceled"), percent("is_no_show")
        ),
        "Which campaign brings meetings that take place?": by(
            [b for b in firsts if b["utm_source"]],
            lambda b: (b["utm_source"], b["utm_campaign"]),
            len,
            lambda found: sum(b["chain_status"] == "completed" for b in found),
        ),
        "What lies ahead, week by week?": by(
            ahead,
            lambda b: (day(b, "week"), b["owner_name"]),
            lambda found: sum(not b["is_replaced"] for b in found),
            lambda found: total(b["duration_minutes"] for b in found),
        ),
        "Where is there room, and where not?": capacity(streams, read_at),
        "Which requests wait for approval, and how long?": by(
            [b for b in every if b["status"] == "requested"],
            lambda b: (b["booking_id"], b["owner_name"], day(b, "day"), age(b["creation_time"])),
        ),
        "How many leads come to a meeting, and how soon?": by(
            contacts,
            lambda c: (c["owner_name"], c["status"]),
            len,
            lambda found: sum(c["is_engaged"] for c in found),
            median("hours_to_engagement"),
        ),
        "Who comes back?": by(contacts, lambda c: c["held_meetings"], len),
        "How often is a meeting moved?": by(
            meetings, lambda b: b["status"], len, percent("was_moved")
        ),
        "Who cancels, and why?": by(
            canceled, lambda b: (b["canceled_by"], b["cancel_reason"]), len
        ),
        "What was paid?": by(
            paid,
            lambda b: (b["chain_payment_currency"], b["chain_status"]),
            len,
            lambda found: sum(b["chain_payment_amount"] for b in found),
        ),
        "How full are group sessions?": by(
            groups, lambda b: (b["booked_on_name"], b["seats"]), sessions
        ),
        "At what hour of their day do people meet?": by(
            [b for b in meetings if not b["is_canceled"]],
            lambda b: (hour(b["customer_starting_time"]), hour(b["owner_starting_time"])),
            len,
        ),
        "Do text messages arrive?": by(
            streams["sms_notifications"],
            lambda m: day(m, "month", "creation_time"),
            len,
            lambda found: total((m["details"] or {}).get("segment_count") for m in found),
            arrived,
        ),
    }


def by(
    rows: Rows, key: t.Callable[[models.Row], t.Any], *figures: t.Callable[[Rows], t.Any]
) -> Answer:
    """Group rows, and count what stands for each group: its key, then its figures."""
    groups: dict[t.Any, Rows] = defaultdict(list)
    for row in rows:
        found = key(row)
        groups[found if isinstance(found, tuple) else (found,)].append(row)
    return Counter(
        (*found, *(figure(group) for figure in figures)) for found, group in groups.items()
    )


def report(bookings: Rows, dimension: str, time: str) -> Answer:
    """Count bookings of a year as OnceHub's reports do."""
    year_ago = datetime.now(timezone.utc).date() - timedelta(days=365)
    counted = [
        b
        for b in bookings
        if not b["is_replaced"]
        and b[time] is not None
        and b[time].date() >= year_ago
        and (time == "creation_time" or b["status"] not in {None, "requested"})
    ]
    return by(counted, lambda b: (b[dimension], b["status"]), len)


def capacity(streams: models.Streams, read_at: datetime | None) -> Answer:
    """Say of each calendar, weekday and hour whether it is over- or underused."""
    names = {row["id"]: row["name"] for row in streams["booking_calendars"]}
    found: Answer = Counter()
    for (calendar, weekday, hour), slots in models.capacity(streams, read_at).items():
        share = slots[1] / sum(slots)
        usage = "overused" if share >= _OVER else "underused" if share <= _UNDER else None
        found[(names[calendar], weekday, hour, *slots, usage)] += 1
    return found


def arrived(messages: Rows) -> float | None:
    """Give the share that arrived, of those of which it is known."""
    final = [m for m in messages if m["status"] != "sent"]
    delivered = sum(m["status"] == "delivered" for m in final)
    return round(100 * delivered / len(final), 6) if final else None


def sessions(bookings: Rows) -> int:
    """Count meetings: a group session once."""
    return len({b["session_id"] for b in bookings})


def hour(time: datetime | None) -> int | None:
    return time.hour if time else None


def age(time: datetime | None) -> int | None:
    return (datetime.now(timezone.utc).date() - time.date()).days if time else None


def day(row: models.Row, unit: str, field: str = "starting_time") -> str | None:
    """Give the first day of the month or week of a time, or the day itself."""
    time = row[field]
    if time is None:
        return None
    back = {"week": time.weekday(), "month": time.day - 1, "day": 0}[unit]
    return str((time - timedelta(days=back)).date())


def total(values: t.Iterable[int | None]) -> int | None:
    """Add up; there is no sum of nothing."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def percent(flag: str) -> t.Callable[[Rows], float]:
    return lambda rows: round(100 * sum(row[flag] for row in rows) / len(rows), 6)


def median(field: str) -> t.Callable[[Rows], float | None]:
    def of(rows: Rows) -> float | None:
        known = [row[field] for row in rows if row[field] is not None]
        return round(statistics.median(known), 6) if known else None

    return of
