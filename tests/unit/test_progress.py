"""What a person reads while a sync goes on: plain lines, without the key."""

import io
import json
import logging
import time
from datetime import datetime, timezone
from types import SimpleNamespace

import pytest
from singer_sdk import metrics
from singer_sdk.logging import StructuredFormatter

from tap_oncehub.engine.progress import Progress, keep_plain


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Time passes only when somebody says so."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(time, "monotonic", lambda: clock.now)
    return clock


@pytest.fixture(autouse=True)
def _all_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def test_line_every_ten_seconds_of_requests(
    clock: SimpleNamespace, caplog: pytest.LogCaptureFixture
) -> None:
    progress = Progress(logging.getLogger("tap"), lambda: 197)
    bookings = progress.stats("bookings")
    for _ in range(101):
        progress.count_request(bookings)
        bookings.records += 100
        bookings.back_to = "2019-07-03T10:11:12Z"
        clock.now += 0.25
    told = [line.partition(" records, ") for line in caplog.messages]
    assert [count for count, _, _ in told] == ["bookings: 4,000", "bookings: 8,000"]
    for _, _, rest in told:
        for what in ("24,000 a minute", "back to 2019-07-03", "197 requests left"):
            assert what in rest
    assert ["may be stopped" in rest for _, _, rest in told] == [True, False]


def test_wait_is_told_if_it_is_long_or_a_line_is_due(
    clock: SimpleNamespace, caplog: pytest.LogCaptureFixture
) -> None:
    progress = Progress(logging.getLogger("tap"), lambda: None)
    users = progress.stats("users")
    progress.count_request(users)
    users.records = 30
    for passed, wait, told in ((0, 3, 0), (0, 35, 1), (10, 3, 2), (10, 0.9, 2)):
        clock.now += passed
        progress.report_wait(users, wait, datetime(2026, 3, 1, 12, 0, 35, tzinfo=timezone.utc))
        assert "".join(caplog.messages).count("waiting until 12:00:35 UTC") == told
    figures = vars(caplog.records[1])["progress"]  # for programs that read a structured log
    assert figures["waiting_until"] == "2026-03-01T12:00:35+00:00"
    assert (figures["records"], figures["records_per_minute"]) == (30, 180)
    progress.summarize(None)
    assert "the next run" not in caplog.messages[-1]  # nobody knows
    progress.summarize(12)
    assert vars(caplog.records[-1])["run_stats"] == {"requests": 1, "min_requests": 12}


def test_metric_keeps_its_form(monkeypatch: pytest.MonkeyPatch) -> None:
    handler = logging.StreamHandler(written := io.StringIO())
    handler.setFormatter(StructuredFormatter())
    monkeypatch.setattr(logging.getLogger(), "handlers", [handler])
    keep_plain("key-0815")
    point = metrics.Point("counter", metrics.Metric.RECORD_COUNT, 3, {"stream": "users", "pid": 7})
    metrics.log(logging.getLogger("tap"), point)
    assert json.loads(written.getvalue())["metric_info"] == point.to_dict()
