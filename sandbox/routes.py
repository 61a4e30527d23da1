"""Which request gets which answer; knows nothing of connections, limits and faults."""

from __future__ import annotations

import hmac
import json
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlencode

from sandbox import query as queries
from sandbox.answers import Answer, ApiError, invalid, not_found, ok
from sandbox.collection import encode
from sandbox.data import times
from sandbox.data.setup import webhook_events
from sandbox.lists import Lister
from sandbox.log import VERSION
from sandbox.streams import BY_PATH, OLDER_EXPANSIONS, STREAMS

if TYPE_CHECKING:
    from sandbox.account import Account
    from sandbox.lists import Page
    from sandbox.query import Question
    from sandbox.streams import Stream

_NOT_FOUND = 404
_SCHEDULE = "schedule"
_WEEK = 7 * times.DAY
_LONGEST = 30 * times.DAY
_CALENDARS = STREAMS["booking_calendars"]
_BY_ID = {stream.path: stream for stream in STREAMS.values() if stream.by_id}


class Routes:
    """The API of one account."""

    def __init__(self, account: Account, key: str) -> None:
        self._account = account
        self._key = key.encode()
        self._lister = Lister(account)
        self.base = ""

    def authenticate(self, key: str | None) -> None:
        """Check the key."""
        given = (key or "").encode("utf-8", "surrogateescape")
        if key is None or not hmac.compare_digest(given, self._key):
            message = "No valid API key was provided." if key else "No API key was provided."
            raise ApiError(401, "authentication_error", message)
        if self._account.switches.plan_without_api:
            message = "The plan of this account does not include access to the API."
            raise ApiError(403, "authentication_error", message)

    def answer(self, path: str, query: dict[str, str]) -> Answer:
        """Answer a GET request of somebody with the right key."""
        if not path.startswith(f"{VERSION}/"):
            raise _no_such_path(path)
        parts = path.removeprefix(VERSION).split("/")[1:]
        head, rest = "/" + "/".join(parts), [unquote(part) for part in parts[1:]]
        if head in BY_PATH:
            if self._account.switches.plan_without_sms and head == "/notifications/sms":
                message = "The plan of this account does not include text messages."
                raise ApiError(403, "authentication_error", message)
            return self._list(BY_PATH[head], query)
        if head == "/test":
            queries.only(query, ())
            return ok({"message": "The API key is valid for account: Sandbox"})
        if head == "/webhook-events" and self._account.switches.webhook_events:
            return self._webhook_events(query)
        found = self._item(f"/{parts[0]}", rest, query)
        if found is None:
            raise _no_such_path(path)
        return found

    def _item(self, head: str, rest: list[str], query: dict[str, str]) -> Answer | None:
        """Answer for one object, if the path is about one."""
        if not rest or not rest[0]:
            return None
        if len(rest) == 1 and head in _BY_ID:
            return self._by_id(_BY_ID[head], rest[0], query)
        if head == _CALENDARS.path and rest[1:] == ["time-slots"]:
            return self._time_slots(rest[0], query)
        if head == "/users" and rest[1:] == ["scheduling-availability"]:
            queries.only(query, ())
            status = self._account.refusal("user_scheduling_availability", rest[0])
            if status == _NOT_FOUND:
                raise not_found(_SCHEDULE, rest[0])
            if status:
                message = "This user has no seat."
                raise invalid(message, status=status)
            return ok(self._account.scheduling_availability(rest[0]))
        return None

    def _by_id(self, stream: Stream, key: str, query: dict[str, str]) -> Answer:
        queries.only(query, ("expand",) if stream.name == "bookings" else ())
        item = self._account.object(stream.name, key)
        gone = self._account.switches.deleted_is_404 and (item or {}).get("deleted") is True
        if item is None or gone:
            raise not_found(stream.noun, key)
        status = self._account.refusal(stream.kind, key)
        if status:
            message = f"This {stream.noun} is not available."
            raise invalid(message, status=status)
        names = queries.expansions(query, self._expandable(stream))
        if self._account.switches.expand_by_id:
            item = self._account.expanded(item, names)
        return ok(item)

    def _expandable(self, stream: Stream) -> tuple[str, ...]:
        older = stream.name == "bookings" and self._account.switches.older_expansions
        return OLDER_EXPANSIONS if older else stream.expands

    def _list(self, stream: Stream, query: dict[str, str]) -> Answer:
        switches = self._account.switches
        expandable = self._expandable(stream)
        question = queries.question(query, stream, switches.time_filters, expandable)
        page = self._lister.page(stream, question)
        if question.expand:
            items = (self._account.expanded(json.loads(raw), question.expand) for raw in page.raw)
            page.raw = [encode(item) for item in items]
        body = b'{"object":"list","data":[' + b",".join(page.raw) + b"]"
        if switches.has_more and stream.name != "sms_notifications":
            more = page.following and not switches.has_more_always_false
            body += b',"has_more":true' if more else b',"has_more":false'
        headers = self._link(stream, query, page, question) if switches.link else {}
        return Answer(body=body + b"}", headers=headers)

    def _link(
        self, stream: Stream, query: dict[str, str], page: Page, question: Question
    ) -> dict[str, str]:
        links = []
        silent = self._account.switches.has_more_always_false
        if page.ids and page.following and not silent:
            links.append(self._url(stream, query, question, "next", ("after", page.ids[-1])))
        if page.ids and page.preceding:
            links.append(self._url(stream, query, question, "previous", ("before", page.ids[0])))
        return {"Link": ", ".join(links)} if links else {}

    def _url(
        self,
        stream: Stream,
        query: dict[str, str],
        question: Question,
        rel: str,
        cursor: tuple[str, str],
    ) -> str:
        kept = {name: value for name, value in query.items() if name not in ("after", "before")}
        pairs = {**kept, "limit": str(question.limit), cursor[0]: cursor[1]}
        version = VERSION if self._account.switches.link_with_v2 else ""
        return f'<{self.base}{version}{stream.path}?{urlencode(pairs)}>; rel="{rel}"'

    def _webhook_events(self, query: dict[str, str]) -> Answer:
        queries.only(query, ("limit", "after", "before"))
        shape = self._account.switches.webhook_events or ""
        events = webhook_events()
        data = [event["name"] for event in events] if shape.startswith("strings") else events
        if shape.endswith("_array"):
            return ok(data)
        return ok({"object": "list", "data": data, "has_more": False})

    def _time_slots(self, key: str, query: dict[str, str]) -> Answer:
        queries.only(query, ("start_time", "end_time"))
        now = self._account.clock.now()
        given = queries.moment(query, "start_time")
        start = now if given is None else given
        ending = queries.moment(query, "end_time")
        end = start + _WEEK if ending is None else ending
        status = self._account.refusal("booking_calendar_time_slots", key)
        if status == _NOT_FOUND:
            raise not_found(_CALENDARS.noun, key)
        if status:
            message = "This booking calendar gives no time slots."
            raise invalid(message, status=status)
        strict = self._account.switches.slots_strict
        if strict and start < now:
            message = "start_time cannot be in the past."
            raise invalid(message, "start_time")
        if strict and end <= start:
            message = "end_time must be after start_time."
            raise invalid(message, "end_time")
        if not 0 <= end - start <= _LONGEST:
            message = "end_time must be at most 30 days after start_time."
            raise invalid(message, "end_time")
        if self._account.switches.slot_ends_inclusive:
            self._account.slots.pin(key, end)
        slots = self._account.slots_between(key, start, end)
        envelope = self._account.switches.time_slots_envelope == "data"
        return Answer(body=encode({"data": slots} if envelope else slots))


def _no_such_path(path: str) -> ApiError:
    return invalid(f"No such path: {path}", status=404)
