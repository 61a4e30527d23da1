"""One stream class an endpoint, grouped by the part of an account it shows."""

from __future__ import annotations

import typing as t

from tap_oncehub.streams import bookings, calendars, contacts, pages, users, webhooks

if t.TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_oncehub.streams.base import OnceHubStream


def stream_classes(config: Mapping[str, t.Any]) -> list[type[OnceHubStream]]:
    """Return the class of every stream; ids in the settings replace a parent list."""
    by_id = config.get("booking_ids"), config.get("booking_calendar_ids")
    return [
        bookings.BookingsStream,
        contacts.ContactsStream,
        contacts.SmsNotificationsStream,
        calendars.BookingCalendarsStream,
        pages.BookingPagesStream,
        pages.MasterPagesStream,
        pages.EventTypesStream,
        users.UsersStream,
        users.TeamsStream,
        webhooks.WebhooksStream,
        webhooks.WebhookEventsStream,
        calendars.BookingCalendarTimeSlotsStream,
        users.UserSchedulingAvailabilityStream,
        bookings.BookingByIdStream if by_id[0] else bookings.BookingStream,
        calendars.BookingCalendarByIdStream if by_id[1] else calendars.BookingCalendarStream,
        bookings.ConversationsStream,
        bookings.BookingHostsStream,
        pages.BookingPageLinksStream,
        users.TestAuthStream,
    ]
