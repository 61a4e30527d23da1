"""What a failed request means, and what a person can do about it: in one place."""

from __future__ import annotations

import re
import typing as t
from http import HTTPStatus

import requests

from tap_oncehub.engine.errors import (
    AccessRefusedError,
    EndpointError,
    NotFoundError,
    RateLimitedError,
    RefusedError,
    TapError,
    UnreachableError,
    WrongAddressError,
)
from tap_oncehub.settings import DEFAULT_API_URL, KEYS_PAGE

if t.TYPE_CHECKING:
    from tap_oncehub.engine.response import JsonResponse

KEY_CHECK_PATH = "/test"
"""What OnceHub answers for every key that has access to its API."""
_RETRIED = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
}
_REDIRECTS = {301, 302, 303, 307, 308}
_UNTRUSTED = re.compile(r"certificate verify failed(?:: ([^(]+?))?\.? *\(")
_NOT_SECURE = (
    "a secure connection was not possible (REQUESTS_CA_BUNDLE, where it is set, must "
    "name a file with certificates)"
)
_BAD_PROXY = "the address of the proxy is not usable. Check HTTPS_PROXY"
_NO_CERTIFICATES = (
    "its certificate cannot be checked without the file that REQUESTS_CA_BUNDLE names. "
    "Check that it is there"
)
_NETWORK_FAULTS: list[tuple[type[Exception], str, bool]] = [
    (requests.exceptions.InvalidHeader, "the headers of the response contradict", True),
    (requests.exceptions.SSLError, _NOT_SECURE, False),
    (requests.exceptions.ProxyError, "the proxy does not work", False),
    (requests.exceptions.ConnectTimeout, "connecting took too long", False),
    (requests.exceptions.Timeout, "the response took too long", True),
    (requests.exceptions.ChunkedEncodingError, "the response was cut short", True),
    (requests.exceptions.ContentDecodingError, "the response was garbled", True),
    (TimeoutError, "the response took too long", True),
]


class RetriableError(Exception):
    """A failure that may pass by itself; the text says what happened.

    Attributes:
        retry_after: Seconds that OnceHub asks to wait, if it does.
        rate_limited: Whether it was a 429.
        answered: Whether anything at the address reacted.
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        rate_limited: bool = False,
        answered: bool = True,
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.rate_limited = rate_limited
        self.answered = answered


def error_for_response(
    response: JsonResponse, path: str, stream: str, secret: str, *, first: bool
) -> Exception | None:
    """Return what a response's status means; None where it is a success.

    Args:
        response: The response.
        path: What was asked for.
        stream: The stream that asked.
        secret: The API key, kept out of every message.
        first: Whether no sound response came before, so that the address may be wrong.
    """
    status = response.status_code
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return None
    detail = response.error_detail(secret)
    if status in _RETRIED or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        rate_limited = status == HTTPStatus.TOO_MANY_REQUESTS
        text = f"HTTP {status}{detail}"
        return RetriableError(text, retry_after=response.retry_after, rate_limited=rate_limited)
    text = f"{path} answered {status}{detail}"
    if status == HTTPStatus.UNAUTHORIZED:
        return AccessRefusedError(
            f"{stream}: OnceHub does not accept the API key: {text}. "
            f"Set api_key to a valid key, made in {KEYS_PAGE}."
        )
    if status == HTTPStatus.FORBIDDEN:
        if first or path.endswith(KEY_CHECK_PATH):
            return AccessRefusedError(
                f"{stream}: OnceHub refuses access to its API: {text}. "
                "The account's plan must include API access."
            )
        text += ". If the account's plan does not include this, deselect the stream"
    redirected = status in _REDIRECTS
    if redirected:
        text += ", a redirect, which is not followed"
    elif status < HTTPStatus.BAD_REQUEST:
        text += ", which does not answer this request"
    not_found = status == HTTPStatus.NOT_FOUND
    if first and (redirected or (not_found and not response.is_api_error)):
        text += f". Check api_url, {DEFAULT_API_URL} is the usual one"
        return WrongAddressError(text, status=status)
    kind = NotFoundError if not_found else RefusedError
    return kind(text, status=status, param=response.error_param)


def error_for_exception(
    error: Exception, request: requests.PreparedRequest, stream: str
) -> RetriableError | UnreachableError:
    """Return what a failed exchange means, without the texts of libraries, which quote URLs."""
    text = str(error)
    if match := _UNTRUSTED.search(text):
        return unreachable(request, stream, tls_hint(match[1]))
    if "Read timed out" in text:  # of a body, which is a plain ConnectionError
        return RetriableError("the response took too long")
    for kind, fault, answered in _NETWORK_FAULTS:
        if isinstance(error, kind):
            return RetriableError(fault, answered=answered)
    if isinstance(error, ValueError) or not isinstance(error, requests.RequestException):
        hint = _BAD_PROXY if isinstance(error, ValueError) else _NO_CERTIFICATES
        return unreachable(request, stream, hint)
    if "resolve" in text.lower() or "getaddrinfo" in text:
        return RetriableError("the host name is not known", answered=False)
    refused = "NewConnectionError" in text or "refused" in text
    return RetriableError(
        f"the connection {'was refused' if refused else 'broke'}", answered=not refused
    )


def exhausted(
    error: RetriableError, request: requests.PreparedRequest, stream: str, max_wait: float
) -> TapError:
    """Return the error that ends the retries of a request, ``max_wait`` seconds long."""
    limit = f"max_wait_seconds ({max_wait:g} s)"
    if error.retry_after and error.retry_after > max_wait:
        text = f"OnceHub asks to wait {error.retry_after:,.0f} s (Retry-After), longer than "
        text += f"{limit}: {error}. Run again later, or raise max_wait_seconds."
        if error.rate_limited:
            return RateLimitedError(f"{stream}: {text}")
        return EndpointError(f"{path_of(request)}: {text}")
    if error.rate_limited:
        return RateLimitedError(
            f"{stream}: still rate-limited by OnceHub after {limit}: {error}. "
            "Find out who else uses the account or this address, or run again later."
        )
    if error.answered:
        return EndpointError(
            f"{path_of(request)} still fails after {limit}: {error}. Run again later."
        )
    hint = f"{error}. Check the network, the proxy and api_url, then run again"
    return unreachable(request, stream, hint)


def unreachable(request: requests.PreparedRequest, stream: str, hint: str) -> UnreachableError:
    """Return an error that says that nothing can be read, why, and what to do."""
    place = (request.url or "").partition("?")[0]
    return UnreachableError(f"{stream}: no answer from {place}: {hint}.")


def tls_hint(reason: str | None) -> str:
    """Return what to do about a certificate that cannot be trusted."""
    return (
        f"its certificate cannot be trusted ({reason or 'unknown reason'}). Behind a "
        "proxy that inspects traffic, set REQUESTS_CA_BUNDLE to the file with the "
        "proxy's certificate"
    )


def path_of(request: requests.PreparedRequest) -> str:
    """Return the path that a request asks for, without its parameters."""
    return request.path_url.partition("?")[0]
