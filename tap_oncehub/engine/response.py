"""Responses: decoded once, and quoted without secrets."""

import json
import re
import typing as t
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from email.utils import parsedate_to_datetime
from functools import cached_property
from http import HTTPStatus

import requests
from typing_extensions import override

from tap_oncehub.engine.errors import RetriableError
from tap_oncehub.engine.progress import plain_text
from tap_oncehub.engine.records import DECODER, NO_JSON

_LONGEST_MESSAGE = 300
_LONGEST_SEARCHED = 2000
_END_OF_TIME = 9000  # years, from which nothing can be later
_PERSONAL = re.compile(
    r"""(?:"[^"]*"|[^\s@<>"']+) ?(?:@|%40|&#64;|\uff20) ?[^\s@<>"']+|\+\d[\d .()/-]{6,}\d"""
)
"""E-mail addresses and phone numbers."""
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


class JsonResponse(requests.Response):
    """A response whose body is decoded once."""

    def __init__(self, response: requests.Response, content: bytes) -> None:
        """Take over a response and its body."""
        super().__init__()
        vars(self).update(vars(response))
        self._content = content  # as requests itself does once it has read a body
        # The service's own time; None without a usable header.
        self.date = _date(self.headers.get("Date"))
        # The same before it answered, rounded down; without a Date by this machine's clock.
        here = datetime.now(timezone.utc)
        self.server_time = (self.date or here) - self.elapsed - timedelta(seconds=1)

    @cached_property
    def body(self) -> t.Any:
        """The decoded body, None where there is none to expect; RetriableError if it is no JSON."""
        if self.status_code == HTTPStatus.NO_CONTENT:
            return None
        if not self.content.strip():
            raise RetriableError("the response is empty")
        with suppress(*NO_JSON):
            return DECODER.decode(self.content)
        # NaN becomes a text, half a surrogate pair, which cut texts end in, U+FFFD.
        with suppress(*NO_JSON):
            text = self.content.decode("utf-8-sig")
            mended = _ESCAPE.sub(lambda found: r"\ufffd" if found[1] else found[0], text)
            return json.loads(mended, parse_constant=str, parse_float=Decimal)
        raise RetriableError("the response is not JSON")

    @override
    def json(self, **_kwargs: t.Any) -> t.Any:
        return self.body

    @property
    def retry_after(self) -> float | None:
        """Seconds that the service asks to wait, said in seconds or as a date."""
        text = self.headers.get("Retry-After", "").strip()
        if text.replace(".", "", 1).isdecimal():
            return float(text)
        until, now = _date(text), self.date or datetime.now(timezone.utc)
        return max(0.0, (until - now).total_seconds()) if until else None

    def error_detail(self, secret: str) -> str:
        """Return type, message, parameter and Request-Id, with nothing secret or personal."""
        found: t.Any = {}
        with suppress(RetriableError):
            found = self.body
        body = found if isinstance(found, dict) else {}
        parts = [str(body[key]) for key in ("type", "message") if body.get(key)]
        parts += [f"param {body['param']}"] if body.get("param") else []
        text = plain_text(", ".join(parts), secret)
        # Cut before the search, at a blank: half an address or key is one, too.
        if len(text) > _LONGEST_SEARCHED:
            text = text[:_LONGEST_SEARCHED].rpartition(" ")[0]
        parts = [_PERSONAL.sub("…", text)[:_LONGEST_MESSAGE].rstrip(" .")]
        if identifier := self.headers.get("Request-Id"):
            parts.append(f"Request-Id {plain_text(identifier, secret)[:80]}")
        text = ", ".join(filter(None, parts))
        return f" ({text})" if text else ""


def _date(text: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text or "").astimezone(timezone.utc)
    except (ValueError, TypeError, OverflowError):
        return None
    return moment if moment.year < _END_OF_TIME else None
