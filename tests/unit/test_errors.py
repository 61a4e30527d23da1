"""What failed requests mean, without what libraries and servers say of secrets."""

from __future__ import annotations

import pytest
import requests

from tap_oncehub.client import (
    RetriableError,
    error_for_exception,
    error_for_response,
    exhausted,
)
from tap_oncehub.engine.errors import (
    AccessRefusedError,
    EndpointError,
    NotFoundError,
    RateLimitedError,
    RefusedError,
    UnreachableError,
    WrongAddressError,
)
from tests.support.responses import answer

KEY = "key-0815"
REQUEST = requests.Request("GET", "https://api.example.com/v2/users?after=USR-1").prepare()


@pytest.mark.parametrize(
    ("error", "said", "answered"),
    [
        (requests.exceptions.ProxyError("http://u:pass@p"), "the proxy does not work", False),
        (requests.exceptions.ConnectTimeout(KEY), "connecting took too long", False),
        (requests.exceptions.ReadTimeout(KEY), "the response took too long", True),
        (requests.exceptions.ChunkedEncodingError(KEY), "the response was cut short", True),
        (requests.exceptions.ContentDecodingError(KEY), "the response was garbled", True),
        (requests.exceptions.ConnectionError("Failed to resolve"), "host name is not", False),
        (requests.exceptions.ConnectionError("NewConnectionError"), "was refused", False),
        (requests.exceptions.ConnectionError("reset by peer"), "the connection broke", True),
    ],
)
def test_network_failures_are_named_without_what_libraries_say(
    error: requests.exceptions.RequestException, said: str, *, answered: bool
) -> None:
    fault = error_for_exception(error, REQUEST, "users")
    assert isinstance(fault, RetriableError)
    assert said in str(fault)
    assert KEY not in str(fault)
    assert "pass" not in str(fault)
    assert fault.answered is answered


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (requests.exceptions.InvalidProxyURL(KEY), "HTTPS_PROXY"),
        (OSError(KEY), "REQUESTS_CA_BUNDLE"),
        (requests.exceptions.SSLError("certificate verify failed: expired ("), "expired"),
    ],
)
def test_what_no_retry_helps_says_what_to_set(error: Exception, hint: str) -> None:
    fault = error_for_exception(error, REQUEST, "users")
    assert isinstance(fault, UnreachableError)
    assert hint in str(fault)
    assert KEY not in str(fault)


def failure(status: int, body: object = None, *, first: bool = False) -> Exception | None:
    return error_for_response(answer(body, status), "/v2/users", "users", KEY, first=first)


API_ERROR = {"type": "invalid_request_error", "message": f"No such user for {KEY}"}


@pytest.mark.parametrize(
    ("status", "body", "first", "kind"),
    [
        (401, None, False, AccessRefusedError),
        (403, None, True, AccessRefusedError),
        (403, None, False, RefusedError),
        (302, None, False, RefusedError),
        (302, None, True, WrongAddressError),
        (404, None, True, WrongAddressError),
        (404, API_ERROR, True, NotFoundError),
        (404, None, False, NotFoundError),
        (400, API_ERROR, True, RefusedError),
        (429, None, True, RetriableError),
        (408, None, True, RetriableError),
        (503, None, True, RetriableError),
    ],
)
def test_the_status_decides(status: int, body: object, kind: type, *, first: bool) -> None:
    error = failure(status, body, first=first)
    assert type(error) is kind
    assert KEY not in str(error)
    assert getattr(error, "rate_limited", False) is (status == 429)


def test_a_refused_check_of_the_key_concerns_the_whole_api() -> None:
    error = error_for_response(answer({}, 403), "/v2/test", "sms_notifications", KEY, first=False)
    assert type(error) is AccessRefusedError


def test_a_success_is_no_error() -> None:
    assert failure(200, {}) is None


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (RetriableError("HTTP 429", rate_limited=True), RateLimitedError),
        (RetriableError("HTTP 503"), EndpointError),
        (RetriableError("refused", answered=False), UnreachableError),
    ],
)
def test_what_the_end_of_retries_means(error: RetriableError, kind: type) -> None:
    ended = exhausted(error, REQUEST, "users", 900)
    assert type(ended) is kind
    assert "USR-1" not in str(ended)
