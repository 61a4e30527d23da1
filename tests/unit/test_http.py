"""One conversation with a server of the test's own: what is retried, and for how long."""

from __future__ import annotations

import logging
import threading
import time
import typing as t

import pytest
import requests

from tap_oncehub.engine.errors import EndpointError, RefusedError, TapError
from tap_oncehub.engine.http import HttpClient
from tap_oncehub.engine.limiter import RequestLimiter
from tap_oncehub.engine.progress import Progress
from tap_oncehub.engine.signals import SignalWaiter
from tests.support.raw import raw_server, replies, response

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_oncehub.engine.response import JsonResponse
    from tests.support.raw import RawServer, Script

FINE = response({"fine": True})
KEY = "key-0815"


def explain(answer: JsonResponse, path: str, text: str) -> TapError:
    return RefusedError(f"{path}: {text}", status=answer.status_code)


def make_client(**more: t.Any) -> HttpClient:
    logger = logging.getLogger("tap")
    progress = Progress(logger, lambda: None)
    given = {"timeout_seconds": 1, "max_wait_seconds": 20, "secret": KEY, "direct": True, **more}
    return HttpClient(
        RequestLimiter(0, 0, 0.6),
        logger,
        service="Library",
        explain=explain,
        progress=progress,
        waiter=SignalWaiter(),
        **given,
    )


def ask(client: HttpClient, server: RawServer) -> t.Any:
    request = requests.Request("GET", f"{server.url}/books?after=B-1").prepare()
    return client.send(request, client.progress.stats("books"), lambda _: None).body


@pytest.fixture
def client() -> Iterator[HttpClient]:
    made = make_client()
    yield made
    made.session.close()


def test_retry_after_of_an_error_is_obeyed(client: HttpClient) -> None:
    busy = response({}, "503 Busy", "Retry-After: 2")
    with raw_server(replies("/books", busy, FINE)) as server:
        began = time.monotonic()
        assert ask(client, server) == {"fine": True}
    assert time.monotonic() - began >= 2  # by itself it waits for a second at most


@pytest.mark.parametrize("faulty", [response(b"<html>"), response({}, "502 Bad Gateway")])
def test_after_a_faulty_answer_there_is_a_new_connection(client: HttpClient, faulty: bytes) -> None:
    """As behind a balancer, which leads a connection to a server that is broken."""
    broken: list[threading.Thread] = []

    def script(_path: str, _query: dict[str, str]) -> bytes:
        if not broken:
            broken.append(threading.current_thread())
        return faulty if threading.current_thread() is broken[0] else FINE

    with raw_server(script) as server:
        assert ask(client, server) == {"fine": True}
        assert len(server.asked) == 2


def slow(_path: str, _query: dict[str, str]) -> bytes:
    time.sleep(2)
    return FINE


BROKEN: dict[str, Script] = {
    "status": replies("/books", response({}, "500 No")),
    "body": replies("/books", response(b"{")),
    "cut": replies("/books", response(b"", "200 OK", "Content-Length: 9", length=False)),
    "slow": slow,
}


@pytest.mark.parametrize("name", BROKEN)
def test_without_patience_what_is_broken_is_asked_for_once(client: HttpClient, name: str) -> None:
    with raw_server(BROKEN[name]) as server:
        with client.patience(0), pytest.raises(EndpointError, match="/books"):
            ask(client, server)
        assert len(server.asked) == 1


@pytest.mark.parametrize(
    "refused",
    [response({}, "429 Slow"), response({}, "503 Busy", "Retry-After: 0")],
)
def test_what_says_when_to_come_again_needs_no_patience(client: HttpClient, refused: bytes) -> None:
    with raw_server(replies("/books", refused, FINE)) as server, client.patience(0):
        assert ask(client, server) == {"fine": True}


def test_patience_counts_what_is_broken_and_ends_with_its_block(client: HttpClient) -> None:
    slow, no = response({}, "429 Slow", "Retry-After: 2"), response({}, "500 No")
    with raw_server(replies("/books", slow, no, FINE)) as server, client.patience(2.5):
        assert ask(client, server) == {"fine": True}
    with raw_server(replies("/books", no)) as server, client.patience(1.5):
        began = time.monotonic()
        with pytest.raises(EndpointError, match=r"still fails after 1\.5 s: HTTP 500"):
            ask(client, server)
        assert time.monotonic() - began < 5
    with raw_server(replies("/books", no, no, FINE)) as server:
        assert ask(client, server) == {"fine": True}


def test_without_any_answer_patience_is_that_of_always(client: HttpClient) -> None:
    client.max_wait_seconds = 2.0
    with raw_server(replies("/books", FINE)) as server:
        ask(client, server)
    client.session.close()
    began = time.monotonic()
    with client.patience(0), pytest.raises(TapError, match="the network, the proxy and"):
        ask(client, server)
    assert time.monotonic() - began > 0.4  # was asked again


def test_a_refusal_is_explained_at_once_and_without_the_key(client: HttpClient) -> None:
    refusal = response({"type": "no", "message": f"not for {KEY}"}, "418 Teapot")
    with raw_server(replies("/books", refusal)) as server:
        with pytest.raises(RefusedError) as found:
            ask(client, server)
        assert len(server.asked) == 1
    assert str(found.value) == "/v2/books: /v2/books answered 418 (no, not for …)"
