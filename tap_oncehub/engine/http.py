"""One conversation with a service: request, limits, retries."""

import logging
import random
import time
import typing as t
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass, field
from datetime import datetime, timedelta, timezone
from http import HTTPStatus

import requests
from requests import PreparedRequest

from tap_oncehub.engine.errors import EndpointError, RetriableError, TapError, network_error
from tap_oncehub.engine.limiter import RequestLimiter
from tap_oncehub.engine.progress import EVERY_SECONDS, Progress, StreamStats
from tap_oncehub.engine.response import JsonResponse
from tap_oncehub.engine.signals import SignalWaiter

Check: t.TypeAlias = Callable[[t.Any], str | None]  # what is wrong with a decoded body

_RETRIED = {408, 425, 429}
_FIRST_CONTACT_SECONDS = 10.0
_CONNECT_SECONDS = 10.0
_LONGEST_BACKOFF_SECONDS = 60.0
_SLOWEST = 5  # times its time-out a whole response may take
_MOST_MEGABYTES = 64
_BLOCK_BYTES = 1 << 16


@dataclass
class HttpClient:
    """Sends requests within the limits and returns sound responses only."""

    limiter: RequestLimiter
    logger: logging.Logger
    _: KW_ONLY
    service: str
    # Says what a refusal means: a response, the path asked for, and both in words.
    explain: Callable[[JsonResponse, str, str], TapError]
    timeout_seconds: float
    max_wait_seconds: float
    secret: str  # kept out of every message
    direct: bool  # without a proxy
    progress: Progress
    waiter: SignalWaiter
    address: str = "the address"  # what people set where it is wrong
    session: requests.Session = field(default_factory=requests.Session)
    _patience: float = float("inf")
    _ahead: timedelta | None = None  # the service's clock, since it has answered

    @property
    def now(self) -> datetime:
        """The time by the service's clock, rounded down; this machine's before any response."""
        return datetime.now(timezone.utc) + (self._ahead or timedelta(0))

    @contextmanager
    def patience(self, seconds: float) -> Iterator[None]:
        """Retry what is answered, but not soundly, for so many seconds at most.

        A 429, a Retry-After, or no answer at all is waited out as always.
        """
        before, self._patience = self._patience, seconds
        try:
            yield
        finally:
            self._patience = before

    def send(self, request: PreparedRequest, stats: StreamStats, check: Check) -> JsonResponse:
        """Send a request until there is a sound response, or patience or time is over."""
        attempt, spent, broken = 0, 0.0, 0.0
        while True:
            attempt += 1
            while wait := self.limiter.try_acquire():
                self._sleep(wait, stats)
            started = time.monotonic()
            try:
                return self._attempt(request, stats, check)
            except RetriableError as error:
                self.session.close()  # whatever else comes on this connection
                wait = self._wait_after(error, attempt)
                took = time.monotonic() - started + wait
                spent += took
                broken += took if error.broken else 0.0
                if broken > self._patience:
                    raise self._exhausted(error, request, f"{self._patience:g} s") from None
                longest = self.max_wait_seconds
                if not error.answered and self._ahead is None:  # a wrong address is likelier
                    longest = min(longest, _FIRST_CONTACT_SECONDS)
                if spent > longest:
                    limit = f"max_wait_seconds ({self.max_wait_seconds:g} s)"
                    raise self._exhausted(error, request, limit) from None
                what = (stats.stream, _path_of(request), error, attempt, wait)
                self.logger.warning("%s: %s: %s; retry %d in %.1f s", *what)
                self._sleep(wait, stats)

    def _attempt(self, request: PreparedRequest, stats: StreamStats, check: Check) -> JsonResponse:
        self.progress.count_request(stats)
        try:
            with self.waiter.interruptible():
                response = self._exchange(request)
        finally:
            self.limiter.mark_completed()
        self._ahead = response.server_time - datetime.now(timezone.utc)
        path, status = _path_of(request), response.status_code
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            if fault := check(response.body):
                raise RetriableError(fault)
            return response
        text = response.error_detail(self.secret)
        if status in _RETRIED or not HTTPStatus.OK < status < HTTPStatus.INTERNAL_SERVER_ERROR:
            limited, after = status == HTTPStatus.TOO_MANY_REQUESTS, response.retry_after
            raise RetriableError(f"HTTP {status}{text}", rate_limited=limited, retry_after=after)
        raise self.explain(response, path, f"{path} answered {status}{text}")

    def _exchange(self, request: PreparedRequest) -> JsonResponse:
        """Send once; the environment's proxies and certificates are used."""
        merge = self.session.merge_environment_settings
        more = merge(request.url or "", {}, stream=True, verify=None, cert=None)
        if self.direct:
            more["proxies"] = {}
        limits = (min(_CONNECT_SECONDS, self.timeout_seconds), self.timeout_seconds)
        try:
            # A timeout is for each byte.
            with self.waiter.deadline(_SLOWEST * self.timeout_seconds):
                # A redirect would hand the key to another host.
                response = self.session.send(request, timeout=limits, allow_redirects=False, **more)
                with response:
                    return JsonResponse(response, _content(response, request))
        except (OSError, ValueError) as error:  # RequestException is an OSError
            raise network_error(error, _url_of(request)) from None

    def _sleep(self, seconds: float, stats: StreamStats) -> None:
        """Sleep on a stream's account, reporting it."""
        started = time.monotonic()
        until = datetime.now().astimezone() + timedelta(seconds=seconds)
        while (left := started + seconds - time.monotonic()) > 0:
            self.progress.report_wait(stats, left, until)
            self.waiter.sleep(min(left, EVERY_SECONDS))
        stats.waited += seconds

    def _wait_after(self, error: RetriableError, attempt: int) -> float:
        if error.rate_limited:
            return self.limiter.on_rate_limited(error.retry_after)
        ceiling = min(_LONGEST_BACKOFF_SECONDS, 2.0 ** min(attempt - 1, 10))
        backoff = ceiling * random.uniform(0.5, 1.0)  # noqa: S311
        return max(backoff, error.retry_after or 0.0)

    def _exhausted(self, error: RetriableError, request: PreparedRequest, limit: str) -> TapError:
        """Return the error that ends the retries of a request."""
        path, longest = _path_of(request), self.max_wait_seconds
        # Where others use up the limits, no stream could be read.
        kind = TapError if error.rate_limited else EndpointError
        if error.retry_after and error.retry_after > longest:
            asks = f"{self.service} asks to wait {error.retry_after:,.0f} s, longer than {limit}"
            return kind(f"{path}: {asks}: {error}. Run again later, or raise max_wait_seconds.")
        if error.rate_limited:
            hint = "Find out who else uses the account or this address, or run again later"
            what = f"{path}: still rate-limited by {self.service} after {limit}"
            return kind(f"{what}: {error}. {hint}.")
        if error.answered:
            return EndpointError(f"{path} still fails after {limit}: {error}. Run again later.")
        hint = f"Check the network, the proxy and {self.address}, then run again"
        return TapError(f"no answer from {_url_of(request)}: {error}. {hint}.")


def _content(response: requests.Response, request: PreparedRequest) -> bytes:
    """Read a body, up to what a page can be; one that is compressed may hide any size."""
    content = bytearray()
    for block in response.iter_content(_BLOCK_BYTES):
        content += block
        if len(content) > _MOST_MEGABYTES << 20:
            what = f"answered with more than {_MOST_MEGABYTES} MB. Smaller pages may help"
            raise EndpointError(f"{_path_of(request)} {what}")
    return bytes(content)


def _path_of(request: PreparedRequest) -> str:
    return request.path_url.partition("?")[0]


def _url_of(request: PreparedRequest) -> str:
    return (request.url or "").partition("?")[0]
