"""Messages on standard output: each a whole line, whatever a write takes."""

from __future__ import annotations

import io
import sys
import types

import pytest
from singer_sdk.singerlib import StateMessage

from tap_oncehub.errors import LoaderGoneError
from tap_oncehub.message_writer import WholeLineWriter

MESSAGE = StateMessage({"bookmarks": {}})


class Pipe(io.BytesIO):
    """Takes a few bytes at a time, as a full pipe does when a signal comes."""

    error: OSError | None = None

    def write(self, data: bytes) -> int:  # type: ignore[override]
        if self.error:
            raise self.error
        return super().write(data[:5])


def test_a_message_is_written_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = Pipe()
    monkeypatch.setattr(sys, "stdout", types.SimpleNamespace(buffer=pipe, flush=pipe.flush))

    WholeLineWriter().write_message(MESSAGE)

    assert pipe.getvalue() == b'{"type":"STATE","value":{"bookmarks":{}}}\n'


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (BrokenPipeError(), "The loader has ended"),
        (OSError(28, "No space left on device"), "cannot be written: No space left"),
        (None, "it is closed"),
    ],
)
def test_a_standard_output_that_takes_nothing_is_told(
    monkeypatch: pytest.MonkeyPatch, error: OSError | None, says: str
) -> None:
    pipe = Pipe()
    pipe.error = error
    stdout = types.SimpleNamespace(buffer=pipe, flush=pipe.flush) if error else None
    monkeypatch.setattr(sys, "stdout", stdout)

    with pytest.raises(LoaderGoneError, match=says):
        WholeLineWriter().write_message(MESSAGE)
