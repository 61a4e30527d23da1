"""The streams, and what the sandbox offers for each of them."""

from __future__ import annotations

import typing as t
from datetime import datetime, timezone

import requests

from tests.support.programs import KEY

if t.TYPE_CHECKING:
    from sandbox import Account, Sandbox

LISTS = (
    "bookings",
    "contacts",
    "sms_notifications",
    "booking_calendars",
    "booking_pages",
    "master_pages",
    "event_types",
    "users",
    "teams",
    "webhooks",
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
_OK = 200
_NOT_FOUND = 404
_PARAMS = {"webhook_events": {"limit": 100}}


def offered(api: Sandbox, account: Account, stream: str) -> list[dict[str, t.Any]]:
    """Give the objects that a stream should have brought."""
    if stream in LISTS:
        return account.objects(stream)
    if stream in {"webhook_events", "test_auth"}:
        return _answered(api, stream)
    if stream == "booking_calendar_time_slots":
        return _slots(api, account)
    if stream in {"booking", "booking_calendar"}:
        parents = account.objects(f"{stream}s")
        return [item for item in parents if not account.refusal(stream, item["id"])]
    made = {
        "user_scheduling_availability": _schedules,
        "conversations": lambda account: account.conversations(),
        "booking_hosts": _hosts,
        "booking_page_links": _links,
    }
    return made[stream](account)


def _answered(api: Sandbox, stream: str) -> list[dict[str, t.Any]]:
    path = {"webhook_events": "/webhook-events", "test_auth": "/test"}[stream]
    answer = requests.get(
        api.url + path, headers={"API-Key": KEY}, params=_PARAMS.get(stream), timeout=9
    )
    if answer.status_code == _NOT_FOUND:
        return []
    body = answer.json()
    found = body.get("data", [body]) if isinstance(body, dict) else body
    return [{"id": row} if isinstance(row, str) else row for row in found]


def _schedules(account: Account) -> list[dict[str, t.Any]]:
    schedules = {
        user["id"]: account.scheduling_availability(user["id"]) for user in account.objects("users")
    }
    return [{**row, "user_id": user} for user, row in schedules.items() if row]


def _hosts(account: Account) -> list[dict[str, t.Any]]:
    return [
        {
            "booking_id": booking["id"],
            "user_id": user,
            "last_updated_time": booking.get("last_updated_time"),
        }
        for booking in account.objects("bookings")
        for user in account.hosts_of(booking["id"])
    ]


def _links(account: Account) -> list[dict[str, t.Any]]:
    return [
        {"booking_page_id": page["id"], "linked_type": kind, "linked_id": key}
        for page in account.objects("booking_pages")
        for kind, keys in account.links_of(page["id"]).items()
        for key in keys
    ]


def _slots(api: Sandbox, account: Account) -> list[dict[str, t.Any]]:
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
