"""One conversation with a server of the test's own: what is retried, and for how long."""

import logging
import threading
import time
import typing as t
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import requests

from tap_oncehub.engine.errors import EndpointError, TapError
from tap_oncehub.engine.http import HttpClient
from tap_oncehub.engine.limiter import RequestLimiter
from tap_oncehub.engine.progress import Progress
from tap_oncehub.engine.signals import SignalWaiter
from tests.support.raw import raw_server, replies, response

FINE, NO = response({"fine": True}), response({}, "500 No")
LATER, NOW = (response({}, "503 Busy", f"Retry-After: {n}") for n in (7, 0))
CUT = response(b"", "200 OK", "Content-Length: 9", length=False)
KEY = "key-0815"
ALWAYS = float("inf")
MONOTONIC = time.monotonic


def ask(client: HttpClient, server: t.Any) -> t.Any:
    request = requests.Request("GET", f"{server.url}/books?after=B-1").prepare()
    return client.send(request, client.progress.stats("books"), lambda _: None).body


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds for which the client seems to have slept."""
    found: list[float] = []
    monkeypatch.setattr(time, "sleep", found.append)
    monkeypatch.setattr(time, "monotonic", lambda: MONOTONIC() + sum(found))
    return found


@pytest.fixture
def client(slept: list[float]) -> Iterator[HttpClient]:
    logger = logging.getLogger("tap")
    made = HttpClient(
        RequestLimiter(0, 0, 0.6), logger, service="Library", timeout_seconds=0.5, direct=True,
        explain=lambda _, path, text: TapError(f"{path}: {text}"), max_wait_seconds=20, secret=KEY,
        progress=Progress(logger, lambda: None), waiter=SignalWaiter(),
    )  # fmt: skip
    yield made
    made.session.close()


def test_a_request_counts_from_its_answer(client: HttpClient) -> None:
    client.limiter = RequestLimiter(0, 1, 3)
    with raw_server(lambda *_: threading.Event().wait(0.3) or FINE) as server:
        ask(client, server)
    assert client.limiter.try_acquire() > 2.9


@pytest.mark.parametrize(
    ("answers", "patience", "waited"),
    [
        ([NO, NO, response(b"{"), CUT, FINE], ALWAYS, 7.5),
        ([LATER, FINE], ALWAYS, 7),
        # What says when to come again needs no patience, and takes none.
        ([response({}, "429 Slow"), FINE], 0, 0.01),
        ([NOW, FINE], 0, 0.5),
        ([response({}, "429 Slow", "Retry-After: 2"), NO, FINE], 3, 3),
    ],
)
def test_what_is_broken_is_asked_for_again(
    client: HttpClient, slept: list[float], answers: list[bytes], patience: float, waited: float
) -> None:
    with raw_server(replies("/books", *answers)) as server, client.patience(patience):
        assert ask(client, server) == {"fine": True}
        assert len(server.asked) == len(answers)
    assert waited - 0.05 <= sum(slept) < 2 * waited + 0.1


@pytest.mark.parametrize(
    ("broken", "patience"), [(NO, 0), (NO, 1.5), (CUT, 0), (response(b"{"), 0)]
)
def test_patience_ends_with_an_error_and_with_its_block(
    client: HttpClient, broken: bytes, patience: float
) -> None:
    with raw_server(replies("/books", broken)) as server:
        with client.patience(patience), pytest.raises(EndpointError, match="/books still fails"):
            ask(client, server)
        assert (len(server.asked) == 1) == (patience == 0)
    with raw_server(replies("/books", NO, NO, FINE)) as server:
        assert ask(client, server) == {"fine": True}


def test_without_any_answer_patience_is_that_of_always(
    client: HttpClient, slept: list[float]
) -> None:
    with raw_server(replies("/books", FINE)) as server:
        with pytest.raises(TapError, match="the network, the proxy and"):
            ask(client, SimpleNamespace(url="http://127.0.0.1:9/v2"))  # nothing has answered yet
        assert 3 < sum(slept) <= 10
        ask(client, server)
    client.session.close()
    with client.patience(0), pytest.raises(TapError, match="the network, the proxy and"):
        ask(client, server)
    assert 10 < sum(slept) <= 30


@pytest.mark.parametrize("faulty", [response(b"<html>"), response({}, "502 Bad Gateway")])
def test_faulty_answer_ends_its_connection(client: HttpClient, faulty: bytes) -> None:
    """As behind a balancer, which leads a connection to a server that is broken."""
    broken: list[threading.Thread] = []

    def script(_path: str, _query: dict[str, str]) -> bytes:
        broken.append(threading.current_thread())
        return faulty if threading.current_thread() is broken[0] else FINE

    with raw_server(script) as server:
        assert ask(client, server) == {"fine": True}
        assert len(server.asked) == 2
