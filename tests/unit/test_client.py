"""The client against a small server: it returns sound responses only."""

from __future__ import annotations

import logging
import typing as t

import pytest
import requests

from tap_oncehub.api.client import OnceHubClient
from tap_oncehub.api.rate_limit import RequestLimiter
from tap_oncehub.errors import EndpointError, RateLimitedError, RequestRefusedError
from tap_oncehub.progress import Progress, StreamStats
from tap_oncehub.signals import SignalWaiter
from tests.support.raw import RawServer, raw_server, replies, response

SOUND = response({"data": []})
REFUSED = response({"type": "invalid_request_error", "message": "No"}, "400 Bad Request")


def send(server: RawServer, stats: StreamStats, patience: float = 60.0) -> t.Any:
    log = logging.getLogger("tap")
    progress = Progress(log, lambda: None)
    limiter, waiter = RequestLimiter(0, 0, 1), SignalWaiter()
    client = OnceHubClient(limiter, log, 5, patience, "key", server.url, progress, waiter)
    request = requests.Request("GET", f"{server.url}/users").prepare()
    with client.session:
        return client.send(request, stats, lambda body: None if "data" in body else "no data").body


@pytest.mark.parametrize(
    "broken",
    [
        response(b"", "503 Busy"),
        response(b'{"data": ['),
        response(b"<html>"),
        response({}),
        response(b"", "429 Slow down", "Retry-After: 0.1"),
    ],
    ids=["503", "half", "html", "unsound", "429"],
)
def test_what_may_pass_is_retried(broken: bytes) -> None:
    stats = StreamStats("users")
    with raw_server(replies("/users", broken, SOUND)) as server:
        assert send(server, stats) == {"data": []}
        assert stats.requests == len(server.asked) == 2
    assert stats.waited > 0


@pytest.mark.parametrize(
    ("found", "says"),
    [(REFUSED, "No"), (response(b"", "302 Found", "Location: /v2/elsewhere"), "redirect")],
)
def test_what_will_not_change_is_not_retried_nor_followed(found: bytes, says: str) -> None:
    with raw_server(replies("/users", found)) as server:
        with pytest.raises(RequestRefusedError, match=says):
            send(server, StreamStats("users"))
        assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("status", "kind"), [("503 Busy", EndpointError), ("429 Slow down", RateLimitedError)]
)
def test_patience_ends(status: str, kind: type[Exception]) -> None:
    with (
        raw_server(replies("/users", response(b"", status))) as server,
        pytest.raises(kind, match="max_wait_seconds"),
    ):
        send(server, StreamStats("users"), patience=0.1)
