"""The way of a request through the server: log, limits, faults, key, answer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox import broken
from sandbox import query as queries
from sandbox.answers import Answer, ApiError, invalid
from sandbox.faults import INSTEAD, Fault, Faults
from sandbox.limits import Limiter, Limits
from sandbox.log import Entry, Log
from sandbox.routes import Routes
from sandbox.streams import BY_PATH

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.account import Account

_BOM = b"\xef\xbb\xbf"
_KEY = "api-key"
_CURSORS = ("after", "before")


@dataclass
class Request:
    """A request as it came; the names of headers are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    address: str


@dataclass
class Outcome:
    """What is to be sent, and what goes wrong with it."""

    answer: Answer
    entry: Entry
    fault: Fault | None = None


class Service:
    """An account with everything that the API puts around it."""

    def __init__(self, account: Account, key: str, limits: Limits | None) -> None:
        self.account = account
        self.key = key
        self.limiter = Limiter(limits)
        self.faults = Faults()
        self.log = Log()
        self.routes = Routes(account, key)
        self.refused = 0

    def handle(self, request: Request) -> Outcome:
        """Decide what is answered to a request."""
        path, _, query = request.target.partition("?")
        entry = self._enter(path, query)
        outcome = Outcome(Answer(), entry)
        try:
            self._admit(request.address)
            outcome.fault = self.faults.strike(entry.api_path)
            outcome.answer = self._answer(request, path, query, outcome.fault)
        except ApiError as error:
            outcome.answer = error.answer()
        self.refused += outcome.fault is None and outcome.answer.status == 429  # noqa: PLR2004
        entry.status = outcome.answer.status
        entry.fault = outcome.fault.kind if outcome.fault else None
        return outcome

    def _enter(self, path: str, query: str) -> Entry:
        try:
            parameters = queries.parse(query)
        except ApiError:
            parameters = {"?": query}
        entry = Entry(path, parameters, self.account.clock.time())
        self.log.append(entry)
        return entry

    def _admit(self, address: str) -> None:
        wait = self.limiter.arrive(address)
        if wait <= 0:
            return
        headers = {}
        after = self.limiter.retry_after(wait)
        if after:
            style, seconds = after
            # A date has whole seconds: the one after, so that it is never too early.
            date = self.account.clock.http_date(seconds + 1)
            headers["Retry-After"] = date if style == "date" else str(seconds)
        message = "Too many requests. Please slow down."
        raise ApiError(429, "rate_limit_error", message, headers=headers)

    def _answer(self, request: Request, path: str, query: str, fault: Fault | None) -> Answer:
        if fault and fault.status:
            return broken.status_answer(fault, fault.status, self.account.customer_email)
        if fault and fault.kind in INSTEAD:
            return broken.instead(fault.kind, self.account.customer_email)
        redirect = self.account.switches.redirect.get(path.removeprefix("/v2"))
        if redirect is not None:
            location = f"{redirect}?{query}" if query and "?" not in redirect else redirect
            return Answer(302, b"Moved", "text/plain", {"Location": location})
        self.routes.authenticate(request.headers.get(_KEY))
        if request.method not in ("GET", "HEAD"):
            message = f"{request.method} is not possible here."
            raise invalid(message, status=405)
        return self._changed(path, queries.parse(query), fault)

    def _changed(self, path: str, query: dict[str, str], fault: Fault | None) -> Answer:
        """Answer, with the faults that concern lists."""
        kind = fault.kind if fault and path.removeprefix("/v2") in BY_PATH else None
        if kind in ("same_page", "cycle"):
            query = {name: value for name, value in query.items() if name not in _CURSORS}
        answer = self.routes.answer(path, query)
        if fault and kind == "cycle":
            if fault.hits % 2 == 0:
                last = json.loads(answer.body)["data"][-1:]
                answer = self.routes.answer(
                    path, {**query, "after": last[0]["id"]} if last else query
                )
            answer.body = answer.body.replace(b'"has_more":false', b'"has_more":true')
        if fault and fault.kind == "bom":
            answer.body = _BOM + answer.body
        return answer
