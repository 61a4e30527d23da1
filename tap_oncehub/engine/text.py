"""Log lines: one line each, whatever a service sends, and never with the API key."""

from __future__ import annotations

import logging
import re

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
    """Makes every message of a handler plain text."""

    def __init__(self, secret: str) -> None:
        super().__init__()
        self._secret = secret

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = plain_text(record.getMessage(), self._secret), None
        if record.levelno < logging.ERROR:
            record.exc_info = None  # urllib3 warns of a header that it cannot read with a traceback
        return True


def keep_plain(secret: str) -> None:
    """Make all that is logged plain text without the API key."""
    for handler in logging.getLogger().handlers:
        for old in [f for f in handler.filters if isinstance(f, PlainTextFilter)]:
            handler.removeFilter(old)
        handler.addFilter(PlainTextFilter(secret if len(secret) >= _SHORTEST_KEY else ""))
