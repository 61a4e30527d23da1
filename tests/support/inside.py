"""The tap inside this process: fast, and ended at exact moments.

A run is cut by what the tap writes: "after so many messages" is the same moment on every machine.
"""

import json
import logging
import re
import signal
import typing as t
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from singer_sdk.contrib.msgspec import MsgSpecWriter

from tap_oncehub.engine.errors import InterruptedSyncError, TapError
from tap_oncehub.tap import TapOnceHub
from tests.support.programs import KEY, Row, Run, run_tap, settings_for

Message: t.TypeAlias = Row
State: t.TypeAlias = Row
Watch: t.TypeAlias = Callable[[Message, int], None]


class KilledError(BaseException):
    """Stands for SIGKILL: nothing that the tap does afterwards counts."""


class _Writer(MsgSpecWriter):
    """Collects messages; a watcher sees each of them, and its number, and may end the run."""

    def __init__(self, watch: Watch) -> None:
        self.messages: list[Message] = []
        self._watch, self._is_dead = watch, False

    def write_message(self, message: t.Any) -> None:
        if self._is_dead:
            raise KilledError
        self.messages.append(json.loads(bytes(self.format_message(message))))
        try:
            self._watch(self.messages[-1], len(self.messages))
        except KilledError:
            self._is_dead = True
            raise


@contextmanager
def own_signals() -> Iterator[None]:
    """Keep the signal handlers of this process, and be quiet; the tap sets its own."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    logging.disable(logging.INFO)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
        for number, handler in handlers.items():
            signal.signal(number, handler)


SEVENTH = re.compile(r"(?<=\.\d{6})\dZ\Z")  # digit of a second, which goes into _extra
_ENDS = {"kill_after", "interrupt_after", "watch"}
_OF_SCHEMAS = ("booking_ids", "booking_calendar_ids", "include_webhook_secrets")


@cache
def _discovered(settings: str) -> str:
    with own_signals():
        return json.dumps(TapOnceHub(config={"api_key": KEY, **json.loads(settings)}).catalog_dict)


def catalog(
    *streams: str,
    settings: Row | None = None,
    metadata: dict[str, Row] | None = None,
    without: tuple[str, ...] = (),
) -> Row:
    """A catalog in which just these streams are selected, without the column of some path.

    Some settings change the schemas; streams may have more metadata, by their names.
    """
    given = {name: settings[name] for name in _OF_SCHEMAS if settings and name in settings}
    found: Row = json.loads(_discovered(json.dumps(given)))
    for entry in found["streams"]:
        name = entry["tap_stream_id"]
        given = (metadata or {}).get(name, {})
        # As Meltano does it: in the metadata and beside them.
        entry.update({key.replace("-", "_"): value for key, value in given.items()})
        for part in entry["metadata"]:
            if not part["breadcrumb"]:
                part["metadata"] |= {"selected": name in streams, **given}
            elif tuple(part["breadcrumb"][1::2]) == without:
                part["metadata"]["selected"] = False
    return found


def run(
    settings: Row,
    catalog: Row,
    state: State | None = None,
    *,
    kill_after: int | None = None,
    interrupt_after: int | None = None,
    watch: Watch | None = None,
) -> Run:
    """Run the tap until it ends, or gets a SIGKILL or a SIGTERM after so many messages."""

    def see(message: Message, number: int) -> None:
        if watch:
            watch(message, number)
        if number == kill_after:
            raise KilledError
        if number == interrupt_after:
            tap.run.waiter.handle(signal.SIGTERM)

    writer, ended, log = _Writer(see), "well", ""
    with own_signals():
        given = deepcopy({"config": settings, "catalog": catalog, "state": state or {}})
        tap = TapOnceHub(**given, message_writer=writer)
        try:
            tap.sync()
        except (KilledError, InterruptedSyncError) as error:
            ended = "killed" if isinstance(error, KilledError) else "interrupted"
        except TapError as error:
            if "streams failed" not in str(error):
                raise
            ended, log = "failed", str(error)
        finally:
            tap.run.client.session.close()
    lines = b"".join(json.dumps(message).encode() + b"\n" for message in writer.messages)
    done = Run(int(ended != "well"), lines, log, ended)
    done.messages = writer.messages
    return done


def sync(
    api: t.Any,
    *streams: str,
    state: State | None = None,
    without: tuple[str, ...] = (),
    **settings: t.Any,
) -> Run:
    """Read these streams inside this process, without the column of some path.

    What ends a run early may stand among the settings.
    """
    end = {name: settings.pop(name) for name in _ENDS & settings.keys()}
    chosen = catalog(*streams, settings=settings, without=without)
    return run(settings_for(api.url, **settings), chosen, state, **end)


def spawn(
    folder: Path,
    api: t.Any,
    *streams: str,
    state: State | None = None,
    env: dict[str, str] | None = None,
    **settings: t.Any,
) -> Run:
    """Read these streams, or those that are selected by default, as a process of its own."""
    chosen = catalog(*streams, settings=settings) if streams else None
    return run_tap(folder, settings_for(api.url, **settings), state=state, catalog=chosen, env=env)


@dataclass
class Warehouse:
    """Tables as a careful loader would keep them, and the state it hands back."""

    keys: dict[str, list[str]] = field(default_factory=dict)
    tables: dict[str, dict[tuple[t.Any, ...], Message]] = field(default_factory=dict)
    state: State = field(default_factory=dict)

    def sync(self, api: t.Any, *streams: str, **more: t.Any) -> Run:
        """Read what follows from its state, and take it in."""
        done = sync(api, *streams, state=self.state, **more)
        self.load(done.messages)
        return done

    def load(self, messages: list[Message]) -> None:
        """Take in messages: upserts, deletes by version, states."""
        for message in messages:
            stream = message.get("stream", "")
            if message["type"] == "SCHEMA":
                self.keys[stream] = message["key_properties"]
                self.tables.setdefault(stream, {})
            elif message["type"] == "RECORD":
                key = tuple(message["record"][name] for name in self.keys[stream])
                self.tables[stream][key] = message
            elif message["type"] == "ACTIVATE_VERSION":
                self.tables[stream] = {
                    key: row
                    for key, row in self.tables[stream].items()
                    if row.get("version") == message["version"]
                }
            elif message["type"] == "STATE":
                self.state = message["value"]

    def rows(self, stream: str) -> Row:
        """Give the records of a table by their first key column."""
        return {key[0]: row["record"] for key, row in self.tables.get(stream, {}).items()}

    def assert_current(self, stream: str, objects: list[Row]) -> None:
        """Find the plain values of every object as they are now, times to the microsecond."""
        rows = self.rows(stream)
        for item in objects:
            plain = {k: v for k, v in item.items() if not isinstance(v, dict | list)}
            plain |= {k: SEVENTH.sub("Z", v) for k, v in plain.items() if isinstance(v, str)}
            found = {name: rows.get(item["id"], {}).get(name) for name in plain}
            assert found == plain, stream
