"""The streams, and what the sandbox offers for each of them."""

import typing as t
from datetime import datetime, timezone

import requests

from sandbox import Account, Sandbox
from tests.support.programs import KEY

Rows: t.TypeAlias = list[dict[str, t.Any]]


LISTS = (
    *("bookings", "contacts", "sms_notifications", "booking_calendars", "booking_pages"),
    *("master_pages", "event_types", "users", "teams", "webhooks"),
)
ALL = (
    *LISTS,
    "webhook_events",
    "booking_calendar_time_slots",
    "user_scheduling_availability",
    "booking",
    "booking_calendar",
    "conversations",
    "booking_hosts",
    "booking_page_links",
    "test_auth",
)
KEYS = {name: ["id"] for name in ALL} | {
    "booking_calendar_time_slots": ["booking_calendar_id", "start_time"],
    "user_scheduling_availability": ["user_id"],
    "booking_hosts": ["booking_id", "user_id"],
    "booking_page_links": ["booking_page_id", "linked_type", "linked_id"],
    "test_auth": ["message"],
}
ADDED: dict[str, dict[str, str]] = {
    "booking": {"deleted": "boolean"},
    "booking_calendar": {"deleted": "boolean"},
    "booking_calendar_time_slots": {"booking_calendar_id": "string"},
    "user_scheduling_availability": {"user_id": "string"},
    # The API does not say what these look like; the rest goes into `_extra`.
    "webhook_events": dict.fromkeys(("id", "object", "name", "description"), "string"),
    # What only filters tell.
    "booking_hosts": {"booking_id": "string", "user_id": "string"},
    "booking_page_links": dict.fromkeys(("booking_page_id", "linked_type", "linked_id"), "string"),
}
"""Columns that are in no list of facts: parents' ids, and the shape of the unknown."""
SAME_OBJECT = {"booking": "bookings", "booking_calendar": "booking_calendars"}
"""Streams that answer with the objects of another stream."""
_OF = SAME_OBJECT | {
    "booking_hosts": "bookings",
    "booking_page_links": "booking_pages",
    "user_scheduling_availability": "users",
}
_OK, _NOT_FOUND = 200, 404


def offered(api: Sandbox, account: Account, stream: str) -> Rows:
    """Give the objects that a stream should have brought."""
    asked = {
        "webhook_events": lambda: _answered(api, "/webhook-events?limit=100"),
        "test_auth": lambda: _answered(api, "/test"),
        "booking_calendar_time_slots": lambda: _slots(api, account),
        "conversations": account.conversations,
    }
    if stream in asked:
        return asked[stream]()
    parents, updated = account.objects(_OF.get(stream, stream)), "last_updated_time"
    if stream == "user_scheduling_availability":
        schedules = ((user["id"], account.scheduling_availability(user["id"])) for user in parents)
        return [{**schedule, "user_id": key} for key, schedule in schedules if schedule]
    if stream == "booking_hosts":
        return [
            {"booking_id": b["id"], "user_id": user, updated: b.get(updated)}
            for b in parents
            for user in account.hosts_of(b["id"])
        ]
    if stream == "booking_page_links":
        return [
            {"booking_page_id": page["id"], "linked_type": kind, "linked_id": key}
            for page in parents
            for kind, keys in account.links_of(page["id"]).items()
            for key in keys
        ]
    return [item for item in parents if stream in LISTS or not account.refusal(stream, item["id"])]


def _answered(api: Sandbox, path: str) -> Rows:
    answer = requests.get(api.url + path, headers={"API-Key": KEY}, timeout=9)
    if answer.status_code == _NOT_FOUND:
        return []
    body = answer.json()
    found = body.get("data", [body]) if isinstance(body, dict) else body
    return [{"id": row} if isinstance(row, str) else row for row in found]


def _slots(api: Sandbox, account: Account) -> Rows:
    """Slots of the calendars and ranges that were asked for, each once."""
    found = {}
    for entry in api.log:
        if entry.path.endswith("/time-slots") and entry.status == _OK:
            calendar = entry.path.split("/")[-2]
            asked = datetime.fromtimestamp(entry.time, tz=timezone.utc).isoformat()
            start, end = entry.query.get("start_time", asked), entry.query["end_time"]
            for slot in account.time_slots(calendar, start, end):
                row = {**slot, "booking_calendar_id": calendar}
                found[calendar, slot["start_time"]] = row
    return list(found.values())
