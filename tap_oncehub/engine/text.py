"""Log lines: one line each, whatever a service sends, and never with the API key."""

from __future__ import annotations

import dataclasses
import logging
import re
import typing as t

from singer_sdk.metrics import Point
from typing_extensions import override

_INVISIBLE = re.compile(r"[\u200b-\u200f\u2060-\u206f\ufeff]+")
_UNPRINTABLE = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028-\u202e\ufff9-\ufffb\ud800-\udfff]+")
_LONGEST = 20_000
_SHORTEST_KEY = 8
"""What is shorter is no API key, and would take letters out of every word."""


def plain_text(text: str, secret: str = "") -> str:
    """Return a text as one printable line without the API key."""
    cut = _INVISIBLE.sub("", text[: 2 * _LONGEST])
    if secret:
        cut = cut.replace(secret, "…")
    return _UNPRINTABLE.sub(" ", cut).strip()[:_LONGEST]


class PlainTextFilter(logging.Filter):
    """Makes every message of a handler plain text; metrics keep their form."""

    def __init__(self, secret: str) -> None:
        super().__init__()
        self._secret = secret

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple) and record.args and isinstance(record.args[0], Point):
            # Meltano takes a metric apart; as a text it would be of no use.
            point = record.args[0]
            record.args = (dataclasses.replace(point, tags=self._without_key(point.tags)),)
            return True
        record.msg, record.args = plain_text(record.getMessage(), self._secret), None
        if record.levelno < logging.ERROR:
            record.exc_info = None  # urllib3 warns of a header that it cannot read with a traceback
        return True

    def _without_key(self, value: t.Any) -> t.Any:
        if isinstance(value, dict):
            return {name: self._without_key(part) for name, part in value.items()}
        return plain_text(value, self._secret) if type(value) is str else value


def keep_plain(secret: str) -> None:
    """Make all that is logged plain text without the API key."""
    for handler in logging.getLogger().handlers:
        for old in [f for f in handler.filters if isinstance(f, PlainTextFilter)]:
            handler.removeFilter(old)
        handler.addFilter(PlainTextFilter(secret if len(secret) >= _SHORTEST_KEY else ""))
