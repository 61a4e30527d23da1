"""The tap's settings: their JSON schema, and checks with messages for people."""

from __future__ import annotations

import ipaddress
import json
import math
import re
import typing as t
from decimal import Decimal
from importlib.resources import files
from urllib.parse import urlsplit

from tap_oncehub.times import parse_time

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jsonschema import ValidationError
    from jsonschema.protocols import Validator

DEFAULT_API_URL = "https://api.oncehub.com/v2"
KEYS_PAGE = (
    "OnceHub (gear icon > Account Integrations > APIs & Webhooks) by the Account Owner or an "
    "Administrator"
)
SETTINGS: dict[str, t.Any] = json.loads(
    files(__package__).joinpath("settings.json").read_text("utf-8")
)
"""JSON schema of the settings; names and meaning are fixed."""

_WRAPPED = re.compile(r"\A\s*([\"']?)\s*(.*?)\s*\1\s*\Z", re.DOTALL)
_URL = re.compile(r"[\x21-\x5b\x5d-\x7e]+")
_HOST = re.compile(r"([a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?")
_TRUE, _FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off")
_BOOLEANS = dict.fromkeys(_TRUE, True) | dict.fromkeys(_FALSE, False)


def problems(config: Mapping[str, t.Any], validator: Validator) -> list[str]:
    """Fill in the defaults; return a sentence for everything that is wrong.

    Each names its setting and none its value: a key may stand in the wrong place.
    """
    found = dict(_schema_problems(config, validator))
    for name, check in _CHECKS.items():
        value = config.get(name)
        if name not in found and isinstance(value, str) and (text := check(value)):
            found[name] = text
    return [f"{name} {text}" for name, text in found.items()]


def _schema_problems(
    config: Mapping[str, t.Any], validator: Validator
) -> Iterator[tuple[str, str]]:
    if not config.get("api_key"):
        where = "TAP_ONCEHUB_API_KEY, in the environment or in .env (for Meltano)"
        yield "api_key", f"is missing: set {where}, to a key made in {KEYS_PAGE}"
    for error in validator.iter_errors(config):
        name = str(error.path[0]) if error.path else "settings"
        if name not in {"api_key", "settings"}:
            yield name, f"is not usable: {_plainly(error)}"
    for name, value in config.items():
        if isinstance(value, float) and not math.isfinite(value):
            yield name, "is not usable: it must be a finite number"
    if not isinstance(config.get("api_key", ""), str):
        yield "api_key", "must be text"


_RULES = {
    "type": "must be of the type {}",
    "minimum": "must be at least {}",
    "maximum": "must be at most {}",
    "exclusiveMinimum": "must be more than {}",
    "minLength": "must not be empty",
    "pattern": "contains invalid characters",
}


def _plainly(error: ValidationError) -> str:
    item = error.path[1] if len(error.path) > 1 else None
    what = f"item {item + 1}" if isinstance(item, int) else "it"
    rule = _RULES.get(str(error.validator), f"violates the rule {error.validator}")
    return f"{what} {rule.format(error.validator_value)}"


def _check_key(key: str) -> str | None:
    if not re.fullmatch(r"[\x21-\x7e]+", key):
        return "has blanks, line breaks or characters that no key has: copy it again"
    return None


def _check_url(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        port, host = 0, ""
    address = _ip_address(host)
    named = _HOST.fullmatch(host) and "[" not in url
    if port == 0 or not _URL.fullmatch(url) or not (address or named):
        return f"is not an address, {DEFAULT_API_URL} is the usual one"
    if "@" in parts.netloc or "?" in url or "#" in url:
        return "must be a plain address, without user, query or fragment"
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url)):
        return None
    return "must begin with https://, except for a loopback address"


def is_loopback(url: str) -> bool:
    """Return whether an address is this machine's own."""
    host = urlsplit(url).hostname or ""
    address = _ip_address(host)
    return address.is_loopback if address else host == "localhost"


def _ip_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _check_user_agent(text: str) -> str | None:
    if not re.fullmatch(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?", text):
        return "must be plain text on one line, without blanks around it"
    return None


def _check_time(text: str) -> str | None:
    if parse_time(text) is None:
        return "is not a time: write it like 2026-01-31T00:00:00Z"
    return None


_CHECKS: dict[str, t.Callable[[str], str | None]] = {
    "api_key": _check_key,
    "api_url": _check_url,
    "start_date": _check_time,
    "user_agent": _check_user_agent,
}


def from_environment(
    environment: Mapping[str, str], schema: Mapping[str, t.Any]
) -> dict[str, t.Any]:
    """Return the settings that the environment has, in their declared types."""
    names = {f"TAP_ONCEHUB_{name.upper()}": name for name in schema["properties"]}
    return {
        name: from_text(name, environment[variable], schema)
        for variable, name in names.items()
        if variable in environment
    }


def from_text(name: str, text: str, schema: Mapping[str, t.Any]) -> t.Any:
    """Return a setting in its declared type.

    Text that does not fit stays, so that the check of the settings can name it.
    """
    types = schema["properties"][name].get("type", ["string"])
    if "boolean" in types:
        return _BOOLEANS.get(text.strip().lower(), text)
    if "string" in types:
        return text
    try:
        value = json.loads(text)
    except ValueError:
        parts = [part.strip() for part in text.split(",")]
        return [part for part in parts if part] if "array" in types else text
    return [text] if "array" in types and not isinstance(value, list) else value


def tidy(config: dict[str, t.Any]) -> None:
    """Drop settings that are null, and turn decimals into plain numbers, 5.0 into 5.

    Of the key, what files for containers keep around it goes: blanks and a pair of quotes.
    """
    for name, value in list(config.items()):
        if value is None:
            del config[name]
        elif name == "api_key" and isinstance(value, str):
            config[name] = _WRAPPED.sub(r"\2", value)
        elif isinstance(value, (Decimal, float)):
            number = float(value)
            config[name] = int(number) if number.is_integer() else number
