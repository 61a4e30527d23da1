"""One conversation with the OnceHub API: request, key, limits, retries, errors.

What it rests on: OnceHub's reference of the API v2 (errors, limits, Request-Id) and
the facts in the project's notes; where those are silent, every case is handled.
"""

from __future__ import annotations

import itertools
import random
import re
import time
import typing as t
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from email.utils import parsedate_to_datetime
from functools import cached_property
from http import HTTPStatus

import msgspec
import requests
from requests.adapters import HTTPAdapter

from tap_oncehub.errors import (
    AccessRefusedError,
    EndpointError,
    OnceHubError,
    RequestRefusedError,
    UnreachableError,
)
from tap_oncehub.settings import KEYS_PAGE

if t.TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    from tap_oncehub.limits import RequestLimiter
    from tap_oncehub.progress import Progress, Tally

    Check: t.TypeAlias = Callable[[t.Any], str | None]

_FIRST_CONTACT_SECONDS = 10.0
_CONNECT_SECONDS = 10.0
_LONGEST_BACKOFF_SECONDS = 60.0
_LONGEST_MESSAGE = 300
_RETRIED = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
}
_EMAIL = re.compile(r"[^\s@<>\"']+@[^\s@<>\"']+")
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_DECODER = msgspec.json.Decoder(float_hook=Decimal)


class RetriableError(Exception):
    """A failure that may pass by itself; the text says what happened.

    Attributes:
        retry_after: Seconds that OnceHub asks to wait, if it does.
        refused: Whether it was a 429.
        answered: Whether OnceHub answered at all.
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


class Answer(requests.Response):
    """A response of OnceHub whose body is decoded once."""

    @cached_property
    def body(self) -> t.Any:  # noqa: ANN401
        """The decoded body; None where there is none to expect.

        Raises:
            RetriableError: If the body is no JSON.
        """
        if self.status_code == HTTPStatus.NO_CONTENT:
            return None
        return _decode(self.content)

    def json(self, **_kwargs: t.Any) -> t.Any:  # noqa: ANN401
        """Give the decoded body, as the SDK's helpers ask for it."""
        return self.body

    @property
    def sent_at(self) -> datetime:
        """OnceHub's own time when the request was on its way, rounded down.

        Without a usable Date header it is this machine's time.
        """
        try:
            stamp = parsedate_to_datetime(self.headers["Date"])
            stamp = stamp.astimezone(timezone.utc)
        except (KeyError, ValueError, TypeError):
            stamp = datetime.now(timezone.utc)
        return stamp - self.elapsed - timedelta(seconds=1)


class _AnswerAdapter(HTTPAdapter):
    def build_response(
        self, req: requests.PreparedRequest, resp: t.Any  # noqa: ANN401
    ) -> requests.Response:
        response = super().build_response(req, resp)
        response.__class__ = Answer
        return response


@dataclass
class OnceHubClient:
    """Sends requests within the limits and gives back sound answers only.

    Attributes:
        limiter: The limits that all requests share.
        logger: Where retries are told.
        timeout_seconds: Patience for one answer.
        max_wait_seconds: Patience for one request with all its retries.
        secret: The API key, kept out of every message.
        progress: Counts requests and does the waiting.
    """

    limiter: RequestLimiter
    logger: logging.Logger
    timeout_seconds: float
    max_wait_seconds: float
    secret: str
    progress: Progress
    _answered: bool = False

    @cached_property
    def session(self) -> requests.Session:
        """The connection that all streams share."""
        session = requests.Session()
        session.mount("https://", _AnswerAdapter())
        session.mount("http://", _AnswerAdapter())
        return session

    def send(
        self,
        request: requests.PreparedRequest,
        tally: Tally,
        check: Check | None = None,
    ) -> Answer:
        """Send a request until it is answered soundly.

        Args:
            request: The request, key included.
            tally: The costs of the stream that asks.
            check: Says what is wrong with a decoded body, None if nothing is.

        Returns:
            An answer with a 2xx status and a sound body.

        Raises:
            AccessRefusedError: On 401 and 403.
            RequestRefusedError: On any other answer that will not change.
            EndpointError: When the endpoint stays broken for too long.
            UnreachableError: When no answer comes at all for too long.
        """
        spent = 0.0
        for attempt in itertools.count(1):
            self.progress.turn_to(tally)
            self.limiter.acquire()
            started = time.monotonic()
            try:
                return self._attempt(request, tally, check)
            except RetriableError as error:
                wait = self._wait_after(error, attempt)
                spent += time.monotonic() - started + wait
                if spent > self._patience(error):
                    raise self._give_up(error, request) from None
                self._tell(error, request, wait, attempt)
                if not error.refused:
                    self.progress.pause(wait)
        raise AssertionError  # the loop above has no end

    def _attempt(
        self, request: requests.PreparedRequest, tally: Tally, check: Check | None
    ) -> Answer:
        self.progress.requested(tally)
        try:
            with self.progress.interruption.breakable():
                answer = self._exchange(request)
        finally:
            self.limiter.settle()
        self._answered = True
        self._judge(answer, request)
        if check and (fault := check(answer.body)):
            raise RetriableError(fault)
        _ = answer.body
        return answer

    def _exchange(self, request: requests.PreparedRequest) -> Answer:
        """Send once; the environment's proxies and certificates are used."""
        url = request.url or ""
        environment = self.session.merge_environment_settings(
            url, {}, stream=False, verify=None, cert=None
        )
        timeout = (min(_CONNECT_SECONDS, self.timeout_seconds), self.timeout_seconds)
        try:
            answer = self.session.send(
                request, timeout=timeout, allow_redirects=False, **environment
            )
        except requests.exceptions.SSLError:
            raise UnreachableError(_certificate_advice(_place(request))) from None
        except requests.exceptions.RequestException as error:
            raise RetriableError(_network_fault(error), answered=False) from None
        return t.cast("Answer", answer)

    def _judge(self, answer: Answer, request: requests.PreparedRequest) -> None:
        status = answer.status_code
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return
        if status in _RETRIED or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise RetriableError(
                f"HTTP {status}{self._own_words(answer)}",
                retry_after=_retry_after(answer),
                refused=status == HTTPStatus.TOO_MANY_REQUESTS,
            )
        words = f"{_path(request)} answered {status}{self._own_words(answer)}"
        if status == HTTPStatus.UNAUTHORIZED:
            msg = f"OnceHub does not accept the API key: {words}. Set api_key to a "
            raise AccessRefusedError(msg + f"valid key, made in {KEYS_PAGE}.")
        if status == HTTPStatus.FORBIDDEN:
            msg = f"OnceHub refuses access to its API: {words}. The account's plan "
            raise AccessRefusedError(msg + "must include API access.")
        if status < HTTPStatus.BAD_REQUEST:
            words += ", a redirect, which is not followed: check api_url"
        raise RequestRefusedError(words, status=status)

    def _own_words(self, answer: Answer) -> str:
        """What OnceHub says of the error, without anything secret or personal."""
        try:
            body = answer.body
        except RetriableError:
            body = None
        said = body if isinstance(body, dict) else {}
        parts = [str(said[key]) for key in ("type", "message") if said.get(key)]
        if said.get("param"):
            parts.append(f"param {said['param']}")
        if identifier := answer.headers.get("Request-Id"):
            parts.append(f"Request-Id {identifier}")
        text = " ".join(", ".join(parts).split()).replace(self.secret, "…")
        text = _EMAIL.sub("…", text)[:_LONGEST_MESSAGE].rstrip(" .")
        return f" ({text})" if text else ""

    def _patience(self, error: RetriableError) -> float:
        """Seconds that one request may take with its retries.

        Where nothing has ever answered, a wrong address is likelier than a fault.
        """
        if error.answered or self._answered:
            return self.max_wait_seconds
        return min(self.max_wait_seconds, _FIRST_CONTACT_SECONDS)

    def _wait_after(self, error: RetriableError, attempt: int) -> float:
        if error.refused:
            return self.limiter.refused(error.retry_after)
        if error.retry_after is not None:
            return error.retry_after
        ceiling = min(_LONGEST_BACKOFF_SECONDS, 2.0 ** min(attempt - 1, 10))
        return ceiling * random.uniform(0.5, 1.0)  # noqa: S311

    def _give_up(
        self, error: RetriableError, request: requests.PreparedRequest
    ) -> OnceHubError:
        if error.retry_after is not None and error.retry_after > self.max_wait_seconds:
            hint = (
                f"OnceHub asks to wait {error.retry_after:.0f} s, longer than "
                f"max_wait_seconds ({self.max_wait_seconds:.0f})"
            )
            return EndpointError(f"{_path(request)}: {error}; {hint}.")
        if error.answered:
            return EndpointError(
                f"{_path(request)} stayed broken for max_wait_seconds "
                f"({self.max_wait_seconds:.0f} s): {error}. Run again later."
            )
        return UnreachableError(
            f"No answer from {_place(request)}: {error}. Check the network, the "
            "proxy and the setting api_url, then run again."
        )

    def _tell(
        self,
        error: RetriableError,
        request: requests.PreparedRequest,
        wait: float,
        attempt: int,
    ) -> None:
        self.logger.warning(
            "%s: %s; try %d follows in %.1f s",
            _path(request),
            error,
            attempt + 1,
            wait,
        )


def _decode(content: bytes) -> t.Any:  # noqa: ANN401
    """Decode JSON; halves of surrogate pairs, which cut texts end in, become U+FFFD.

    Raises:
        RetriableError: If the content is no JSON.
    """
    if not content.strip():
        msg = "the answer is empty"
        raise RetriableError(msg)
    content = content.removeprefix(b"\xef\xbb\xbf")
    try:
        return _DECODER.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    try:
        return _DECODER.decode(_ESCAPE.sub(_mend_escape, content))
    except (msgspec.DecodeError, UnicodeDecodeError):
        msg = "the answer is no JSON"
        raise RetriableError(msg) from None


def _mend_escape(match: re.Match[bytes]) -> bytes:
    return rb"\ufffd" if match[1] else match[0]


def _retry_after(answer: Answer) -> float | None:
    """Read Retry-After, given in seconds or as a date."""
    text = answer.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    try:
        until = parsedate_to_datetime(text).astimezone(timezone.utc)
        now = parsedate_to_datetime(answer.headers["Date"]).astimezone(timezone.utc)
    except (KeyError, ValueError, TypeError):
        return None
    return max(0.0, (until - now).total_seconds())


def _path(request: requests.PreparedRequest) -> str:
    return request.path_url.partition("?")[0]


def _place(request: requests.PreparedRequest) -> str:
    return (request.url or "").partition("?")[0]


def _network_fault(error: requests.exceptions.RequestException) -> str:
    """Name a network failure without the texts of libraries, which quote URLs."""
    kinds: list[tuple[type[Exception], str]] = [
        (requests.exceptions.ProxyError, "the proxy does not work"),
        (requests.exceptions.ConnectTimeout, "connecting took too long"),
        (requests.exceptions.Timeout, "the answer took too long"),
        (requests.exceptions.ChunkedEncodingError, "the answer was cut short"),
        (requests.exceptions.ContentDecodingError, "the answer was garbled"),
    ]
    for kind, text in kinds:
        if isinstance(error, kind):
            return text
    text = str(error)
    if "NameResolution" in text or "getaddrinfo" in text or "Name or service" in text:
        return "the host name is not known"
    if "refused" in text:
        return "the connection was refused"
    return "the connection broke"


def _certificate_advice(place: str) -> str:
    return (
        f"The certificate of {place} cannot be trusted: behind a proxy that inspects "
        "traffic, set REQUESTS_CA_BUNDLE to the file with its certificate."
    )
