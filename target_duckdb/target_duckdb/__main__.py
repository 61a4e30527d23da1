"""`target-duckdb --config FILE`: load Singer messages from the standard input."""

from __future__ import annotations

import argparse
import json
import os
import select
import signal
import sys
import time
import typing as t
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import duckdb

from target_duckdb.errors import TargetError
from target_duckdb.loader import Loader
from target_duckdb.settings import Settings
from target_duckdb.warehouse import Warehouse

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_INPUT = 0
_CHUNK = 1 << 20
_IDLE_SECONDS = 0.05
"""The file is left to others when the tap has been silent for so long."""
_DEEPEST = 20_000
_SIGNALLED = 128


class _Signals:
    """Signals that end a run in order, noticed between two batches."""

    def __init__(self) -> None:
        self.number = 0
        self.pipe, wake = os.pipe()
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note)

    def _note(self, number: int, _frame: object) -> None:
        self.number = number


def main() -> None:
    """Run as a program."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Load until the input ends.

    Args:
        arguments: Of the command line.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser("target-duckdb", description=__doc__)
    parser.add_argument("-c", "--config", action="append", default=[], help="file with settings")
    parser.add_argument(
        "--version", action="version", version=f"%(prog)s {version('oncehub-target-duckdb')}"
    )
    files = parser.parse_args(arguments).config
    sys.setrecursionlimit(_DEEPEST)  # for deep JSON
    signals = _Signals()
    try:
        settings = Settings.of(_config(files), _say)
        warehouse = Warehouse(settings, _say, lambda: bool(signals.number))
        try:
            warehouse.open()
            _load(Loader(settings, warehouse, _write_state, _say), warehouse, signals)
        finally:
            with suppress(duckdb.Error):
                warehouse.close()
    except (TargetError, duckdb.Error, OSError) as error:
        # The first line says what happened; DuckDB adds pieces of queries below.
        _say(str(error).strip().partition("\n")[0])
        return 1
    return _SIGNALLED + signals.number if signals.number else 0


def _load(loader: Loader, warehouse: Warehouse, signals: _Signals) -> None:
    for line in _lines(loader, warehouse, signals):
        if line.strip():
            loader.take(line)
    loader.flush()


def _lines(loader: Loader, warehouse: Warehouse, signals: _Signals) -> Iterator[bytes]:
    """Read lines; flush and close the file when the input leaves time for it."""
    parts: list[bytes] = []
    while not signals.number:
        due = loader.due
        if due is not None and time.monotonic() >= due:
            loader.flush()
            warehouse.close()  # the tap is slow
            due = None
        wait = None if due is None else due - time.monotonic()
        if warehouse.is_open:
            wait = _IDLE_SECONDS if wait is None else min(_IDLE_SECONDS, wait)
        ready, _, _ = select.select([_INPUT, signals.pipe], [], [], wait and max(wait, 0))
        if not ready:
            warehouse.close()
        if _INPUT not in ready or signals.number:
            continue
        chunk = os.read(_INPUT, _CHUNK)
        if not chunk:
            yield b"".join(parts)
            return
        *whole, rest = chunk.split(b"\n")
        if whole:
            yield b"".join([*parts, whole[0]])
            yield from whole[1:]
            parts = []
        parts.append(rest)


def _config(files: list[str]) -> dict[str, t.Any]:
    config: dict[str, t.Any] = {}
    for file in files:
        try:
            content = json.loads(Path(file).read_text("utf-8"))
        except ValueError:
            content = None
        if not isinstance(content, dict):
            msg = f"{file} is no JSON object"
            raise TargetError(msg)
        config |= content
    return config


def _write_state(state: bytes) -> None:
    sys.stdout.buffer.write(state + b"\n")
    sys.stdout.buffer.flush()


def _say(text: str) -> None:
    print(f"target-duckdb: {text}", file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
