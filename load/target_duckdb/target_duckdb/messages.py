"""Singer messages; what differs from stream to stream is left as it is."""

import re
import typing as t

import msgspec

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_NOT_FINITE = re.compile(rb'("(?:[^"\\]|\\.)*")|(?<![\w-])(NaN|-?Infinity)\b')
"""What JSON does not have, and texts, in which it may be."""


class Message(msgspec.Struct, tag_field="type", gc=False):
    """What all messages have."""


class Record(Message, tag="RECORD"):
    """A row."""

    stream: str
    record: msgspec.Raw
    version: int | None = None
    time_extracted: str | None = None


class Schema(Message, tag="SCHEMA"):
    """What is to come."""

    stream: str
    schema: dict[str, t.Any]
    key_properties: list[str] | None = None


class State(Message, tag="STATE"):
    """Where the tap is."""

    value: msgspec.Raw


class ActivateVersion(Message, tag="ACTIVATE_VERSION"):
    """A complete pass has ended: rows of older versions are gone from the source."""

    stream: str
    version: int


Any: t.TypeAlias = Record | Schema | State | ActivateVersion
_DECODER: msgspec.json.Decoder[Any] = msgspec.json.Decoder(Any)


def parse(line: bytes) -> Any:
    """Return a message, in which NaN and Infinity, which JSON does not have, are texts."""
    try:
        return _DECODER.decode(line)
    except msgspec.DecodeError:
        if (other := _NOT_FINITE.sub(lambda m: m[1] or b'"%s"' % m[2], line)) == line:
            raise
        return _DECODER.decode(other)


def reason_of(error: Exception) -> str:
    """Say what is wrong with a line, without what stands in it."""
    return str(error) if isinstance(error, msgspec.DecodeError) else "not readable"
