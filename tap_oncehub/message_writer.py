"""Singer messages on standard output, each a whole line."""

from __future__ import annotations

import sys
import typing as t

from singer_sdk.contrib.msgspec import MsgSpecWriter

if t.TYPE_CHECKING:
    from singer_sdk.singerlib.encoding.simple import Message


class WholeLineWriter(MsgSpecWriter):
    """Writes a message to its end, also when a signal comes in between.

    With PYTHONUNBUFFERED, which is usual in containers, a write to a full pipe gives
    up at a signal, and the SDK's own writer leaves half a line.
    """

    def write_message(self, message: Message) -> None:
        """Write a message.

        Args:
            message: The message.
        """
        rest = self.format_message(message)
        while rest:
            rest = rest[sys.stdout.buffer.write(rest) :]
        sys.stdout.flush()
