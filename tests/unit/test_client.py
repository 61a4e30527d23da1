"""The client against a small server: it returns sound responses only."""

from __future__ import annotations

import logging
import threading
import typing as t
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import requests

from tap_oncehub.api.client import OnceHubClient
from tap_oncehub.api.rate_limit import RequestLimiter
from tap_oncehub.errors import EndpointError, RateLimitedError, RequestRefusedError
from tap_oncehub.progress import Progress, StreamStats
from tap_oncehub.signals import SignalWaiter

Reply: t.TypeAlias = "tuple[int, bytes, dict[str, str]]"
SOUND: Reply = (200, b'{"data": []}', {})


class _Scripted(BaseHTTPRequestHandler):
    """Sends the server's replies one after the other, the last one forever."""

    server: Script

    def do_GET(self) -> None:
        self.server.asked += 1
        replies = self.server.replies
        status, body, headers = replies.pop(0) if len(replies) > 1 else replies[0]
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: t.Any) -> None:
        pass


class Script(HTTPServer):
    replies: list[Reply]
    asked = 0


@pytest.fixture
def script() -> t.Iterator[Script]:
    with Script(("127.0.0.1", 0), _Scripted) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def send(script: Script, *replies: Reply, patience: float = 60.0) -> tuple[t.Any, StreamStats]:
    script.replies = list(replies)
    url = f"http://127.0.0.1:{script.server_port}/v2"
    limiter = RequestLimiter(0, 0, 1)
    progress = Progress(logging.getLogger("tap"), lambda: None)
    client = OnceHubClient(
        limiter,
        logging.getLogger("tap"),
        5,
        patience,
        "key-0815",
        url,
        progress,
        SignalWaiter(),
    )
    stats = StreamStats("users")
    request = requests.Request("GET", f"{url}/users").prepare()
    with client.session:
        return client.send(request, stats, lambda b: None if "data" in b else "no data").body, stats


@pytest.mark.parametrize(
    "broken",
    [
        (503, b"", {}),
        (200, b'{"data": [', {}),
        (200, b"<html>", {}),
        (200, b"{}", {}),
        (200, b'{"data": []}', {"Content-Length": "99"}),
        (429, b"", {"Retry-After": "0"}),
    ],
    ids=["503", "half", "html", "unsound", "cut", "429"],
)
def test_what_may_pass_is_retried(script: Script, broken: Reply) -> None:
    body, stats = send(script, broken, SOUND)
    assert body == {"data": []}
    assert stats.requests == script.asked == 2
    assert stats.waited > 0


def test_what_will_not_change_is_not_retried(script: Script) -> None:
    refused = b'{"type": "invalid_request_error", "message": "No"}'
    with pytest.raises(RequestRefusedError):
        send(script, (400, refused, {}))
    assert script.asked == 1


@pytest.mark.parametrize(("status", "kind"), [(503, EndpointError), (429, RateLimitedError)])
def test_patience_ends(script: Script, status: int, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="max_wait_seconds"):
        send(script, (status, b"", {}), patience=0.1)


def test_a_redirect_is_not_followed(script: Script) -> None:
    with pytest.raises(RequestRefusedError, match="redirect"):
        send(script, (302, b"", {"Location": "/v2/elsewhere"}))
    assert script.asked == 1
