"""Singer messages on standard output, each a whole line."""

from __future__ import annotations

import sys
import typing as t

from singer_sdk.contrib.msgspec import MsgSpecWriter

from tap_oncehub.engine.errors import OutputClosedError

if t.TYPE_CHECKING:
    from singer_sdk.singerlib.encoding.simple import Message


class WholeLineWriter(MsgSpecWriter):
    """Writes a message to its end, also when a signal comes in between.

    With PYTHONUNBUFFERED, which is usual in containers, a write to a full pipe gives
    up at a signal, and the SDK's own writer leaves half a line.
    """

    def write_message(self, message: Message) -> None:
        """Write a message.

        Raises:
            OutputClosedError: If nobody takes it.
        """
        rest = self.format_message(message)
        try:
            while rest:
                rest = rest[sys.stdout.buffer.write(rest) :]
            sys.stdout.flush()
        except BrokenPipeError:
            msg = "The loader has ended: see its own messages."
            raise OutputClosedError(msg) from None
        except (OSError, AttributeError) as error:  # None stands for a closed stdout
            reason = error.strerror if isinstance(error, OSError) else "it is closed"
            msg = f"Standard output cannot be written: {reason}."
            raise OutputClosedError(msg) from None
