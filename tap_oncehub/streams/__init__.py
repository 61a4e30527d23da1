"""One stream class an endpoint, grouped by the part of an account it shows."""

from __future__ import annotations

import typing as t

from tap_oncehub.streams.bookings import (
    BookingByIdStream,
    BookingHostsStream,
    BookingsStream,
    BookingStream,
    ConversationsStream,
)
from tap_oncehub.streams.calendars import (
    BookingCalendarByIdStream,
    BookingCalendarsStream,
    BookingCalendarStream,
    BookingCalendarTimeSlotsStream,
)
from tap_oncehub.streams.contacts import ContactsStream, SmsNotificationsStream
from tap_oncehub.streams.pages import (
    BookingPageLinksStream,
    BookingPagesStream,
    EventTypesStream,
    MasterPagesStream,
)
from tap_oncehub.streams.users import (
    TeamsStream,
    TestAuthStream,
    UserSchedulingAvailabilityStream,
    UsersStream,
)
from tap_oncehub.streams.webhooks import WebhookEventsStream, WebhooksStream

if t.TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_oncehub.streams.base import OnceHubStream


def stream_classes(config: Mapping[str, t.Any]) -> list[type[OnceHubStream]]:
    """Return the class of every stream; ids in the settings replace a parent list."""
    return [
        BookingsStream,
        ContactsStream,
        SmsNotificationsStream,
        BookingCalendarsStream,
        BookingPagesStream,
        MasterPagesStream,
        EventTypesStream,
        UsersStream,
        TeamsStream,
        WebhooksStream,
        WebhookEventsStream,
        BookingCalendarTimeSlotsStream,
        UserSchedulingAvailabilityStream,
        BookingByIdStream if config.get("booking_ids") else BookingStream,
        BookingCalendarByIdStream if config.get("booking_calendar_ids") else BookingCalendarStream,
        ConversationsStream,
        BookingHostsStream,
        BookingPageLinksStream,
        TestAuthStream,
    ]
