"""A server whose responses are written byte by byte, for those that no library would send."""

import json
import typing as t
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, suppress
from socketserver import StreamRequestHandler
from urllib.parse import parse_qsl, urlsplit

from tests.support.network import LOOPBACK, Server, serving

Script: t.TypeAlias = Callable[[str, dict[str, str]], bytes | Iterable[bytes]]


def response(body: t.Any, status: str = "200 OK", *headers: str, length: bool = True) -> bytes:
    """Return a whole response; a body that is no bytes becomes JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", *headers]
    if length:
        lines.append(f"Content-Length: {len(content)}")
    return "\r\n".join([*lines, "", ""]).encode() + content


def page(*rows: t.Any, **envelope: t.Any) -> dict[str, t.Any]:
    """Return the envelope of a list."""
    return {"object": "list", "data": list(rows), "has_more": False, **envelope}


def replies(path: str, *found: bytes) -> Script:
    """Answer so to a path, one after the other, the last one again and again."""
    rest = list(found)

    def script(asked: str, _query: dict[str, str]) -> bytes:
        if asked != path:
            return b""
        return rest.pop(0) if len(rest) > 1 else rest[0]

    return script


class RawServer(Server):
    """Answers as a script says, and to `/test` and lists that it leaves out as usual.

    Attributes:
        asked: Path and query of each request, in order.
    """

    def __init__(self, script: Script) -> None:
        self.script = script
        self.asked: list[tuple[str, dict[str, str]]] = []
        super().__init__(_Connection)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}/v2"


def website(_path: str, _query: dict[str, str]) -> bytes:
    """Answer as a server that is not OnceHub's, and has a page for nothing."""
    return response(b"<html><h1>Not found, anna@example.com</h1></html>", "404 Not Found")


class _Connection(StreamRequestHandler):
    server: RawServer

    def handle(self) -> None:
        with suppress(OSError):
            while line := self.rfile.readline().decode():
                while self.rfile.readline().strip():
                    pass
                target = urlsplit(line.split()[1])
                path, query = target.path.removeprefix("/v2"), dict(parse_qsl(target.query))
                self.server.asked.append((path, query))
                if path == "/test" and self.server.script is not website:
                    found: t.Any = response({"message": "The API key is valid for account: Raw"})
                else:
                    found = self.server.script(path, query) or response(page())
                for part in [found] if isinstance(found, bytes) else found:
                    self.wfile.write(part)
                    self.wfile.flush()


def raw_server(script: Script) -> AbstractContextManager[RawServer]:
    """Serve what a script says."""
    return serving(RawServer(script))
