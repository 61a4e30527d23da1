"""Contacts, and the text messages sent to them."""

from __future__ import annotations

from datetime import timedelta

from tap_oncehub.streams.lists import ListStream


class ContactsStream(ListStream):
    """All contacts."""

    name = "contacts"
    path = "/contacts"
    kinds = frozenset({"contact"})
    replication_key = "last_updated_time"
    time_filters = frozenset({"creation_time", "last_updated_time"})


class SmsNotificationsStream(ListStream):
    """Text messages; a status changes after creation, and has no time of its own."""

    name = "sms_notifications"
    path = "/notifications/sms"
    kinds = frozenset({"notification"})
    replication_key = "creation_time"
    time_filters = frozenset({"creation_time"})
    least_lookback = timedelta(days=3)
