"""Contacts, and the text messages sent to them."""

from __future__ import annotations

import typing as t
from datetime import timedelta

from typing_extensions import override

from tap_oncehub.streams.lists import ListStream

if t.TYPE_CHECKING:
    from singer_sdk.helpers.types import Record


class ContactsStream(ListStream):
    """All contacts."""

    name = "contacts"
    path = "/contacts"
    kinds = frozenset({"contact"})
    replication_key = "last_updated_time"
    time_filters = frozenset({"creation_time", "last_updated_time"})


_FINAL = {"delivered", "failed", "rejected"}


class SmsNotificationsStream(ListStream):
    """Text messages; a status changes after creation, and has no time of its own."""

    name = "sms_notifications"
    path = "/notifications/sms"
    kinds = frozenset({"notification"})
    replication_key = "creation_time"
    time_filters = frozenset({"creation_time"})
    settling = timedelta(days=3)

    @override
    def is_settled(self, row: Record) -> bool:
        return row.get("status") in _FINAL
