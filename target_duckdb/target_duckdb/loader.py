"""From Singer messages to rows, and to states that are never ahead of them."""

from __future__ import annotations

import re
import time
import typing as t

import msgspec

from target_duckdb.columns import columns_of
from target_duckdb.errors import TargetError

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from target_duckdb.rows import Rows
    from target_duckdb.settings import Settings
    from target_duckdb.warehouse import Warehouse

_BATCH_BYTES = 32_000_000
_LONGEST_WAIT = 60
"""Seconds that a row or a state may wait to be written."""
_STREAM = re.compile(rb'"stream"\s*:\s*"([\w.-]+)"')


class Message(msgspec.Struct, gc=False):
    """A Singer message; what differs from stream to stream is left as it is."""

    type: str
    stream: str | None = None
    record: msgspec.Raw = msgspec.Raw()
    schema: msgspec.Raw = msgspec.Raw()
    value: msgspec.Raw = msgspec.Raw()
    key_properties: list[str] | None = None
    version: int | None = None
    time_extracted: str | None = None


class Loader:
    """Takes messages one by one."""

    def __init__(
        self,
        settings: Settings,
        warehouse: Warehouse,
        write_state: Callable[[bytes], None],
        warn: Callable[[str], None],
    ) -> None:
        """Begin with nothing.

        Args:
            settings: The settings.
            warehouse: Where rows go.
            write_state: Gives a state to whoever keeps it.
            warn: Shows a line.
        """
        self._settings = settings
        self._warehouse = warehouse
        self._write_state = write_state
        self._warn = warn
        self._decode = msgspec.json.Decoder(Message).decode
        self._streams: dict[str, Rows] = {}
        self._schemas: dict[str, tuple[bytes, list[str] | None]] = {}
        self._bookmarked: set[str] = set()
        self._without_version: set[str] = set()
        self._state: msgspec.Raw | None = None
        self._waiting_since: float | None = None
        self._rows = self._lines = 0

    def take(self, line: bytes) -> None:
        """Take one line.

        Args:
            line: A message.

        Raises:
            TargetError: If it cannot be loaded.
        """
        self._lines += 1
        try:
            message = self._decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            found = _STREAM.search(line)
            stream = f" (stream {found[1].decode()})" if found else ""
            reason = "nested too deeply" if isinstance(error, RecursionError) else error
            msg = f"line {self._lines}{stream} is no valid Singer message: {reason}"
            raise TargetError(msg) from None
        if message.type == "RECORD":
            self._record(message)
        elif message.type == "SCHEMA":
            self._schema(message)
        elif message.type == "STATE":
            self._remember(message)
        elif message.type == "ACTIVATE_VERSION":
            self._activate(message)
        else:
            msg = f"line {self._lines}: messages of type {message.type!r} are not supported"
            raise TargetError(msg)

    @property
    def due(self) -> float | None:
        """When to flush at the latest, on the monotonic clock."""
        return None if self._waiting_since is None else self._waiting_since + _LONGEST_WAIT

    def flush(self, complete: dict[str, tuple[int, bool]] | None = None) -> None:
        """Write what has been collected, and then the state that goes with it.

        Args:
            complete: Versions that are complete now; see `Warehouse.write`.
        """
        if self._rows or complete:
            self._warehouse.write(self._streams.values(), complete or {})
            for rows in self._streams.values():
                rows.clear()
            self._rows = 0
        if self._state is not None:
            self._write_state(bytes(self._state))
            self._state = None
        self._waiting_since = None

    def _record(self, message: Message) -> None:
        rows = self._rows_of(message)
        if not message.record:
            msg = f"line {self._lines} (stream {message.stream}): a RECORD without record"
            raise TargetError(msg)
        before, count = rows.size, len(rows.lines)
        rows.add(message.record, message.time_extracted, message.version)
        if message.version is None:
            self._without_version.add(rows.stream)
        self._rows += len(rows.lines) - count
        self._note_waiting()
        is_big = before != rows.size and sum(r.size for r in self._streams.values()) > _BATCH_BYTES
        if self._rows >= self._settings.batch_size_rows or is_big:
            self.flush()

    def _schema(self, message: Message) -> None:
        stream, keys = message.stream, message.key_properties
        if stream is None or not message.schema:
            msg = f"line {self._lines}: a SCHEMA without stream or schema"
            raise TargetError(msg)
        if self._schemas.get(stream) == (bytes(message.schema), keys):
            return
        if self._settings.primary_key_required and not keys:
            msg = f"stream {stream} has no primary key; set primary_key_required to false"
            raise TargetError(msg)
        if stream in self._streams and self._streams[stream].lines:
            self.flush()
        schema = msgspec.json.decode(message.schema)
        columns = columns_of(stream, schema, self._settings.data_flattening_max_level)
        if missing := set(keys or ()) - {column.name for column in columns}:
            msg = f"stream {stream}: the schema has no property {', '.join(sorted(missing))}, a key"
            raise TargetError(msg)
        rows, is_new = self._warehouse.prepare(stream, columns, keys or [], schema)
        if is_new and stream in self._bookmarked:
            self._warn(
                f"stream {stream}: the state says that it was loaded before, but its table did not "
                "exist; to load what is missing, run again with --full-refresh"
            )
        self._streams[stream] = rows
        self._schemas[stream] = bytes(message.schema), keys

    def _remember(self, message: Message) -> None:
        if not message.value:
            msg = f"line {self._lines}: a STATE without value"
            raise TargetError(msg)
        self._state = message.value
        self._note_waiting()
        # A bookmark from before the stream's turn is one of an earlier run.
        value = msgspec.json.decode(message.value)
        bookmarks = value.get("bookmarks") if isinstance(value, dict) else None
        for stream, bookmark in (bookmarks or {}).items():
            if stream not in self._streams and "replication_key_value" in (bookmark or ()):
                self._bookmarked.add(stream)

    def _activate(self, message: Message) -> None:
        rows = self._rows_of(message)
        if message.version is None:
            msg = f"line {self._lines} (stream {rows.stream}): ACTIVATE_VERSION without version"
            raise TargetError(msg)
        self.flush({rows.stream: (message.version, rows.stream not in self._without_version)})

    def _rows_of(self, message: Message) -> Rows:
        if message.stream not in self._streams:
            msg = f"line {self._lines}: {message.type} before the SCHEMA of stream {message.stream}"
            raise TargetError(msg)
        return self._streams[message.stream]

    def _note_waiting(self) -> None:
        if self._waiting_since is None:
            self._waiting_since = time.monotonic()
