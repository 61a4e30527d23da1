"""`target-duckdb --config FILE`: load Singer messages from the standard input."""

import signal

# Before the other modules, which take a moment: without it, a traceback would be the answer.
_INTERRUPT = signal.signal(signal.SIGINT, signal.SIG_DFL)

# ruff: noqa: E402
import argparse
import os
import select
import sys
import time
import traceback
import typing as t
from collections import ChainMap
from collections.abc import Iterator
from pathlib import Path

import duckdb
import msgspec

from target_duckdb import TargetError, UnopenedError, __version__, say
from target_duckdb.loader import Loader
from target_duckdb.settings import Settings, about, from_environment
from target_duckdb.warehouse import Warehouse

_INPUT = 0
_CHUNK = 1 << 16  # a pipe holds it; a longer buffer, cut to what was read, leaves holes in memory
_IDLE_SECONDS = 0.05  # the file is left to others when the tap has been silent for so long
# Seconds without input, and in all, after which the tap is left alone when a load is refused.
_SILENCE, _LONGEST_DRAIN = 2, 60
_SIGNALLED = 128


class _Signals:
    """Signals that end a run in order, noticed between two batches; a second one kills."""

    def __init__(self) -> None:
        self.number = 0
        self.pipe, wake = os.pipe()
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            was = _INTERRUPT if number == signal.SIGINT else signal.getsignal(number)
            # What nohup, or a shell for what runs in the background, ignores stays ignored.
            signal.signal(number, signal.SIG_IGN if was == signal.SIG_IGN else self._note)

    def _note(self, number: int, _frame: object) -> None:
        self.number = number
        signal.signal(number, signal.SIG_DFL)


def main() -> None:
    """Run as a program."""
    parser = argparse.ArgumentParser("target-duckdb", description=__doc__)
    add = parser.add_argument
    add("-c", "--config", action="append", default=[], help="file with settings, or ENV")
    add("--about", action="store_true", help="say what the settings mean, and end")
    add("--format", choices=["text", "json", "markdown"], default="text", help="of --about")
    add("--version", action="version", version=f"%(prog)s {__version__}")
    options = parser.parse_args()
    if options.about:
        print(about(options.format))  # noqa: T201
        return
    sys.setrecursionlimit(20_000)  # for deep JSON
    signals = _Signals()
    try:
        _load(Settings.of(dict(ChainMap(*map(_content, reversed(options.config))))), signals)
    except Exception as error:  # noqa: BLE001 - a traceback may quote values
        say(_reason(error), "ERROR")
        if isinstance(error, UnopenedError):
            _drain(signals)
        sys.exit(1)
    sys.exit(_SIGNALLED + signals.number if signals.number else 0)


def _load(settings: Settings, signals: _Signals) -> None:
    if sys.stdin is None or sys.stdout is None:
        msg = "standard input and output must be open"
        raise TargetError(msg)
    warehouse = Warehouse(settings, lambda: bool(signals.number))
    with warehouse.connection:
        warehouse.open()
        loader = Loader(settings, warehouse)
        for line in _lines(loader, warehouse, signals):
            if line.strip():
                loader.take(line)
        loader.flush()


def _reason(error: Exception) -> str:
    is_told = isinstance(error, (TargetError, duckdb.Error, OSError))
    if is_told and not isinstance(error, (duckdb.DataError, duckdb.IntegrityError)):
        # The first line says what happened; DuckDB adds pieces of queries below.
        return str(error).strip().partition("\n")[0]
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"unexpected {type(error).__name__} in {Path(place.filename).name}, line {place.lineno}"


def _lines(loader: Loader, warehouse: Warehouse, signals: _Signals) -> Iterator[bytes]:
    """Read lines; flush and close the file when the input leaves time for it."""
    parts: list[bytes] = []
    while not signals.number:
        wait = None if loader.due is None else max(loader.due - time.monotonic(), 0)
        if wait == 0:
            loader.flush()
            continue
        if warehouse.is_open:
            wait = _IDLE_SECONDS if wait is None else min(_IDLE_SECONDS, wait)
        ready, _, _ = select.select([_INPUT, signals.pipe], [], [], wait)
        if not ready:
            warehouse.close()
        if _INPUT not in ready or signals.number:
            continue
        chunk = os.read(_INPUT, _CHUNK)
        if not chunk:
            yield b"".join(parts)
            return
        parts.append(chunk)
        if b"\n" in chunk:
            *whole, rest = b"".join(parts).split(b"\n")
            parts = [rest]
            yield from whole


def _drain(signals: _Signals) -> None:
    """Read on without keeping anything, so that the tap does not end in broken pipes."""
    until = time.monotonic() + _LONGEST_DRAIN
    while (left := until - time.monotonic()) > 0 and not signals.number:
        ready, _, _ = select.select([_INPUT, signals.pipe], [], [], min(left, _SILENCE))
        if _INPUT not in ready or not os.read(_INPUT, _CHUNK):
            return


def _content(file: str) -> dict[str, t.Any]:
    if file == "ENV":
        return from_environment(os.environ)
    try:
        return msgspec.json.decode(Path(file).read_bytes(), type=dict[str, t.Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        msg = f"{file} is not a JSON object"
        raise TargetError(msg) from None


if __name__ == "__main__":
    main()
