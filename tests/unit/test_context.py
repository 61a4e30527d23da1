"""What the streams of one sync share: failures, and the file of the limits."""

from __future__ import annotations

import logging
import typing as t

import pytest

from tap_oncehub.context import SyncContext
from tap_oncehub.errors import EndpointError, StreamsFailedError, WrongAddressError

if t.TYPE_CHECKING:
    from pathlib import Path

CONFIG = {
    "rate_limit_per_second": 5,
    "rate_limit_per_window": 200,
    "rate_limit_window_seconds": 300,
    "request_timeout_seconds": 1,
    "max_wait_seconds": 1,
}


def context(url: str = "http://127.0.0.1:9/v2") -> SyncContext:
    return SyncContext(CONFIG | {"api_url": url}, logging.getLogger("tap"), lambda: None)


def test_failures_are_told_together_at_the_end() -> None:
    sync = context()
    sync.raise_failures(selected=13)
    for stream in ("users", "teams"):
        sync.fail(stream, EndpointError(f"/{stream} is broken."))

    with pytest.raises(StreamsFailedError) as told:
        sync.raise_failures(selected=13)

    assert "2 of 13 streams failed" in str(told.value)
    assert str(told.value).endswith("users: /users is broken; teams: /teams is broken")
    with pytest.raises(WrongAddressError, match="bookings: not here"):
        sync.fail("bookings", WrongAddressError("not here", status=404))


@pytest.mark.parametrize(
    ("url", "counted"), [("http://localhost:9/v2", False), ("https://oncehub.invalid/v2", True)]
)
def test_only_requests_to_oncehub_are_counted_in_the_users_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, *, counted: bool
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    context(url).client.limiter.try_acquire()

    assert (tmp_path / "tap-oncehub/requests.sqlite").exists() is counted
