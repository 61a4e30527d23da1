"""Contacts, and the text messages sent to them."""

from datetime import timedelta

from tap_oncehub.client import OnceHubStream


class ContactsStream(OnceHubStream):
    """All contacts."""

    name = "contacts"
    path = "/contacts"
    object_types = frozenset({"contact"})
    replication_key = "last_updated_time"
    time_filters = frozenset({"creation_time", "last_updated_time"})
    rank = 2


class SmsNotificationsStream(OnceHubStream):
    """Text messages; a status changes after creation, and has no time of its own."""

    name = "sms_notifications"
    path = "/notifications/sms"
    object_types = frozenset({"notification"})
    replication_key = "creation_time"
    time_filters = frozenset({"creation_time"})
    min_lookback = timedelta(days=3)
    rank = 2
