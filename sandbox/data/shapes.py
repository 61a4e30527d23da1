"""The documented fields of every object and what they are declared to be.

Used to spoil objects: to null, to drop and to mistype their fields. Ids and the times
that the API filters by are left out, for without them no answer could be right.
"""

from __future__ import annotations

_BOOKING = """
string: object tracking_id subject status customer_timezone location_description
    cancel_reschedule_url ics_url cancel_url reschedule_url
boolean: in_trash
integer: duration_minutes
id: owner rescheduled_booking_id booking_page master_page event_type booking_calendar
    conversation contact
array: attendees custom_fields
object: virtual_conferencing cancel_reschedule_information form_submission
    payment_information external_calendar utm_params
"""

_CONTACT = """
string: object status city company_size company country email first_name job_title
    last_name mobile_phone phone post_code salutation state street_address timezone
boolean: has_consent terms_of_sevice
integer: employees
time: last_interacted_time
id: owner bot form
array: custom_fields
"""

_DECLARED = {
    "bookings": _BOOKING,
    "contacts": _CONTACT,
    "sms_notifications": """
string: object type status recipient_type
id: recipient
object: details
""",
    "booking_calendars": """
string: object name subject url
number: duration_minutes
boolean: published
id: host
""",
    "booking_pages": """
string: object name label url timezone
boolean: active
""",
    "master_pages": """
string: object name label url
boolean: active
""",
    "event_types": """
string: object name description label
""",
    "users": """
string: object first_name last_name email status role_name timezone
array: teams
""",
    "teams": """
string: object name
""",
    "webhooks": """
string: object api_version name url secret
boolean: status
time: creation_time
array: events
""",
}

# Texts inside of objects that take any text.
_NESTED_TEXTS: dict[str, tuple[tuple[str, ...], ...]] = {
    "bookings": (
        ("form_submission", "name"),
        ("form_submission", "note"),
        ("form_submission", "company"),
        ("external_calendar", "name"),
        ("cancel_reschedule_information", "reason"),
        ("utm_params", "campaign"),
    ),
    "sms_notifications": (("details", "message_body"),),
}

# What a program decides by keeps its meaning.
_NO_FREE_TEXT = frozenset({"object", "status", "type", "recipient_type", "secret", "email"})


def _fields(declared: str) -> dict[str, str]:
    kinds: dict[str, str] = {}
    kind = ""
    for word in declared.split():
        if word.endswith(":"):
            kind = word[:-1]
        else:
            kinds[word] = kind
    return kinds


def _texts(name: str) -> tuple[tuple[str, ...], ...]:
    plain = (
        (field,)
        for field, kind in FIELDS[name].items()
        if kind == "string" and field not in _NO_FREE_TEXT
    )
    return *plain, *_NESTED_TEXTS.get(name, ())


FIELDS = {name: _fields(declared) for name, declared in _DECLARED.items()}
NAMES = {name: tuple(fields) for name, fields in FIELDS.items()}
TEXTS = {name: _texts(name) for name in FIELDS}
