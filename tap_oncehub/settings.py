"""The settings, each of them once, and what is given for them: read, and checked for people.

No message quotes a value, or a name that the tap does not know: a key may stand in its place.
"""

import difflib
import ipaddress
import re
import typing as t
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timezone
from urllib.parse import urlsplit

import msgspec
import requests
import singer_sdk.typing as th
from jsonschema import ValidationError
from singer_sdk.plugin_base import PluginBase

from tap_oncehub.engine.times import moment_of

Config: t.TypeAlias = dict[str, t.Any]

DEFAULT_API_URL = "https://api.oncehub.com/v2"
KEYS_PAGE = (
    "OnceHub (gear icon > Account Integrations > APIs & Webhooks) by the Account Owner or an "
    "Administrator"
)
_DAY = 86_400
_IDS = th.ArrayType(th.StringType(pattern="^[A-Za-z0-9_-]+$"))
_ABOVE_ZERO = th.NumberType(exclusive_minimum=0, maximum=_DAY)
_HOURS = th.NumberType(minimum=0, maximum=87_600)

SETTINGS: Config = th.PropertiesList(
    th.Property("api_key", th.StringType, required=True, secret=True, title="API key"),
    th.Property("api_url", th.StringType, default=DEFAULT_API_URL, title="API URL"),
    th.Property("start_date", th.DateTimeType),
    th.Property("page_size", th.IntegerType(minimum=1, maximum=100), default=100),
    th.Property("lookback_seconds", th.IntegerType(minimum=0, maximum=3650 * _DAY), default=300),
    th.Property("full_pass_days", th.NumberType(minimum=0, maximum=36_500), default=7),
    th.Property("time_slots_days", th.IntegerType(minimum=1, maximum=3650), default=30),
    th.Property("booking_ids", _IDS),
    th.Property("booking_calendar_ids", _IDS),
    th.Property("include_webhook_secrets", th.BooleanType, default=False),
    th.Property("rate_limit_per_second", th.NumberType(minimum=0), default=5),
    th.Property("rate_limit_per_window", th.IntegerType(minimum=0, maximum=10**6), default=200),
    th.Property("rate_limit_window_seconds", _ABOVE_ZERO, default=300),
    th.Property("rate_limit_file", th.StringType(pattern="^[^\0]*$")),
    th.Property("full_table_refresh_hours", _HOURS, default=0),
    th.Property("per_object_refresh_hours", _HOURS, default=24),
    th.Property("request_timeout_seconds", _ABOVE_ZERO, default=60),
    th.Property("max_wait_seconds", th.NumberType(minimum=0, maximum=7 * _DAY), default=900),
    th.Property("user_agent", th.StringType(pattern="^[ -~]+$")),
    th.Property("emit_activate_version_messages", th.BooleanType, default=False),
).to_dict()
"""JSON schema of the settings, to which the SDK adds its own; names and meaning are fixed."""
PluginBase.append_builtin_config(SETTINGS)

_TEXTS = {
    "api_key": "Key of the OnceHub API, sent in the header API-Key.",
    "api_url": "Address of the OnceHub API; https, or http on a loopback address.",
    "start_date": "Read nothing that was last updated before this time; without it, everything.",
    "page_size": "Objects asked for in one request, at least two, since pages overlap.",
    "lookback_seconds": "How far behind the bookmark an incremental sync starts again.",
    "full_pass_days": "Days after which bookings, contacts and text messages are read whole again, "
    "so that the loader learns what was deleted; 0 never.",
    "time_slots_days": "How many days ahead the free time slots of calendars are read.",
    "booking_ids": "Read just these bookings in the stream booking, deleted ones included.",
    "booking_calendar_ids": "Read just these calendars in the stream booking_calendar, deleted "
    "ones included.",
    "include_webhook_secrets": "Add the column secret, a credential, to the stream webhooks.",
    "rate_limit_per_second": "Requests sent in one second at most; 0 switches the limit off.",
    "rate_limit_per_window": "Requests sent in one window at most; 0 switches the limit off.",
    "rate_limit_window_seconds": "Length of the window that rate_limit_per_window counts in.",
    "rate_limit_file": "Where all taps on this machine count their requests; empty counts in "
    "memory. By default a file in the user's state folder, unless api_url is a loopback address.",
    "full_table_refresh_hours": "Hours after which lists that OnceHub cannot filter by time are "
    "read again; 0 reads them in every run.",
    "per_object_refresh_hours": "Hours after which streams that cost a request for each object are "
    "read again; 0 reads them in every run.",
    "request_timeout_seconds": "How long to wait for an answer to one request.",
    "max_wait_seconds": "How long one request may be retried before it counts as failed.",
    "user_agent": "Value of the header User-Agent; by default the name and version of this tap.",
    "emit_activate_version_messages": "Tell the loader when a full pass over a stream is "
    "complete, so that it can remove what is gone from the account.",
}
for _name, _text in _TEXTS.items():
    SETTINGS["properties"][_name]["description"] = _text

_PREFIX = "TAP_ONCEHUB_"
_WRAPPED = re.compile(r"\A\s*([\"']?)\s*(.*?)\s*\1\s*\Z", re.DOTALL)
_BOOLEANS = dict.fromkeys(("true", "1", "yes", "on"), True)
_BOOLEANS |= dict.fromkeys(("false", "0", "no", "off"), False)
_VARIABLES = {f"{_PREFIX}{name.upper()}": name for name in SETTINGS["properties"]}
_OF_MELTANO = ("_select", "_load_schema")
# Meltano exports its own, parts of maps, too, and for a tap-oncehub-eu that inherits from
# tap-oncehub, TAP_ONCEHUB_EU_API_KEY and so on.
_EXPORTED = re.compile(rf"__|_({'|'.join(SETTINGS['properties']).upper()})(_|\Z)")


def from_environment(environment: Mapping[str, str]) -> Config:
    """Return the settings that the environment has, as texts."""
    return {name: environment[v] for v, name in _VARIABLES.items() if v in environment}


def converted(given: Config) -> Config:
    """Return the settings that the tap knows and that are not null, in their declared types.

    What does not fit stays, so that the check can name it.
    """
    found = {
        name: _as_declared(given[name], part.get("type", ()))
        for name, part in SETTINGS["properties"].items()
        if given.get(name) is not None
    }
    if isinstance(key := found.get("api_key"), str):
        # What files for containers keep around it: blanks and a pair of quotes.
        found["api_key"] = _WRAPPED.sub(r"\2", key)
    return found


def _as_declared(value: t.Any, types: Collection[str]) -> t.Any:
    if isinstance(value, str):
        value = value.strip()
        if "boolean" in types:
            value = _BOOLEANS.get(value.lower(), value)
        elif "array" in types and not value.startswith("["):
            value = [part.strip() for part in value.split(",") if part.strip()]
        elif "string" not in types:
            with suppress(msgspec.DecodeError, RecursionError):
                value = msgspec.json.decode(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def problems(config: Config) -> dict[str, str]:
    """Return what is wrong with each setting, in words that follow its name."""
    found: dict[str, str] = {}
    try:
        for error in th.DEFAULT_JSONSCHEMA_VALIDATOR(SETTINGS).iter_errors(config):
            if error.path:
                found[str(error.path[0])] = f"is not usable: {_plainly(error)}"
    except AttributeError:  # of jsonschema: what the SDK offers for __else__ ends in no schema
        found["stream_maps"] = "is not usable: its __else__ may be __NULL__ only"
    key = config.get("api_key", "")
    if key == "":
        where = f"{_PREFIX}API_KEY, in the environment or in .env (for Meltano)"
        found["api_key"] = f"is missing: set {where}, to a key made in {KEYS_PAGE}"
    elif isinstance(key, str) and not re.fullmatch(r"[!-~]+", key):
        found["api_key"] = "has blanks, line breaks or characters that no key has: copy it again"
    if config.get("flattening_enabled") is True and config.get("flattening_max_depth", -1) == -1:
        found["flattening_max_depth"] = "is missing or -1: flattening_enabled needs one"
    if "start_date" in config.keys() - found.keys() and not moment_of(config["start_date"]):
        found["start_date"] = "is not a time: write it like 2026-01-31T00:00:00Z"
    if "api_url" in config.keys() - found.keys() and not _is_safe(config["api_url"]):
        what = f"is no plain https:// address, as {DEFAULT_API_URL} is"
        found["api_url"] = f"{what}; http:// is for loopback addresses"
    return found


def _plainly(error: ValidationError) -> str:
    """Return the rule that is broken, and of a list the item that breaks it."""
    item = "".join(f"item {place + 1}: " for place in [*error.path][1:] if isinstance(place, int))
    rule, declared = error.validator, t.cast("t.Any", error.validator_value)
    if rule == "anyOf":  # of stream maps
        return f"{item}it has none of the forms that it may have"
    return f"{item}its {rule} is {declared[0] if rule == 'type' else declared}"


def _is_safe(url: str) -> bool:
    """Return whether a key may go to an address: one without user, query or fragment."""
    try:
        requests.Request("GET", url).prepare()
        scheme = urlsplit(url).scheme
    except ValueError:  # of requests and the standard library alike
        return False
    is_plain = re.fullmatch(r"[!-~]+", url) and not set(url) & set("@?#\\")
    return bool(is_plain) and (scheme == "https" or (scheme == "http" and is_loopback(url)))


def doubts(given: Config, environment: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each setting that probably does not do what it was meant to."""
    unknown = given.keys() - SETTINGS["properties"].keys()
    variables = {v for v in environment if v.startswith(_PREFIX) and not _EXPORTED.search(v)}
    told, hidden = [], len(unknown)
    for name in sorted(unknown | variables):
        meant = name.removeprefix(_PREFIX).lower().replace("-", "_")
        # No key, which may stand in the place of a name, is as near as that.
        known = [*SETTINGS["properties"], *(() if name in unknown else _OF_MELTANO)]
        for near in difflib.get_close_matches(meant, known, n=1, cutoff=0.8):
            usual = near if name in unknown else f"{_PREFIX}{near.upper()}"
            told.append(f"{name} (did you mean {usual}?)")
            hidden -= name in unknown
    if hidden:
        told.append(f"{hidden} not shown")
    if told:
        yield f"Ignoring unknown settings: {', '.join(told)}"
    start = moment_of(given.get("start_date"))
    if start and start > datetime.now(timezone.utc):
        yield "start_date is in the future: until then there is nothing to read"


def is_loopback(url: str) -> bool:
    """Return whether an address is this machine's own."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
