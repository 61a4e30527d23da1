"""What failed requests mean, without what libraries and servers say of secrets."""

from __future__ import annotations

import pytest
import requests

from tap_oncehub.engine.errors import RefusedError, RetriableError, TapError, network_error
from tap_oncehub.tap import error_for_response
from tests.support.responses import answer

KEY = "key-0815"
URL = "https://api.example.com/v2/users"


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
    fault = network_error(error, URL)
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
    fault = network_error(error, URL)
    assert isinstance(fault, TapError)
    assert hint in str(fault)
    assert KEY not in str(fault)


CHECK = "/v2/test"


def refusal(status: int, body: object = None, path: str = "/v2/users") -> TapError:
    response = answer(body, status)
    return error_for_response(response, path, f"{path} answered", check_path=CHECK)


API_ERROR = {"type": "invalid_request_error", "message": "No such user", "param": "id"}


@pytest.mark.parametrize(
    ("status", "elsewhere", "when_the_key_is_checked"),
    [
        (401, TapError, TapError),
        (403, RefusedError, TapError),
        (302, RefusedError, TapError),
        (308, RefusedError, TapError),
        (404, RefusedError, TapError),
        (304, RefusedError, TapError),
        (400, RefusedError, RefusedError),
        (422, RefusedError, RefusedError),
    ],
)
@pytest.mark.parametrize("body", [None, API_ERROR])
def test_a_refusal_means_more_where_the_key_is_checked(
    status: int, elsewhere: type, when_the_key_is_checked: type, body: object
) -> None:
    assert type(refusal(status, body)) is elsewhere
    assert type(refusal(status, body, "/v2/bookings/test")) is elsewhere
    assert type(refusal(status, body, CHECK)) is when_the_key_is_checked


def test_a_refusal_of_one_endpoint_has_its_status() -> None:
    error = refusal(404, API_ERROR)
    assert isinstance(error, RefusedError)
    assert error.status == 404
