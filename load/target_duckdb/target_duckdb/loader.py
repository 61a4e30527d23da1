"""From Singer messages to rows, and to states that are never ahead of them."""

import os
import re
import time
import typing as t
from contextlib import suppress

import msgspec

from target_duckdb import TargetError, refuse, say
from target_duckdb.rows import Rows
from target_duckdb.settings import Settings
from target_duckdb.warehouse import Warehouse

_BATCH_BYTES = 7_000_000
_LONGEST_WAIT = 60
"""Seconds that a row or a state may wait to be written."""
_SLOW = 1
"""A batch that took more seconds to arrive is from a slow tap."""
_STREAM = re.compile(rb'"stream"\s*:\s*"([\w.-]+)"')
_NOT_FINITE = re.compile(rb'("(?:[^"\\]|\\.)*")|(?<![\w-])(NaN|-?Infinity)\b')
"""What JSON does not have, and texts, in which it may be."""


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
        self._schemas: dict[str, _Schema] = {}
        self._openings: dict[bytes, str] = {}
        """The streams of RECORD messages, by what stands before their records."""
        self._bookmarked: set[str] = set()
        self._state = b""
        self.due: float | None = None
        """When to flush at the latest, on the monotonic clock."""
        self._bytes = self._lines = 0

    def take(self, line: bytes) -> None:
        """Take one line."""
        self._lines += 1
        opening = line[: line.find(b'"record"')]
        rows = self._streams.get(self._openings.get(opening, ""))
        if rows and rows.put(line):
            self._count(rows)
            return
        message = self._read(line)
        if isinstance(message, _State):
            self._remember(message)
        elif isinstance(message, _Schema):
            self._schema(message)
        elif rows := self._streams.get(message.stream):
            if isinstance(message, _Record):
                if not rows.put(line):
                    rows.add(message.record, message.time_extracted, message.version)
                self._count(rows)
                with suppress(msgspec.DecodeError, UnicodeDecodeError):
                    names = msgspec.json.decode(opening.rstrip(b", ") + b"}").keys()
                    if names == {"type", "stream"}:
                        self._openings[opening] = message.stream
            else:
                self.flush({message.stream: (message.version, rows.are_versioned)})
        elif isinstance(message, _Record):
            self._refuse(f"a message before the SCHEMA of stream {message.stream}")

    def flush(self, complete: dict[str, tuple[int, bool]] | None = None) -> None:
        """Write rows, and the state that goes with them; for `complete` see `Warehouse.write`."""
        filled = [rows for rows in self._streams.values() if rows.lines]
        if filled or complete:
            self._warehouse.write(filled, complete or {})
            for rows in filled:
                rows.clear()
            self._bytes = 0
        while self._state:
            self._state = self._state[os.write(1, self._state) :]
        if self.due and time.monotonic() > self.due - _LONGEST_WAIT + _SLOW:
            self._warehouse.close()
        self.due = None

    def _read(self, line: bytes) -> t.Any:
        try:
            try:
                return self._decode(line)
            except msgspec.DecodeError:
                # JSON has no such numbers: a text stands for one.
                if (other := _NOT_FINITE.sub(lambda m: m[1] or b'"%s"' % m[2], line)) == line:
                    raise
                return self._decode(other)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            found = _STREAM.search(line)
            stream = f" (stream {found[1].decode()})" if found else ""
            reason = str(error) if isinstance(error, msgspec.DecodeError) else "not readable"
            self._refuse(f"not a valid Singer message{stream}: {reason}")

    def _count(self, rows: Rows) -> None:
        self._bytes += len(rows.lines[-1])
        self.due = self.due or time.monotonic() + _LONGEST_WAIT
        if len(rows.lines) >= self._settings.batch_size_rows or self._bytes > _BATCH_BYTES:
            self.flush()

    def _schema(self, message: _Schema) -> None:
        stream, keys = message.stream, message.key_properties or []
        if self._schemas.get(stream) == message:
            return
        if self._settings.primary_key_required and not keys:
            refuse(stream, None, "it has no primary key; set primary_key_required to false")
        before = self._streams.get(stream)
        if before and before.lines:
            self.flush()
        try:
            rows, is_new = self._warehouse.prepare(stream, message.schema, keys)
        except (TypeError, AttributeError):
            self._refuse(f"the SCHEMA of stream {stream} is not a JSON schema")
        if is_new and stream in self._bookmarked:
            say(
                f"stream {stream}: the state says that it was loaded before, but its table did not "
                "exist; to load what is missing, run again without that state (meltano state clear)"
            )
        rows.are_versioned = not before or before.are_versioned
        self._streams[stream], self._schemas[stream] = rows, message

    def _remember(self, message: _State) -> None:
        self._state = bytes(message.value) + b"\n"
        self.due = self.due or time.monotonic() + _LONGEST_WAIT
        # A bookmark from before the stream's turn is one of an earlier run. States have any form.
        with suppress(KeyError, TypeError, AttributeError, msgspec.DecodeError):
            for stream, bookmark in msgspec.json.decode(message.value)["bookmarks"].items():
                if stream not in self._streams and bookmark.get("replication_key_value"):
                    self._bookmarked.add(stream)

    def _refuse(self, reason: str) -> t.NoReturn:
        msg = f"line {self._lines}: {reason}"
        raise TargetError(msg)
