"""The tap's settings: names, types, bounds, defaults and texts, each of them once."""

import ipaddress
import typing as t
from urllib.parse import urlsplit

import singer_sdk.typing as th

DEFAULT_API_URL = "https://api.oncehub.com/v2"
KEYS_PAGE = (
    "OnceHub (gear icon > Account Integrations > APIs & Webhooks) by the Account Owner or an "
    "Administrator"
)
_DAY = 86_400
_IDS = th.ArrayType(th.StringType(pattern="^[A-Za-z0-9_-]+$"))

SETTINGS: dict[str, t.Any] = th.PropertiesList(
    th.Property(
        "api_key",
        th.StringType,
        required=True,
        secret=True,
        title="API key",
        description="Key of the OnceHub API, sent in the header API-Key.",
    ),
    th.Property(
        "api_url",
        th.StringType,
        default=DEFAULT_API_URL,
        title="API URL",
        description="Address of the OnceHub API; https, or http on a loopback address.",
    ),
    th.Property(
        "start_date",
        th.DateTimeType,
        description="Read nothing that was last updated before this time; without it, everything.",
    ),
    th.Property(
        "page_size",
        th.IntegerType(minimum=1, maximum=100),
        default=100,
        description="Objects asked for in one request, at least two, since pages overlap.",
    ),
    th.Property(
        "lookback_seconds",
        th.IntegerType(minimum=0, maximum=3650 * _DAY),
        default=300,
        description="How far behind the bookmark an incremental sync starts again.",
    ),
    th.Property(
        "full_pass_days",
        th.NumberType(minimum=0, maximum=36_500),
        default=7,
        description="Days after which bookings, contacts and text messages are read whole again, "
        "so that the loader learns what was deleted; 0 never.",
    ),
    th.Property(
        "time_slots_days",
        th.IntegerType(minimum=1, maximum=3650),
        default=30,
        description="How many days ahead the free time slots of calendars are read.",
    ),
    th.Property(
        "booking_ids",
        _IDS,
        description="Read just these bookings in the stream booking, deleted ones included.",
    ),
    th.Property(
        "booking_calendar_ids",
        _IDS,
        description="Read just these calendars in the stream booking_calendar, deleted ones "
        "included.",
    ),
    th.Property(
        "include_webhook_secrets",
        th.BooleanType,
        default=False,
        description="Add the column secret, a credential, to the stream webhooks.",
    ),
    th.Property(
        "rate_limit_per_second",
        th.NumberType(minimum=0),
        default=5,
        description="Requests sent in one second at most; 0 switches the limit off.",
    ),
    th.Property(
        "rate_limit_per_window",
        th.IntegerType(minimum=0, maximum=1_000_000),
        default=200,
        description="Requests sent in one window at most; 0 switches the limit off.",
    ),
    th.Property(
        "rate_limit_window_seconds",
        th.NumberType(exclusive_minimum=0, maximum=_DAY),
        default=300,
        description="Length of the window that rate_limit_per_window counts in.",
    ),
    th.Property(
        "rate_limit_file",
        th.StringType(pattern="^[^\0]*$"),
        description="Where all taps on this machine count their requests; empty counts in memory. "
        "By default a file in the user's state folder, unless api_url is a loopback address.",
    ),
    th.Property(
        "full_table_refresh_hours",
        th.NumberType(minimum=0, maximum=87_600),
        default=0,
        description="Hours after which lists that OnceHub cannot filter by time are read again; "
        "0 reads them in every run.",
    ),
    th.Property(
        "per_object_refresh_hours",
        th.NumberType(minimum=0, maximum=87_600),
        default=24,
        description="Hours after which streams that cost a request for each object are read "
        "again; 0 reads them in every run.",
    ),
    th.Property(
        "request_timeout_seconds",
        th.NumberType(exclusive_minimum=0, maximum=_DAY),
        default=60,
        description="How long to wait for an answer to one request.",
    ),
    th.Property(
        "max_wait_seconds",
        th.NumberType(minimum=0, maximum=7 * _DAY),
        default=900,
        description="How long one request may be retried before it counts as failed.",
    ),
    th.Property(
        "user_agent",
        th.StringType(min_length=1, pattern="^[ -~]*$"),
        description="Value of the header User-Agent; by default the name and version of this tap.",
    ),
    th.Property(
        "emit_activate_version_messages",
        th.BooleanType,
        default=False,
        title="Emit ACTIVATE_VERSION",
        description="Tell the loader when a full pass over a full-table stream is complete, so "
        "that it can remove what is gone from the account.",
    ),
).to_dict()
"""JSON schema of the settings; names and meaning are fixed."""


def is_loopback(url: str) -> bool:
    """Return whether an address is this machine's own."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
