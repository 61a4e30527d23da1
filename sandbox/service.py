"""The way of a request through the server: log, limits, faults, key, answer."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox import broken
from sandbox import query as queries
from sandbox.answers import Answer, ApiError
from sandbox.faults import INSTEAD, Fault, Faults
from sandbox.limits import Limiter, Limits
from sandbox.log import Entry
from sandbox.routes import Routes
from sandbox.streams import BY_PATH

if TYPE_CHECKING:
    from sandbox.account import Account

_BOM = b"\xef\xbb\xbf"
_CURSORS = ("after", "before")


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
        self.log: list[Entry] = []
        self.routes = Routes(account, key)
        self.refused = 0

    def handle(self, target: str, key: str | None) -> Outcome:
        """Decide what is answered to a request with an API key."""
        path, _, query = target.partition("?")
        entry = self._enter(path, query)
        outcome = Outcome(Answer(), entry)
        try:
            self._admit()
            outcome.fault = self.faults.strike(entry.api_path, entry.query)
            outcome.answer = self._answer(key, path, query, outcome.fault)
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

    def _admit(self) -> None:
        wait = self.limiter.arrive()
        if wait <= 0:
            return
        style = self.limiter.limits.retry_after
        seconds = math.ceil(wait)
        # A date has whole seconds: the one after, so that it is never too early.
        date = self.account.clock.http_date(seconds + 1)
        headers = {"Retry-After": date if style == "date" else str(seconds)} if style else {}
        message = "Too many requests. Please slow down."
        raise ApiError(429, "rate_limit_error", message, headers=headers)

    def _answer(self, key: str | None, path: str, query: str, fault: Fault | None) -> Answer:
        if fault and fault.status:
            return broken.status_answer(fault, fault.status, self.account.customer_email)
        if fault and fault.kind in INSTEAD:
            return broken.instead(fault.kind, self.account.customer_email)
        redirect = self.account.switches.redirect.get(path.removeprefix("/v2"))
        if redirect is not None:
            return Answer(302, b"Moved", "text/plain", {"Location": redirect})
        self.routes.authenticate(key)
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
