"""Contacts, and the text messages sent to them."""

from datetime import timedelta

from tap_oncehub.client import OnceHubStream


class ContactsStream(OnceHubStream):
    """All contacts."""

    name = "contacts"
    path = "/contacts"
    replication_key = "last_updated_time"
    time_filters = frozenset({"creation_time", "last_updated_time"})
    rank = 1


class SmsNotificationsStream(OnceHubStream):
    """Text messages; a status changes after creation, and has no time of its own."""

    name = "sms_notifications"
    path = "/notifications/sms"
    replication_key = "creation_time"
    time_filters = frozenset({"creation_time"})
    min_lookback = timedelta(days=3)
    rank = 1
