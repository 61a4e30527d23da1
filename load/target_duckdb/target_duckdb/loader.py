"""From Singer messages to rows, and to states that are never ahead of them."""

import os
import re
import time
import typing as t
from contextlib import suppress

import msgspec

from target_duckdb import TargetError, refuse, say
from target_duckdb.rows import UNREADABLE, Rows, decoded
from target_duckdb.settings import Settings
from target_duckdb.warehouse import Warehouse

_BATCH_BYTES = 5_000_000
_LONGEST_WAIT = 60  # seconds that a row or a state may wait to be written
_SLOW = 1  # a batch that took more seconds to arrive is from a slow tap
_STREAM = re.compile(rb'\s*\{\s*"type"\s*:\s*"\w+"\s*,\s*"stream"\s*:\s*"([^"\\]+)"')


class _Message(msgspec.Struct, tag_field="type", gc=False):
    """A Singer message; what differs from stream to stream is left as it is."""


class _Record(_Message, tag="RECORD"):
    stream: str
    record: msgspec.Raw
    version: int | None = None
    time_extracted: str | None = None


class _Schema(_Message, tag="SCHEMA"):
    stream: str
    schema: dict[str, t.Any]
    key_properties: list[str] | None = None


class _State(_Message, tag="STATE"):
    value: msgspec.Raw


class _ActivateVersion(_Message, tag="ACTIVATE_VERSION"):
    stream: str
    version: int


class Loader:
    """Takes messages one by one."""

    def __init__(self, settings: Settings, warehouse: Warehouse) -> None:
        """Begin with nothing."""
        self._settings, self._warehouse = settings, warehouse
        self._decode = msgspec.json.Decoder(_Record | _Schema | _State | _ActivateVersion).decode
        self._streams: dict[str, Rows] = {}
        self._openings: dict[tuple[bytes, ...], Rows] = {}
        """The streams, by the names and texts with which their records mostly begin."""
        self._state = self._last_state = b""
        self.due: float | None = None  # when to flush at the latest, on the monotonic clock
        self._bytes = self._lines = 0

    def take(self, line: bytes) -> None:
        """Take one line."""
        self._lines += 1
        if rows := self._openings.get(tuple(line.split(b'"', 8)[1:8:2])):
            self._add(rows, line)
            return
        try:
            message = decoded(self._decode, line)
        except UNREADABLE as error:
            found = _STREAM.match(line)
            stream = f" (stream {found[1].decode(errors='replace')})" if found else ""
            self._refuse(f"not a valid Singer message{stream}: {error}")
        if isinstance(message, _State):
            self._state = self._last_state = bytes(message.value) + b"\n"
            self.due = self.due or time.monotonic() + _LONGEST_WAIT
        elif isinstance(message, _Schema):
            self._schema(message)
        elif rows := self._streams.get(message.stream):
            if isinstance(message, _Record):
                self._add(rows, line)
            else:
                self.flush((rows, message.version))
        elif isinstance(message, _Record):
            self._refuse(f"a message before the SCHEMA of stream {message.stream}")

    def flush(self, complete: tuple[Rows, int] | None = None) -> None:
        """Write rows, and the state that goes with them; for `complete` see `Warehouse.write`."""
        filled = [rows for rows in self._streams.values() if rows.lines]
        if filled or complete:
            self._warehouse.write(filled, complete)
            for rows in filled:
                rows.lines, rows.changes = [], []
            self._bytes = 0
        while self._state:
            self._state = self._state[os.write(1, self._state) :]
        if self.due and time.monotonic() > self.due - _LONGEST_WAIT + _SLOW:
            self._warehouse.close()
        self.due = None

    def _add(self, rows: Rows, line: bytes) -> None:
        rows.lines.append(line)
        self._bytes += len(line)
        self.due = self.due or time.monotonic() + _LONGEST_WAIT
        if len(rows.lines) >= self._settings.batch_size_rows or self._bytes > _BATCH_BYTES:
            self.flush()

    def _schema(self, message: _Schema) -> None:
        stream, keys = message.stream, message.key_properties or []
        before = self._streams.get(stream)
        if before and before.message == message:
            return
        if self._settings.primary_key_required and not keys:
            refuse(stream, None, "it has no primary key; set primary_key_required to false")
        if before and before.lines:
            self.flush()
        try:
            rows, is_new = self._warehouse.prepare(stream, message.schema, keys)
        except (TypeError, AttributeError, ArithmeticError):
            self._refuse(f"the SCHEMA of stream {stream} is not a JSON schema")
        if is_new and self._is_bookmarked(stream):
            gone = "its table is gone, but the state says that it was loaded; to load all of it"
            what = f"stream {stream}: {gone}, run again without that state (meltano state clear)"
            say(what, "WARNING")
        rows.message, rows.are_versioned = message, not before or before.are_versioned
        self._streams[stream] = rows
        self._openings[b"type", b"RECORD", b"stream", stream.encode()] = rows

    def _is_bookmarked(self, stream: str) -> bool:
        """Whether an earlier run loaded a stream, by the state from before its turn."""
        with suppress(KeyError, TypeError, AttributeError, msgspec.DecodeError):  # of any form
            bookmark = msgspec.json.decode(self._last_state)["bookmarks"][stream]
            return bool(bookmark.get("replication_key_value"))
        return False

    def _refuse(self, reason: str) -> t.NoReturn:
        msg = f"line {self._lines}: {reason}"
        raise TargetError(msg)
