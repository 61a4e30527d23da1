"""Log lines: one printable line each, without the key."""

from __future__ import annotations

import io
import logging

import pytest

from tap_oncehub.engine.text import keep_plain


@pytest.mark.parametrize(
    ("key", "logged"),
    [
        ("key-0815", "users: x … y z"),
        ("use", "users: x key-0815 y z"),
        ("", "users: x key-0815 y z"),
    ],
)
def test_a_line_is_plain_text_without_the_key(
    monkeypatch: pytest.MonkeyPatch, key: str, logged: str
) -> None:
    written = io.StringIO()
    monkeypatch.setattr(logging.getLogger(), "handlers", [logging.StreamHandler(written)])
    keep_plain("another-key")
    keep_plain(key)

    logging.getLogger("tap").warning("%s: x\n%s\x1b\u2028y\tz", "users", "key-0815")

    assert written.getvalue() == f"{logged}\n"
