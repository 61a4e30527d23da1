"""Answers: decoded, and told of without anything secret or personal."""

from __future__ import annotations

import typing as t
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest

from tap_oncehub.engine.errors import RetriableError
from tests.support.responses import answer

KEY = "key-0815"
NOON = "Sat, 07 Mar 2026 12:00:00 GMT"


def test_an_error_is_told_in_oncehubs_own_words() -> None:
    body = {"type": "invalid_request_error", "message": "No such booking: 'B'.", "param": "id"}
    told = answer(body, 404, Request_Id="req_1").error_detail(KEY)
    assert told == " (invalid_request_error, No such booking: 'B'., param id, Request-Id req_1)"


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (f"The key {KEY} is not valid", "The key … is not valid"),
        ("Anna <anna.b+x@sub.example.com> is gone", "Anna <…> is gone"),
        ('"anna@example.com"', '"…"'),
        ("one\r\ntwo\n\tthree", "one two three"),
        ("x" * 1000, "x" * 300),
        (["a", 1], "['a', 1]"),
    ],
)
def test_nothing_secret_personal_or_long_is_told(message: t.Any, told: str) -> None:
    assert answer({"message": message}, 400).error_detail(KEY) == f" ({told})"


@pytest.mark.parametrize("body", [b"", b"<html>anna@example.com</html>", b"[1]", b'"x"', b"{}"])
def test_other_bodies_are_not_told_at_all(body: bytes) -> None:
    assert answer(body, 500).error_detail(KEY) == ""
    assert answer(body, 500, Request_Id="r").error_detail(KEY) == " (Request-Id r)"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        (" 120 ", 120),
        ("1.5", 1.5),
        ("Sat, 07 Mar 2026 12:00:30 GMT", 30),
        ("Sat, 07 Mar 2026 13:00:30 +0100", 30),
        ("Sat, 07 Mar 2026 11:00:00 GMT", 0),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
def test_retry_after_in_seconds_or_as_a_date_by_oncehubs_clock(
    text: str, seconds: float | None
) -> None:
    assert answer(Retry_After=text, Date=NOON).retry_after == seconds


def test_retry_after_as_a_date_without_a_clock_of_oncehubs() -> None:
    later = datetime.now(timezone.utc) + timedelta(seconds=60)
    text = later.strftime("%a, %d %b %Y %H:%M:%S GMT")
    assert answer(Retry_After=text).retry_after == pytest.approx(60, abs=5)


def test_when_an_answer_was_sent_is_never_too_late() -> None:
    asked = datetime(2026, 3, 7, 11, 59, 57, tzinfo=timezone.utc)
    assert answer(Date=NOON).sent_at == asked
    here = answer(Date="no date").sent_at
    assert here < datetime.now(timezone.utc) - timedelta(seconds=2)


@pytest.mark.parametrize(
    ("content", "body"),
    [
        (b"\xef\xbb\xbf[1.10]", [Decimal("1.10")]),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        (b'"cut \\ud83d"', "cut \ufffd"),
        (b'"\\ude00 cut, \\\\ud83d not"', "\ufffd cut, \\ud83d not"),
        (b'"\\u0000"', "\0"),
        (b'{"a": NaN, "b": [-Infinity], "c": 1}', {"a": "NaN", "b": ["-Infinity"], "c": 1}),
    ],
)
def test_bodies_are_decoded(content: bytes, body: t.Any) -> None:
    assert answer(content).body == body
    assert answer(content).json() == body
    assert answer(b"", 204).body is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the response is empty"),
        (b" \r\n", "the response is empty"),
        (b"<html></html>", "the response is not JSON"),
        (b'{"data": [', "the response is not JSON"),
        (b'"\xff"', "the response is not JSON"),
        (b"[" * 100_000, "the response is not JSON"),
    ],
)
def test_what_is_no_json_says_so(content: bytes, said: str) -> None:
    with pytest.raises(RetriableError, match=said):
        _ = answer(content).body
