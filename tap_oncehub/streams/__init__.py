"""One stream class an endpoint, grouped by the part of an account it shows."""

from tap_oncehub.client import OnceHubStream
from tap_oncehub.streams import account, bookings, calendars, contacts

STREAMS: tuple[type[OnceHubStream], ...] = (
    bookings.BookingsStream,
    contacts.ContactsStream,
    contacts.SmsNotificationsStream,
    calendars.BookingCalendarsStream,
    calendars.BookingPagesStream,
    calendars.MasterPagesStream,
    calendars.EventTypesStream,
    account.UsersStream,
    account.TeamsStream,
    account.WebhooksStream,
    account.WebhookEventsStream,
    calendars.BookingCalendarTimeSlotsStream,
    account.UserSchedulingAvailabilityStream,
    bookings.BookingStream,
    calendars.BookingCalendarStream,
    bookings.ConversationsStream,
    bookings.BookingHostsStream,
    calendars.BookingPageLinksStream,
    account.TestAuthStream,
)
