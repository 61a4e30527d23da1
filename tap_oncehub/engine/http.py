"""One conversation with the OnceHub API: request, key, limits, retries.

What it rests on: OnceHub's reference of the API v2 (errors, limits, Request-Id) and
the facts in the project's notes; where those are silent, every case is handled.
"""

from __future__ import annotations

import itertools
import random
import time
import typing as t
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cached_property
from http import HTTPStatus

import requests

from tap_oncehub.client import (
    KEY_CHECK_PATH,
    RetriableError,
    error_for_exception,
    error_for_response,
    exhausted,
    path_of,
)
from tap_oncehub.engine.errors import EndpointError, RefusedError
from tap_oncehub.engine.progress import EVERY_SECONDS
from tap_oncehub.engine.response import BadBodyError, JsonResponse
from tap_oncehub.settings import is_loopback

if t.TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator

    from tap_oncehub.engine.limiter import RequestLimiter
    from tap_oncehub.engine.progress import Progress, StreamStats
    from tap_oncehub.engine.signals import SignalWaiter

    Check: t.TypeAlias = Callable[[t.Any], str | None]

_FIRST_CONTACT_SECONDS = 10.0
_CONNECT_SECONDS = 10.0
_LONGEST_BACKOFF_SECONDS = 60.0
_CLOCKS_APART = timedelta(minutes=5)
_SLOWEST = 5
"""How many times its time-out a whole response may take."""
_MOST_MEGABYTES = 64
_BLOCK_BYTES = 1 << 16


@dataclass
class HttpClient:
    """Sends requests within the limits and returns sound responses only.

    Attributes:
        max_wait_seconds: How long one request may take with all its retries.
        secret: The API key, kept out of every message.
    """

    limiter: RequestLimiter
    logger: logging.Logger
    timeout_seconds: float
    max_wait_seconds: float
    secret: str
    api_url: str
    progress: Progress
    waiter: SignalWaiter
    _answered: bool = False
    _sound: bool = False
    _key_checked: bool = False
    _clock: tuple[datetime, float] | None = None
    _patience: float = float("inf")

    @cached_property
    def session(self) -> requests.Session:
        """The connection that all streams share."""
        return requests.Session()

    @contextmanager
    def patience(self, seconds: float) -> Iterator[None]:
        """Retry within the block for so many seconds at most, where something answers."""
        before, self._patience = self._patience, seconds
        try:
            yield
        finally:
            self._patience = before

    @property
    def now(self) -> datetime:
        """The time by OnceHub's clock, rounded down; this machine's before any response."""
        if self._clock is None:
            return datetime.now(timezone.utc)
        moment, then = self._clock
        return moment + timedelta(seconds=time.monotonic() - then)

    def send(
        self,
        request: requests.PreparedRequest,
        stats: StreamStats,
        check: Check | None = None,
    ) -> JsonResponse:
        """Send a request until there is a sound response.

        ``check`` returns what is wrong with a decoded body, None if nothing is.

        Raises:
            AccessRefusedError: On 401, and on a 403 that concerns the whole API.
            WrongAddressError: When not even the first response is OnceHub's.
            RefusedError: On any other response that will not change.
            EndpointError: When the endpoint stays broken for too long.
            RateLimitedError: When OnceHub refuses with 429 for too long.
            UnreachableError: When there is no response at all for too long.
        """
        spent = 0.0
        for attempt in itertools.count(1):
            while wait := self.limiter.try_acquire():
                self._sleep(wait, stats)
            started = time.monotonic()
            try:
                return self._attempt(request, stats, check)
            except RefusedError as error:
                if error.status == HTTPStatus.FORBIDDEN:
                    self._check_key(request, stats)
                raise
            except RetriableError as error:
                wait = self._wait_after(error, attempt)
                spent += time.monotonic() - started + wait
                if spent > self._retry_deadline(error):
                    raise exhausted(error, request, stats.stream, self.max_wait_seconds) from None
                self.logger.warning(
                    "%s: %s: %s; retry %d in %.1f s",
                    stats.stream,
                    path_of(request),
                    error,
                    attempt,
                    wait,
                )
                if not error.rate_limited:  # otherwise the limiter makes it wait
                    self._sleep(wait, stats)
        raise AssertionError  # the loop above has no end

    def _attempt(
        self, request: requests.PreparedRequest, stats: StreamStats, check: Check | None
    ) -> JsonResponse:
        self.progress.count_request(stats)
        try:
            with self.waiter.interruptible():
                response = self._exchange(request, stats.stream)
        finally:
            self.limiter.mark_completed()
        self._answered = True
        if response.status_code < HTTPStatus.OK:
            # The response itself is still to come, and would pass for that to the next request.
            self.session.close()
            text = f"HTTP {response.status_code}, an interim response that was not asked for"
            raise RetriableError(text)
        self._compare_clocks(response)
        self._clock = (response.server_time, time.monotonic())
        error = error_for_response(
            response, path_of(request), stats.stream, self.secret, first=not self._sound
        )
        if error:
            raise error
        if fault := _fault(response, check):
            self.session.close()  # whatever else comes on this connection
            raise RetriableError(fault)
        self._sound = True
        return response

    def _compare_clocks(self, response: JsonResponse) -> None:
        """Warn, once, of clocks that differ: the earlier one says when a sync began."""
        apart = abs((response.date or response.received_at) - response.received_at)
        if apart > _CLOCKS_APART and not self._clock:
            what = "this machine's clock and OnceHub's Date are %s apart; the earlier one counts"
            self.logger.warning(what, apart)

    def _check_key(self, refused: requests.PreparedRequest, stats: StreamStats) -> None:
        """Find out, once, whether a 403 concerns the whole API or one endpoint.

        Raises:
            AccessRefusedError: If OnceHub refuses everything.
        """
        if self._key_checked:
            return
        self._key_checked = True
        request = refused.copy()
        request.prepare_url(self.api_url + KEY_CHECK_PATH, None)
        with suppress(EndpointError):
            self.send(request, stats)

    def _exchange(self, request: requests.PreparedRequest, stream: str) -> JsonResponse:
        """Send once; the environment's proxies and certificates are used."""
        environment = self.session.merge_environment_settings(
            request.url or "", {}, stream=True, verify=None, cert=None
        )
        if is_loopback(self.api_url):
            environment["proxies"] = {}
        timeout = (min(_CONNECT_SECONDS, self.timeout_seconds), self.timeout_seconds)
        try:
            # A timeout is for each byte.
            with self.waiter.deadline(_SLOWEST * self.timeout_seconds):
                # A redirect would hand the key to another host.
                response = self.session.send(
                    request, timeout=timeout, allow_redirects=False, **environment
                )
                with response:
                    return JsonResponse(response, _content(response, request))
        except (OSError, ValueError) as error:  # RequestException is an OSError
            raise error_for_exception(error, request, stream) from None

    def _sleep(self, seconds: float, stats: StreamStats) -> None:
        """Sleep on a stream's account, reporting it."""
        started = time.monotonic()
        until = datetime.now().astimezone() + timedelta(seconds=seconds)
        try:
            while (left := started + seconds - time.monotonic()) > 0:
                self.progress.report_wait(stats, left, until)
                self.waiter.sleep(min(left, EVERY_SECONDS))
        finally:
            stats.waited += time.monotonic() - started

    def _retry_deadline(self, error: RetriableError) -> float:
        """Return the seconds that one request may take with its retries.

        Where nothing has ever answered, a wrong address is likelier than a fault.
        """
        if error.answered and not error.rate_limited and error.retry_after is None:
            return min(self._patience, self.max_wait_seconds)
        if error.answered or self._answered:
            return self.max_wait_seconds
        return min(self.max_wait_seconds, _FIRST_CONTACT_SECONDS)

    def _wait_after(self, error: RetriableError, attempt: int) -> float:
        if error.rate_limited:
            return self.limiter.on_rate_limited(error.retry_after)
        ceiling = min(_LONGEST_BACKOFF_SECONDS, 2.0 ** min(attempt - 1, 10))
        backoff = ceiling * random.uniform(0.5, 1.0)  # noqa: S311
        return max(backoff, error.retry_after or 0.0)


def _content(response: requests.Response, request: requests.PreparedRequest) -> bytes:
    """Read a body, up to what a page can be; one that is compressed may hide any size."""
    content = bytearray()
    for block in response.iter_content(_BLOCK_BYTES):
        content += block
        if len(content) > _MOST_MEGABYTES << 20:
            text = f"{path_of(request)} answered with more than {_MOST_MEGABYTES} MB"
            raise EndpointError(text + ". A smaller page_size may help")
    return bytes(content)


def _fault(response: JsonResponse, check: Check | None) -> str | None:
    try:
        body = response.body
    except BadBodyError as error:
        return str(error)
    return check(body) if check else None
