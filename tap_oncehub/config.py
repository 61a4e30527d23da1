"""The settings that are given, in files or the environment: read, and checked for people.

No message quotes a value, or a name that the tap does not know: a key may stand in its place.
"""

import difflib
import json
import math
import re
import typing as t
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timezone
from decimal import Decimal
from urllib.parse import urlsplit

import requests
import singer_sdk.typing as th
from jsonschema import ValidationError

from tap_oncehub.engine.times import moment_of
from tap_oncehub.settings import DEFAULT_API_URL, KEYS_PAGE, is_loopback

Config: t.TypeAlias = dict[str, t.Any]

_PREFIX = "TAP_ONCEHUB_"
_WRAPPED = re.compile(r"\A\s*([\"']?)\s*(.*?)\s*\1\s*\Z", re.DOTALL)
_BOOLEANS = dict.fromkeys(("true", "1", "yes", "on"), True)
_BOOLEANS |= dict.fromkeys(("false", "0", "no", "off"), False)
_VARIABLE = re.compile(_PREFIX + r"((?!_|LOGLEVEL|.*__|.*STREAM_MAP).+)")


def from_environment(environment: Mapping[str, str], schema: Config) -> Config:
    """Return the settings that the environment has, as texts."""
    names = {name: f"{_PREFIX}{name.upper()}" for name in schema["properties"]}
    return {name: environment[v] for name, v in names.items() if v in environment}


def converted(given: Config, schema: Config) -> Config:
    """Return the settings that the tap knows and that are not null, in their declared types.

    What does not fit stays, so that the check can name it.
    """
    types = {name: part.get("type", ()) for name, part in schema["properties"].items()}
    found = {
        name: _as_declared(value, types[name])
        for name, value in given.items()
        if value is not None and name in types
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
            with suppress(ValueError, RecursionError):
                value = json.loads(value)
    if isinstance(value, (Decimal, float)):
        number = float(value)
        value = int(number) if number.is_integer() else number
        if not math.isfinite(number):
            value = str(number)  # which has the type of no number
    return value


def problems(config: Config, schema: Config) -> dict[str, str]:
    """Return what is wrong with each setting, in words that follow its name."""
    found: dict[str, str] = {}
    for error in th.DEFAULT_JSONSCHEMA_VALIDATOR(schema).iter_errors(config):
        if error.path:
            found[str(error.path[0])] = f"is not usable: {_plainly(error)}"
    key = config.get("api_key", "")
    if key == "":
        where = f"{_PREFIX}API_KEY, in the environment or in .env (for Meltano)"
        found["api_key"] = f"is missing: set {where}, to a key made in {KEYS_PAGE}"
    elif isinstance(key, str) and not re.fullmatch(r"[\x21-\x7e]+", key):
        found["api_key"] = "has blanks, line breaks or characters that no key has: copy it again"
    if config.get("flattening_enabled") is True and "flattening_max_depth" not in config:
        found["flattening_max_depth"] = "is missing: flattening_enabled needs it"
    if "start_date" in config.keys() - found.keys() and not moment_of(config["start_date"]):
        found["start_date"] = "is not a time: write it like 2026-01-31T00:00:00Z"
    if "api_url" in config.keys() - found.keys() and (text := _fault_in(config["api_url"])):
        found["api_url"] = text
    return found


_RULES = {
    "minimum": "must be at least {}",
    "maximum": "must be at most {}",
    "exclusiveMinimum": "must be more than {}",
    "minLength": "must not be empty",
    "pattern": "contains characters that do not belong there",
}


def _plainly(error: ValidationError) -> str:
    item = error.path[1] if len(error.path) > 1 else None
    what = f"item {item + 1}" if isinstance(item, int) else "it"
    if error.validator == "type":
        declared: t.Any = error.validator_value
        return f"{what} must be of the type {declared[0]}"
    rule = _RULES.get(str(error.validator), f"violates the rule {error.validator}")
    return f"{what} {rule.format(error.validator_value)}"


def _fault_in(url: str) -> str | None:
    try:
        requests.Request("GET", url).prepare()
        scheme = urlsplit(url).scheme
    except ValueError:  # of requests and the standard library alike
        scheme = ""
    if not scheme or not re.fullmatch(r"[\x21-\x5b\x5d-\x7e]+", url):
        return f"is not an address, {DEFAULT_API_URL} is the usual one"
    if any(sign in url for sign in "@?#"):
        return "must be a plain address, without user, query or fragment"
    if scheme == "https" or (scheme == "http" and is_loopback(url)):
        return None
    return "must begin with https://, except for a loopback address"


def doubts(given: Config, schema: Config, environment: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each setting that probably does not do what it was meant to."""
    known = schema["properties"].keys()
    unknown = given.keys() - known
    named = {name: near for name in sorted(unknown) for near in _nearest(name, known)}
    # Meltano exports more: parts of maps, and for a tap-oncehub-eu that inherits from
    # tap-oncehub, TAP_ONCEHUB_EU_API_KEY and so on.
    inherited = tuple(f"_{name.upper()}" for name in known)
    for variable in sorted(environment):
        match = _VARIABLE.fullmatch(variable)
        if match and not variable.endswith(inherited):
            for near in _nearest(match[1].lower(), known):
                named[variable] = f"{_PREFIX}{near.upper()}"
    told = [f"{name} (did you mean {near}?)" for name, near in named.items()]
    if hidden := len(unknown - named.keys()):
        told.append(f"{hidden} not shown")
    if told:
        yield f"Ignoring unknown settings: {', '.join(told)}"
    start = moment_of(given.get("start_date"))
    if start and start > datetime.now(timezone.utc):
        yield "start_date is in the future: until then there is nothing to read"


def _nearest(name: str, known: Collection[str]) -> list[str]:
    """Return the setting that a name is likely to mean; a key may stand in its place."""
    likely = re.fullmatch(r"[a-z][a-z0-9_]{0,40}", name)
    return difflib.get_close_matches(name, known, n=1, cutoff=0.8) if likely else []
