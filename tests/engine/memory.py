"""A list API, a loader and Meltano's states in memory: what the engine is judged against."""

import logging
import random
import typing as t
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import msgspec

from tap_oncehub.client import EnvelopePaginator
from tap_oncehub.engine.errors import EndpointError, RefusedError
from tap_oncehub.engine.plan import Clocks
from tap_oncehub.engine.readers import filter_reader, object_reader
from tap_oncehub.engine.run import SyncRun
from tap_oncehub.engine.stream import ResumableStream
from tap_oncehub.engine.times import milliseconds, moment_of

Row: t.TypeAlias = dict[str, t.Any]
State: t.TypeAlias = dict[str, t.Any]
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
LONGEST_STATE = 4096
ORDERS: Mapping[str, Callable[[Row], t.Any]] = {
    "created": lambda row: -row["n"],
    "oldest": lambda row: row["n"],
    "starting": lambda row: (-row["starting"], row["n"]),
    "updated": lambda row: (-row["at"].timestamp(), -row["n"]),
}
CONFIG: Row = {
    "start_date": None,
    "lookback_seconds": 0,
    "emit_activate_version_messages": True,
    "full_pass_days": 7,
    "rate_limit_per_window": 0,
    "rate_limit_window_seconds": 300,
    "hours": 0,
}
"""Settings of a history, where nothing else is said."""
LOST = ("400", "404", "403", "409", "500", "start", "empty", "position")
"""What is answered to a cursor whose object is gone."""
PAGING = ("has_more link", "has_more", "link", "", "cap", "has_more link cap", "denied")
"""How a page says that there are more; with a cap it holds two, whatever is asked for."""
READINGS = ("times", "times", "dates", "days", "whole_days")
"""Times; dates only, compared as times; dates only, compared as days; times, compared as days."""


class Killed(BaseException):
    """The process ends here."""


class Server:
    """Objects that change, and lists of them.

    Attributes:
        now: Its true time.
        poisoned: Objects that break each page that holds one.
        broken: What an object, or a filter's value, mostly answers in this run, if not itself.
    """

    def __init__(  # noqa: PLR0917
        self, rng: random.Random, now: datetime, order: str, lost: str, paging: str, reading: str
    ) -> None:
        self.rng, self.now, self.order, self.lost = rng, now, order, lost
        self.paging, self.reading, self.size = paging.split(), reading, 2
        self.objects: dict[str, Row] = {}
        self.users: dict[str, Row] = {}
        self.broken: dict[str, int] = {}
        self.poisoned: set[str] = set()
        self.flaky = 0.0
        self.cursor: str | None = None
        self.count = self.requests = 0

    def add(self, kind: str = "objects") -> None:
        self.count += 1
        row = {"id": f"{kind[0].upper()}{self.count}", "n": self.count, "v": 0}
        getattr(self, kind)[row["id"]] = row
        self.edit(row)

    def edit(self, row: Row) -> None:
        users = list(self.users)
        hosts = set(self.rng.sample(users, min(len(users), self.rng.randint(0, 2))))
        hosts |= set(users[-1:]) if self.rng.random() < 0.3 else set()
        starting = self.rng.random()
        row |= {"at": self.now, "v": row["v"] + 1, "hosts": hosts, "starting": starting}
        row["updated"] = milliseconds(self.now)
        row["at"] = moment_of(row["updated"])

    def change(self, edits: int, adds: int, deletes: int) -> None:
        for _ in range(edits * bool(self.objects)):
            self.edit(self.objects[self._any(self.objects)])
        for _ in range(adds):
            self.add("users" if self.rng.random() < 0.3 else "objects")
        for _ in range(deletes):
            kind = self.users if self.rng.random() < 0.2 else self.objects
            if kind:
                del kind[self._any(kind)]

    def _any(self, kind: dict[str, Row]) -> str:
        """Choose an object, often the one that a page was asked after."""
        is_cursor = self.cursor in kind and self.rng.random() < 0.5
        return str(self.cursor) if is_cursor else self.rng.choice(list(kind))

    def page(self, path: str, value: str, since: str | None, cursor: str | None) -> t.Any:
        """Answer as a list does: a body, and links."""
        self._fail(value)
        self.cursor = cursor
        kind = self.users if path == "/users" else self.objects
        rows = [row for row in kind.values() if not value or value[5:] in row["hosts"]]
        rows = sorted(self._newer(rows, since), key=ORDERS[self.order])
        start = self._after(rows, cursor)
        size = 2 if "cap" in self.paging else self.size
        part, more = rows[start : start + size], start + size < len(rows)
        if any(row["id"] in self.poisoned for row in part):
            refuse(500)
        body: Row = {"data": [dict(row) for row in part]}
        if {"has_more", "denied"} & {*self.paging}:
            body["has_more"] = more and "denied" not in self.paging
        links = {"next": more, "previous": start} if "link" in self.paging else {}
        return body, {name: {"url": ""} for name, is_there in links.items() if is_there}

    def one(self, identifier: str) -> Row:
        self._fail(identifier)
        if identifier not in self.objects:
            refuse(404)
        return dict(self.objects[identifier])

    def _fail(self, asked: str | None) -> None:
        self.requests += 1
        if self.rng.random() < self.flaky:
            refuse(503)
        if (status := self.broken.get(asked or "")) and self.rng.random() < 0.7:
            refuse(status)

    def _newer(self, rows: list[Row], since: str | None) -> list[Row]:
        if since is None:
            return rows
        if self.reading in {"dates", "days"} and len(since) > len("2026-01-31"):
            refuse(self.rng.choice((400, 422)))
        moment = t.cast("datetime", moment_of(since))
        if self.reading in {"times", "dates"}:
            return [row for row in rows if row["at"] > moment]
        return [row for row in rows if row["at"].date() > moment.date()]

    def _after(self, rows: list[Row], cursor: str | None) -> int:
        ids = [row["id"] for row in rows]
        if cursor is None or cursor in ids:
            return ids.index(cursor) + 1 if cursor else 0
        if self.lost.isdigit():
            refuse(int(self.lost))
        if self.lost == "empty":
            return len(rows)
        if self.lost == "position" and self.order in {"created", "oldest"}:
            before, number = ORDERS[self.order], int(cursor[1:])
            return len([row for row in rows if before(row) < before({"n": number})])
        return 0


def refuse(status: int) -> t.NoReturn:
    text = f"answered {status}"
    raise EndpointError(text) if status >= 500 else RefusedError(text, status=status)


class Run(SyncRun):
    """A run whose clocks and messages are given: records, activated versions, states."""

    def __init__(self, world: "World") -> None:
        self.world, self.messages, self.state = world, list[tuple[t.Any, ...]](), State()
        tap: t.Any = SimpleNamespace(name="memory", plugin_version="0", streams={})
        tap.state, tap.logger = {"bookmarks": self.state}, MemoryStream.logger
        tap.write_message = lambda message: self.write("A", message.stream, message.version)
        stats = SimpleNamespace(back_to=None, records=0)
        progress = SimpleNamespace(stats=lambda _name: stats, note=lambda *_: None)
        client: t.Any = SimpleNamespace(patience=nullcontext, progress=progress, waiter=None)
        super().__init__(tap, client)
        self.may_tell_deletes = world.is_named
        self._saved = b""

    @property
    def clocks(self) -> Clocks:
        return Clocks(self.world.machine - SECOND, (self.world.date or self.world.machine) - SECOND)

    def write(self, *message: t.Any) -> None:
        self.messages.append(message)
        self.world.step()

    def save_state(self) -> None:
        text = msgspec.json.encode(self.state)
        if text != self._saved:
            assert len(text) < LONGEST_STATE, text
            self._saved = text
            self.write("S", text)


class MemoryStream(ResumableStream):
    """A stream of the engine whose endpoint stands in memory."""

    primary_keys: t.Sequence[str] = ("id",)
    url_base = ""
    page_size = 2
    path = "/objects"
    replication_key = "updated"
    replication_method = "FULL_TABLE"
    mask: t.ClassVar[t.Any] = {}
    logger = logging.getLogger("memory")
    # Of each stream; the SDK makes properties of them.
    stream_maps: t.Any = ()
    stream_state = config = max_age_setting = None

    def __init__(self, run: Run, state: State | None = None) -> None:
        self.run, self.config = run, run.world.config
        self.stream_maps = [SimpleNamespace(stream_alias=self.name)]
        self.stream_state = run.state[self.name] = state or {}
        self.max_age_setting = "full_pass_days" if self.key else "hours"

    def get_new_paginator(self) -> EnvelopePaginator:
        return EnvelopePaginator(self.run.world.server.size)

    def parse_response(self, response: t.Any) -> list[Row]:
        return t.cast("list[Row]", response.body["data"])

    def fetch(self, request: Row, cursor: str | None = None) -> t.Any:
        world = self.run.world
        world.step()
        links: Row = {}
        if "id" in request:
            body = world.server.one(request["id"])
        else:
            since = self.sync_pass.since if request["timed"] else None
            body, links = world.server.page(request["path"], request["filter"], since, cursor)
        server_time = (world.date or world.machine) - SECOND
        world.step()
        answer = {"body": body, "json": lambda: body, "links": links}
        return SimpleNamespace(**answer, date=world.date, server_time=server_time)

    def sync_rows(self) -> None:
        """Write all records, as the SDK does."""
        for row in self.get_records(None):
            key = (row["id"], row["user"]) if "user" in row else row["id"]
            self.run.write("R", self.name, key, row["v"], self._version)


class Incremental(MemoryStream):
    name = "incremental"
    replication_method = "INCREMENTAL"


class FullTable(MemoryStream):
    name = "full_table"


class Slots(MemoryStream):
    """Asks for each object of a list that is read whole."""

    name = "slots"
    path = "/objects/{id}"
    source = "/objects"
    reader = staticmethod(object_reader)
    documented_refusals: t.ClassVar[Mapping[int, str]] = {404: "gone"}


class PerObject(Slots):
    """Follows a list whose objects have changed; tells no deletes."""

    name = "per_object"
    follows = "updated"
    tells_deletes = False


class Filtered(MemoryStream):
    """Tells what only a filter tells."""

    name = "filtered"
    replication_method = "INCREMENTAL"
    filters: t.ClassVar[Mapping[str, str]] = {"host": "/users"}
    reader = staticmethod(filter_reader)

    def rows_in(self, found: Row, value: str) -> list[Row]:
        return [{"id": found["id"], "user": value[5:], "v": found["v"]}]


STREAMS: tuple[type[MemoryStream], ...] = (FullTable, Slots, Incremental, PerObject, Filtered)


@dataclass
class World:
    """A server, a machine with a clock, a loader that lags, and Meltano between them.

    Attributes:
        dates: What the server says of the time: right, ahead, none or stuck.
        offset: How far this machine's clock is from the true time.
        tables: What is loaded: for each stream and key the object's version and the record's.
        completed: The state of the last run that ended well.
        partial: The states of the runs since then, merged.
        is_named: Whether the server says whose account it is.
        step: What happens between any two steps of a run.
    """

    server: Server
    config: Row
    dates: str = "right"
    offset: timedelta = timedelta(0)
    is_named: bool = True
    streams: tuple[type[MemoryStream], ...] = STREAMS
    tables: dict[str, dict[t.Any, tuple[int, int | None]]] = field(default_factory=dict)
    completed: State = field(default_factory=dict)
    partial: State = field(default_factory=dict)
    step: Callable[[], None] = lambda: None
    failures: dict[str, EndpointError] = field(default_factory=dict)

    @property
    def machine(self) -> datetime:
        return self.server.now + self.offset

    @property
    def date(self) -> datetime | None:
        now = self.server.now
        if self.dates == "stuck":
            return datetime(2018, 1, 1, tzinfo=timezone.utc)
        return {"right": now, "ahead": now + timedelta(hours=1), "none": None}[self.dates]

    def run(
        self,
        step: Callable[[], None] = lambda: None,
        lag: tuple[int, int] = (0, 0),
        *,
        refresh: bool = False,
    ) -> str:
        """Run once: well, failed or killed; ``refresh`` begins with no state and no rows."""
        run = Run(self)
        found = {} if refresh else merge(merge({}, self.completed), self.partial)
        self.tables = {} if refresh else self.tables
        streams = [kind(run, found.get(kind.name)) for kind in self.streams]
        for stream in streams:
            stream.prepare_state()
        ended = "killed"
        self.step = lambda: None
        run.save_state()
        self.step = step
        with suppress(Killed):
            for stream in streams:
                stream.sync_rows()
            ended = "failed" if run.failures else "well"
        self.step = lambda: None
        self.failures = run.failures
        # A loader that is killed has not loaded the last messages, or not yet told the last states.
        lost, late = lag if ended == "killed" else (0, 0)
        read = run.messages[: max(1, len(run.messages) - lost)]
        self._load(read)
        states = [text for kind, text, *_ in read if kind == "S"]
        state = msgspec.json.decode(states[-1 - min(late, len(states) - 1)])
        if ended == "well":
            self.completed, self.partial = state, {}
        else:
            self.partial = merge(self.partial, state)
        return ended

    def _load(self, messages: list[tuple[t.Any, ...]]) -> None:
        """Load as loaders on the SDK do: what has a smaller version goes, NULL is not smaller."""
        for kind, *rest in messages:
            if kind == "R":
                stream, key, value, version = rest
                self.tables.setdefault(stream, {})[key] = value, version
            elif kind == "A":
                stream, version = rest
                self.tables[stream] = {
                    key: row
                    for key, row in self.tables.get(stream, {}).items()
                    if row[1] is None or row[1] >= version
                }


def merge(into: State, new: State) -> State:
    """Merge states as Meltano does: dictionaries key by key, all else replaces."""
    for key, value in new.items():
        if isinstance(value, dict):
            merge(into.setdefault(key, {}), value)
        else:
            into[key] = value
    return into
