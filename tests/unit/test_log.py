"""Log lines: one printable line each, without the key."""

from __future__ import annotations

import io
import json
import logging

import pytest
from singer_sdk import metrics
from singer_sdk.logging import StructuredFormatter

from tap_oncehub.engine.progress import keep_plain


@pytest.mark.parametrize(
    ("key", "logged"),
    [
        ("key-0815", "users: x … y z"),
        ("use", "users: x key-0815 y z"),
        ("", "users: x key-0815 y z"),
    ],
)
def test_a_line_is_plain_text_without_the_key(
    monkeypatch: pytest.MonkeyPatch, key: str, logged: str
) -> None:
    written = io.StringIO()
    monkeypatch.setattr(logging.getLogger(), "handlers", [logging.StreamHandler(written)])
    keep_plain("another-key")
    keep_plain(key)

    logging.getLogger("tap").warning("%s: x\n%s\x1b\u2028y\tz", "users", "key-0815")

    assert written.getvalue() == f"{logged}\n"


def test_a_metric_keeps_its_form_and_not_the_key(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(StructuredFormatter())
    monkeypatch.setattr(logging.getLogger(), "handlers", [handler])
    keep_plain("key-0815")
    tags = {"stream": "users", "pid": 7, "context": {"id": "a key-0815"}}
    point = metrics.Point("counter", metrics.Metric.RECORD_COUNT, 3, tags)

    metrics.log(logging.getLogger("tap"), point)

    entry = json.loads(written.getvalue())
    clean = {**tags, "context": {"id": "a …"}}
    assert entry["message"] == "METRIC"
    assert entry["metric_info"] == {**point.to_dict(), "tags": clean}
    assert point.tags == tags, "the meter goes on with its own"
