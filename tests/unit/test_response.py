"""Answers: decoded, and told of without anything secret or personal."""

import json
import typing as t
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
import requests

from tap_oncehub.engine.errors import RetriableError
from tap_oncehub.engine.response import JsonResponse

KEY = "key-0815"
NOON = "Sat, 07 Mar 2026 12:00:00 GMT"


def answer(body: t.Any = b"{}", **headers: str) -> JsonResponse:
    """An answer that took two seconds; a body that is no bytes becomes JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    plain = requests.Response()
    plain.headers.update({name.replace("_", "-"): text for name, text in headers.items()})
    plain.elapsed = timedelta(seconds=2)
    return JsonResponse(plain, content)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"type": "a_type", "message": "No 'B'.", "param": "id"}, " (a_type, No 'B'., param id, "),
        ({"message": f"The key {KEY} is not valid"}, " (The key … is not valid, "),
        ({"message": "Anna <anna.b+x@sub.example.com> is gone"}, " (Anna <…> is gone, "),
        ({"message": "one\r\ntwo\n\tthree"}, " (one two three, "),
        ({"message": "x" * 1000}, f" ({'x' * 300}, "),
        ({"message": ["a", 1]}, " (['a', 1], "),
        *((body, " (") for body in (b"", b"<html>anna@example.com</html>", b"[1]", b'"x"', b"{}")),
    ],
)
def test_error_is_told_in_oncehubs_words_without_secrets(body: t.Any, told: str) -> None:
    assert answer(body, Request_Id="req_1").error_detail(KEY) == f"{told}Request-Id req_1)"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
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
def test_retry_after_by_oncehubs_clock(text: str, seconds: float | None) -> None:
    assert answer(Retry_After=text, Date=NOON).retry_after == seconds


def test_clock_of_an_answer_with_and_without_date() -> None:
    now = datetime.now(timezone.utc)
    asked = datetime(2026, 3, 7, 11, 59, 57, tzinfo=timezone.utc)
    assert answer(Date=NOON).server_time == asked  # never too late
    for none in ("no date", "Fri, 31 Dec 9999 23:59:59 GMT"):
        assert answer(Date=none).server_time < now


@pytest.mark.parametrize(
    ("content", "body"),
    [
        (b"\xef\xbb\xbf[1.10]", [Decimal("1.10")]),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        (b'"cut \\ud83d"', "cut \ufffd"),
        (b'"\\ude00 cut, \\\\ud83d not"', "\ufffd cut, \\ud83d not"),
        (b'"\\u0000"', "\0"),
        (b'{"a": NaN, "b": [-Infinity], "c": 1}', {"a": "NaN", "b": ["-Infinity"], "c": 1}),
        *((content, "the response is empty") for content in (b"", b" \r\n")),
        *(
            (content, "the response is not JSON")
            for content in (b"<html></html>", b'{"data": [', b'"\xff"', b"[" * 100_000)
        ),
    ],
)
def test_body_is_decoded_or_says_that_it_is_none(content: bytes, body: t.Any) -> None:
    if str(body).startswith("the response"):
        with pytest.raises(RetriableError, match=body):
            _ = answer(content).body
    else:
        assert answer(content).body == answer(content).json() == body
