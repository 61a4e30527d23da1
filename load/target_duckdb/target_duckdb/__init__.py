"""Singer target that loads any tap into a DuckDB file."""

import json
import os
import time
import typing as t
from contextlib import suppress
from pathlib import Path

__version__ = "1.0.0"
_NAMES = dict.fromkeys(("logger_name", "app_name", "thread_name"), "target-duckdb")


class TargetError(Exception):
    """A load cannot go on; the text is one line that says why, without values of records."""


class UnopenedError(TargetError):
    """The file cannot be opened, so that nothing was loaded."""


def refuse(stream: str, column: str | None, reason: str) -> t.NoReturn:
    """Stop the load because a record does not fit its stream's schema or table."""
    place = f"stream {stream}, column {column}" if column else f"stream {stream}"
    msg = f"{place}: {reason}; nothing of this batch was written"
    raise TargetError(msg)


def say(text: str, level: str = "INFO") -> None:
    """Write a line for people, or the object with it that Meltano asks for."""
    line, config = f"target-duckdb: {text}", os.environ.get("SINGER_SDK_LOG_CONFIG", os.devnull)
    with suppress(OSError, UnicodeDecodeError):
        if "StructuredFormatter" in Path(config).read_text("utf-8"):
            found = {"level": level, "message": text, "pid": os.getpid(), "ts": time.time()}
            line = json.dumps(found | _NAMES)
    with suppress(OSError):
        os.write(2, f"{line}\n".encode(errors="replace"))
