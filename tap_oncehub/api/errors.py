"""What a request can end in, and what it means: passing faults and refusals."""

from __future__ import annotations

import re
import typing as t
from http import HTTPStatus

import requests

from tap_oncehub.errors import AccessRefusedError, RequestRefusedError, WrongAddressError
from tap_oncehub.settings import DEFAULT_API_URL, KEYS_PAGE

if t.TYPE_CHECKING:
    from tap_oncehub.api.response import Answer

_RETRIED = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
}


UNTRUSTED = re.compile(r"certificate verify failed(?:: ([^(]+?))?\.? *\(")
_NOT_SECURE = (
    "a secure connection was not possible (REQUESTS_CA_BUNDLE, where it is set, must "
    "name a file with certificates)"
)
_NETWORK_FAULTS: list[tuple[type[Exception], str, bool]] = [
    (requests.exceptions.SSLError, _NOT_SECURE, False),
    (requests.exceptions.ProxyError, "the proxy does not work", False),
    (requests.exceptions.ConnectTimeout, "connecting took too long", False),
    (requests.exceptions.Timeout, "the answer took too long", True),
    (requests.exceptions.ChunkedEncodingError, "the answer was cut short", True),
    (requests.exceptions.ContentDecodingError, "the answer was garbled", True),
]


class RetriableError(Exception):
    """A failure that may pass by itself; the text says what happened.

    Attributes:
        retry_after: Seconds that OnceHub asks to wait, if it does.
        refused: Whether it was a 429.
        answered: Whether anything at the address reacted.
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        refused: bool = False,
        answered: bool = True,
    ) -> None:
        """Keep what the wait depends on."""
        super().__init__(message)
        self.retry_after = retry_after
        self.refused = refused
        self.answered = answered


def refusal(
    answer: Answer, path: str, stream: str, secret: str, *, first: bool
) -> Exception | None:
    """Say what an answer's status means; None where it is a success.

    Args:
        answer: The answer.
        path: What was asked for.
        stream: The stream that asked.
        secret: The API key, kept out of every message.
        first: Whether no sound answer came before, so that the address may be wrong.
    """
    status = answer.status_code
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return None
    words = answer.own_words(secret)
    if status in _RETRIED or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        refused = status == HTTPStatus.TOO_MANY_REQUESTS
        text = f"HTTP {status}{words}"
        return RetriableError(text, retry_after=answer.retry_after, refused=refused)
    words = f"{path} answered {status}{words}"
    if status == HTTPStatus.UNAUTHORIZED:
        return AccessRefusedError(
            f"{stream}: OnceHub does not accept the API key: {words}. "
            f"Set api_key to a valid key, made in {KEYS_PAGE}."
        )
    if status == HTTPStatus.FORBIDDEN:
        return AccessRefusedError(
            f"{stream}: OnceHub refuses access to its API: {words}. "
            "The account's plan must include API access."
        )
    redirected = status < HTTPStatus.BAD_REQUEST
    if redirected:
        words += ", a redirect, which is not followed"
    elsewhere = status == HTTPStatus.NOT_FOUND and not answer.explained
    if first and (redirected or elsewhere):
        words += f". Check api_url, {DEFAULT_API_URL} is the usual one"
        return WrongAddressError(words, status=status)
    return RequestRefusedError(words, status=status)


def network_failure(error: requests.exceptions.RequestException) -> RetriableError:
    """Name a network failure without the texts of libraries, which quote URLs.

    Args:
        error: What requests raised.
    """
    for kind, text, answered in _NETWORK_FAULTS:
        if isinstance(error, kind):
            return RetriableError(text, answered=answered)
    text = str(error)
    if "resolve" in text.lower() or "getaddrinfo" in text:
        return RetriableError("the host name is not known", answered=False)
    if "NewConnectionError" in text or "refused" in text:
        return RetriableError("the connection was refused", answered=False)
    return RetriableError("the connection broke")


def mistrust(reason: str | None) -> str:
    """Say what to do about a certificate that cannot be trusted.

    Args:
        reason: What the TLS library says of it.
    """
    return (
        f"its certificate cannot be trusted ({reason or 'unknown reason'}). Behind a "
        "proxy that inspects traffic, set REQUESTS_CA_BUNDLE to the file with the "
        "proxy's certificate"
    )


def path_of(request: requests.PreparedRequest) -> str:
    """Give the path that a request asks for, without its parameters.

    Args:
        request: The request.
    """
    return request.path_url.partition("?")[0]
