"""Standard output: whole lines, whatever a write takes."""

from __future__ import annotations

import sys
import typing as t

from singer_sdk.contrib.msgspec import MsgSpecWriter
from typing_extensions import override

from tap_oncehub.engine.errors import OutputClosedError

if t.TYPE_CHECKING:
    from singer_sdk.singerlib.encoding.simple import Message


class WholeLineWriter(MsgSpecWriter):
    """Writes a message to its end, also when a signal comes in between.

    With PYTHONUNBUFFERED, which is usual in containers, a write to a full pipe gives
    up at a signal, and the SDK's own writer leaves half a line.
    """

    @override
    def write_message(self, message: Message) -> None:
        write_out(self.format_message(message))


def write_out(rest: bytes | bytearray) -> None:
    """Write to standard output, all of it.

    Raises:
        OutputClosedError: If nobody takes it.
    """
    try:
        while rest:
            rest = rest[sys.stdout.buffer.write(rest) :]
        sys.stdout.flush()
    except (OSError, AttributeError) as error:  # None stands for a closed stdout
        raise output_closed(error) from None


def output_closed(error: Exception) -> OutputClosedError:
    """Return what an error in writing to standard output means."""
    if isinstance(error, BrokenPipeError):
        return OutputClosedError("The loader has ended: see its own messages.")
    reason = error.strerror if isinstance(error, OSError) else "it is closed"
    return OutputClosedError(f"Standard output cannot be written: {reason}.")
