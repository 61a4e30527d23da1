"""The way of a request through the server: log, limits, faults, key, answer."""

import json
import math
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import unquote, urlencode

from sandbox import lists
from sandbox.account import Account
from sandbox.answers import BODIES, Answer, ApiError, broken, encode, instead, not_found, ok, refuse
from sandbox.data import setup, times
from sandbox.faults import Fault, Faults
from sandbox.limits import Limiter, Limits
from sandbox.streams import BY_PATH, STREAMS, Stream

VERSION = "/v2"
_CURSORS = ("after", "before")
_BY_ID = {stream.path: stream for stream in STREAMS.values() if stream.by_id}


@dataclass
class Entry:
    """One request."""

    path: str  # the path as it came, `/v2` included
    query: dict[str, str]  # the query parameters; what could not be read is under "?"
    time: float  # when it arrived, on the server's clock, in seconds since 1970
    status: int = 0  # the status sent; 0 if there was no answer
    fault: str | None = None  # what went wrong on purpose, if anything

    @property
    def api_path(self) -> str:
        """Return the path below the version."""
        return self.path.removeprefix(VERSION) or "/"


class Service:
    """An account with everything that the API puts around it."""

    def __init__(self, account: Account, key: str, limits: Limits | None) -> None:
        self.account = account
        self.limiter = Limiter(limits)
        self.faults = Faults()
        self.log: list[Entry] = []
        self.link_base = ""
        self._key = key
        self._lister = lists.Lister(account)

    def handle(self, target: str, key: str | None) -> tuple[Answer, Entry, Fault | None]:
        """Decide what is answered to a request with an API key, and what goes wrong with it."""
        path, _, query = target.partition("?")
        entry = Entry(path, {"?": query}, self.account.clock.time())
        self.log.append(entry)
        with suppress(ApiError):
            entry.query = lists.parse(query)
        fault = None
        try:
            self._admit()
            fault = self.faults.strike(entry.api_path, entry.query)
            answer = self._answer(key, path, query, fault)
        except ApiError as error:
            answer = error.answer
        entry.status, entry.fault = answer.status, fault.kind if fault else None
        return answer, entry, fault

    def _admit(self) -> None:
        wait = self.limiter.arrive()
        if wait:
            style, seconds = self.limiter.limits.retry_after, math.ceil(wait)
            # A date has whole seconds: the one after, so that it is never too early.
            date = self.account.clock.http_date(seconds + 1)
            error = ApiError(429, "Too many requests. Please slow down.")
            if style:
                error.answer.headers["Retry-After"] = date if style == "date" else str(seconds)
            raise error

    def _answer(self, key: str | None, path: str, query: str, fault: Fault | None) -> Answer:
        email = self.account.customer_email
        if fault and fault.status:
            headers = {"Retry-After": fault.retry_after, "Location": fault.location}
            given = {name: value for name, value in headers.items() if value is not None}
            return broken(fault.status, email, given)
        if fault and fault.kind in BODIES:
            return instead(fault.kind, email)
        self._authenticate(key)
        asked = lists.parse(query)
        if fault and path.removeprefix(VERSION) in BY_PATH:
            return self._changed(path, asked, fault)
        return self._route(path, asked)

    def _changed(self, path: str, query: dict[str, str], fault: Fault) -> Answer:
        """Answer, with the faults that concern lists."""
        if fault.kind in {"same_page", "cycle"}:
            query = {name: value for name, value in query.items() if name not in _CURSORS}
        answer = self._route(path, query)
        if fault.kind == "cycle":
            last = json.loads(answer.body)["data"][-1:]
            if last and fault.hits % 2 == 0:
                answer = self._route(path, {**query, "after": last[0]["id"]})
            answer.body = answer.body.replace(b'"has_more":false', b'"has_more":true')
        if fault.kind == "bom":
            answer.body = b"\xef\xbb\xbf" + answer.body
        return answer

    def _authenticate(self, key: str | None) -> None:
        if key != self._key:
            refuse(f"No {'valid ' if key else ''}API key was provided.", status=401)
        if self.account.switches.plan_without_api:
            refuse("The plan of this account does not include access to the API.", status=403)

    def _route(self, path: str, query: dict[str, str]) -> Answer:
        """Answer a GET request of somebody with the right key."""
        below = path.removeprefix(VERSION) if path.startswith(f"{VERSION}/") else ""
        if below in BY_PATH:
            return self._list(BY_PATH[below], query)
        if below == "/test":
            lists.only(query)
            return ok({"message": "The API key is valid for account: Sandbox"})
        if below == "/webhook-events" and self.account.switches.webhook_events != "none":
            return self._webhook_events(query)
        match below.split("/")[1:]:
            case [head, key] if key and f"/{head}" in _BY_ID:
                return self._by_id(_BY_ID[f"/{head}"], unquote(key), query)
            case ["booking-calendars", key, "time-slots"] if key:
                return self._time_slots(unquote(key), query)
            case ["users", key, "scheduling-availability"] if key:
                lists.only(query)
                self._refuse("user_scheduling_availability", unquote(key), "schedule")
                return ok(self.account.scheduling_availability(unquote(key)))
        message = f"No such path: {path}"
        raise ApiError(404, message)

    def _refuse(self, child: str, key: str, noun: str) -> None:
        status = self.account.refusal(child, key)
        if status == 404:
            not_found(noun, key)
        if status:
            refuse(f"This {noun} is not available.", status=status)

    def _by_id(self, stream: Stream, key: str, query: dict[str, str]) -> Answer:
        lists.only(query, *(("expand",) if stream.expands else ()))
        self._refuse(stream.kind, key, stream.kind)
        item = self.account.object(stream.name, key) or {}
        if self.account.switches.deleted_is_404 and item.get("deleted") is True:
            not_found(stream.kind, key)
        names = lists.expansions(query, stream.expands)
        return ok(self.account.expanded(item, names if self.account.switches.expand_by_id else ()))

    def _list(self, stream: Stream, query: dict[str, str]) -> Answer:
        switches, sms = self.account.switches, stream.name == "sms_notifications"
        if switches.plan_without_sms and sms:
            refuse("The plan of this account does not include text messages.", status=403)
        question = lists.question(query, stream, switches.time_filters)
        raw, after, before = self._lister.page(stream, question)
        if question.expand:
            wholes = (self.account.expanded(json.loads(item), question.expand) for item in raw)
            raw = [encode(item) for item in wholes]
        said = switches.has_more
        after = after if said != "denied" else ""
        body = b'{"object":"list","data":[' + b",".join(raw) + b"]"
        if said in {"both", "denied"} and not sms:
            body += b',"has_more":true' if after else b',"has_more":false'
        kept = {name: value for name, value in query.items() if name not in _CURSORS}
        kept["limit"] = str(question.limit)
        root = f"{self.link_base}{VERSION if switches.link_with_v2 else ''}{stream.path}"
        ends = ("next", "after", after), ("previous", "before", before)
        links = [
            f'<{root}?{urlencode({**kept, by: key})}>; rel="{rel}"' for rel, by, key in ends if key
        ]
        headers = {"Link": ", ".join(links)} if links and said != "none" else {}
        return Answer(body=body + b"}", headers=headers)

    def _webhook_events(self, query: dict[str, str]) -> Answer:
        lists.only(query, "limit", *_CURSORS)
        shape, data = self.account.switches.webhook_events, setup.webhook_events()
        found = [event["name"] for event in data] if shape.startswith("strings") else data
        array = shape.endswith("_array")
        return ok(found if array else {"object": "list", "data": found, "has_more": False})

    def _time_slots(self, key: str, query: dict[str, str]) -> Answer:
        lists.only(query, "start_time", "end_time")
        now, switches = self.account.clock.now(), self.account.switches
        start = lists.moment(query, "start_time", now)
        end = lists.moment(query, "end_time", start + 7 * times.DAY)
        self._refuse("booking_calendar_time_slots", key, "booking_calendar")
        for wrong, message in (
            (switches.slots_strict and start < now, "start_time cannot be in the past."),
            (switches.slots_strict and end <= start, "end_time must be after start_time."),
            (not 0 <= end - start <= 30 * times.DAY, "end_time must be within 30 days of start."),
        ):
            if wrong:
                refuse(message, message.partition(" ")[0])
        slots = setup.slots(self.account.world, key, start, end)
        return ok({"data": slots} if switches.time_slots_envelope == "data" else slots)
