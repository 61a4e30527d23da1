"""One conversation with the OnceHub API: request, key, limits, retries, errors.

What it rests on: OnceHub's reference of the API v2 (errors, limits, Request-Id) and
the facts in the project's notes; where those are silent, every case is handled.
"""

from __future__ import annotations

import itertools
import random
import time
import typing as t
from dataclasses import dataclass
from functools import cached_property

import requests

from tap_oncehub.api.errors import (
    UNTRUSTED,
    RetriableError,
    mistrust,
    network_failure,
    path_of,
    refusal,
)
from tap_oncehub.api.response import AnswerAdapter, BadBodyError
from tap_oncehub.errors import EndpointError, LimitsUsedUpError, OnceHubError, UnreachableError

if t.TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    from tap_oncehub.api.rate_limit import RequestLimiter
    from tap_oncehub.api.response import Answer
    from tap_oncehub.progress import Progress, Tally

    Check: t.TypeAlias = Callable[[t.Any], str | None]

_FIRST_CONTACT_SECONDS = 10.0
_CONNECT_SECONDS = 10.0
_LONGEST_BACKOFF_SECONDS = 60.0


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
    _sound: bool = False

    @cached_property
    def session(self) -> requests.Session:
        """The connection that all streams share."""
        session = requests.Session()
        session.mount("https://", AnswerAdapter())
        session.mount("http://", AnswerAdapter())
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
            WrongAddressError: When not even the first answer is OnceHub's.
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
        first = not self._sound
        failure = refusal(answer, path_of(request), self.progress.stream, self.secret, first=first)
        if failure:
            raise failure
        if fault := _fault(answer, check):
            raise RetriableError(fault)
        self._sound = True
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
        except ValueError:
            hint = "the address of the proxy is not usable. Check HTTPS_PROXY"
            raise self._unreachable(request, hint) from None
        except requests.exceptions.RequestException as error:
            if match := UNTRUSTED.search(str(error)):
                raise self._unreachable(request, mistrust(match[1])) from None
            raise network_failure(error) from None
        except OSError:
            hint = "its certificate cannot be checked without the file that "
            hint += "REQUESTS_CA_BUNDLE names. Check that it is there"
            raise self._unreachable(request, hint) from None
        return t.cast("Answer", answer)

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
        ceiling = min(_LONGEST_BACKOFF_SECONDS, 2.0 ** min(attempt - 1, 10))
        backoff = ceiling * random.uniform(0.5, 1.0)  # noqa: S311
        return max(backoff, error.retry_after or 0.0)

    def _give_up(self, error: RetriableError, request: requests.PreparedRequest) -> OnceHubError:
        patience = f"max_wait_seconds ({self.max_wait_seconds:g} s)"
        if error.refused:
            return LimitsUsedUpError(
                f"{self.progress.stream}: OnceHub's rate limits stay used up for longer "
                f"than {patience}: {error}. Find out who else uses the account, or run "
                "again later."
            )
        if error.answered:
            return EndpointError(
                f"{path_of(request)} stayed broken for {patience}: {error}. Run again later."
            )
        hint = f"{error}. Check the network, the proxy and api_url, then run again"
        return self._unreachable(request, hint)

    def _unreachable(self, request: requests.PreparedRequest, hint: str) -> UnreachableError:
        place = (request.url or "").partition("?")[0]
        return UnreachableError(f"{self.progress.stream}: no answer from {place}: {hint}.")

    def _tell(
        self,
        error: RetriableError,
        request: requests.PreparedRequest,
        wait: float,
        attempt: int,
    ) -> None:
        self.logger.warning(
            "%s: %s: %s; try %d follows in %.1f s",
            self.progress.stream,
            path_of(request),
            error,
            attempt + 1,
            wait,
        )


def _fault(answer: Answer, check: Check | None) -> str | None:
    try:
        body = answer.body
    except BadBodyError as error:
        return str(error)
    return check(body) if check else None
