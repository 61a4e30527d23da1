"""One stream class an endpoint, grouped by the part of an account it shows."""

from __future__ import annotations

import typing as t

from tap_oncehub.streams import bookings, calendars, contacts, pages, users, webhooks

if t.TYPE_CHECKING:
    from tap_oncehub.streams.base import OnceHubStream

STREAMS: tuple[type[OnceHubStream], ...] = (
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
    bookings.BookingStream,
    calendars.BookingCalendarStream,
    bookings.ConversationsStream,
    bookings.BookingHostsStream,
    pages.BookingPageLinksStream,
    users.TestAuthStream,
)
