"""A Singer tap for OnceHub: bookings, calendars, contacts and users of an account."""
