"""Asking the sandbox by hand, without the tap."""

import typing as t
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import requests

from sandbox import Account, Sandbox
from sandbox.streams import STREAMS

Get: t.TypeAlias = Callable[..., requests.Response]
Objects: t.TypeAlias = list[dict[str, t.Any]]


KEY = "made-up-key"
NOW = "2026-04-01T12:00:00Z"


@contextmanager
def asking(api: Sandbox) -> Iterator[Get]:
    """Ask with the key; gives a function of a path and its parameters."""
    with requests.Session() as session:
        session.headers["API-Key"] = KEY

        def get(path: str, **query: t.Any) -> requests.Response:
            url = api.url + path
            return session.get(url, params=query, timeout=10, allow_redirects=False)

        yield get


def read_all(get: Get, path: str, limit: int = 100, **query: t.Any) -> Objects:
    found, cursor = [], {}
    while True:
        answer = get(path, limit=limit, **query, **cursor)
        assert answer.status_code == 200, answer.text
        found += answer.json()["data"]
        if 'rel="next"' not in answer.headers.get("Link", ""):
            return found
        cursor = {"after": found[-1]["id"]}


def ids(objects: Objects) -> list[str]:
    return [item["id"] for item in objects]


def dump(account: Account) -> dict[str, Objects]:
    return {stream: account.objects(stream) for stream in STREAMS}
