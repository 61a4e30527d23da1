"""Messages on standard output: each a whole line, whatever a write takes."""

from __future__ import annotations

import io
import sys
import types

import pytest
from singer_sdk.singerlib import StateMessage

from tap_oncehub.engine.errors import OutputClosedError
from tap_oncehub.engine.signals import WholeLineWriter

MESSAGE = StateMessage({"bookmarks": {}})


class Pipe(io.BytesIO):
    """Takes a few bytes at a time, as a full pipe does when a signal comes."""

    def write(self, data: bytes) -> int:  # type: ignore[override]
        return super().write(data[:5])


class FullDisk(io.BytesIO):
    """Takes nothing."""

    def write(self, _: bytes) -> int:  # type: ignore[override]
        raise OSError(28, "No space left on device")


def write_to(file: io.BytesIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", types.SimpleNamespace(buffer=file, flush=file.flush))
    WholeLineWriter().write_message(MESSAGE)


def test_a_message_is_written_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = Pipe()
    write_to(pipe, monkeypatch)
    assert pipe.getvalue() == b'{"type":"STATE","value":{"bookmarks":{}}}\n'


def test_a_disk_that_is_full_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OutputClosedError, match="cannot be written: No space left"):
        write_to(FullDisk(), monkeypatch)
