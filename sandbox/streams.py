"""The lists of the API: paths, filters and prefixes of ids."""

from typing import NamedTuple


class Stream(NamedTuple):
    """One list endpoint."""

    name: str  # what the project calls it
    path: str  # where it is, below the version
    kind: str  # the `object` field of its objects
    prefix: str  # what its ids begin with
    filters: tuple[str, ...] = ()  # query parameters compared for equality
    times: tuple[str, ...] = ()  # fields that take `.gt` and `.lt`
    expands: tuple[str, ...] = ()  # fields whose id can be exchanged for the object
    by_id: bool = False  # whether `GET path/{id}` is documented


CREATED = "creation_time"
UPDATED = "last_updated_time"
_LISTS = (
    Stream(
        "bookings", "/bookings", "booking", "BKNG",
        ("status", "owner", "contact", "booking_page", "master_page", "event_type",
         "booking_calendar", "host"),
        (CREATED, "starting_time", UPDATED), ("owner", "contact", "conversation"), by_id=True,
    ),
    Stream("contacts", "/contacts", "contact", "CTC", ("email",), (CREATED, UPDATED)),
    Stream(
        "sms_notifications", "/notifications/sms", "notification", "SMS",
        ("recipient", "recipient_type"), (CREATED,), ("recipient",),
    ),
    Stream(
        "booking_calendars", "/booking-calendars", "booking_calendar", "BKC", ("host",), by_id=True
    ),
    Stream(
        "booking_pages", "/booking-pages", "booking_page", "BP",
        ("master_page", "event_type", "user"),
    ),
    Stream("master_pages", "/master-pages", "master_page", "MP"),
    Stream("event_types", "/event-types", "event_type", "ET"),
    Stream("users", "/users", "user", "USR", ("email",)),
    Stream("teams", "/teams", "team", "TM", ("user",)),
    Stream("webhooks", "/webhooks", "webhook", "WHK"),
)  # fmt: skip
STREAMS = {stream.name: stream for stream in _LISTS}
BY_PREFIX = {stream.prefix: stream for stream in _LISTS}
BY_PATH = {stream.path: stream for stream in _LISTS}
