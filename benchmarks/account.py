"""What an account's lists are called and how they are asked for; the same for all."""

import typing as t


class List(t.NamedTuple):
    """One list endpoint.

    Attributes:
        path: Path below the API's address.
        replication_key: The time that it can be filtered by, if any.
    """

    path: str
    replication_key: str | None = None


LISTS = {
    "bookings": List("bookings", "last_updated_time"),
    "contacts": List("contacts", "last_updated_time"),
    "sms_notifications": List("notifications/sms", "creation_time"),
    "booking_calendars": List("booking-calendars"),
    "booking_pages": List("booking-pages"),
    "master_pages": List("master-pages"),
    "event_types": List("event-types"),
    "users": List("users"),
    "teams": List("teams"),
    "webhooks": List("webhooks"),
}
EPOCH = "2000-01-01T00:00:00Z"
