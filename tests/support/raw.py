"""Servers of the tests' own: of responses that no library would send, with TLS, and a proxy."""

import json
import select
import socket
import ssl
import subprocess
import threading
import typing as t
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from urllib.parse import parse_qsl, urlencode, urlsplit

from typing_extensions import override

from sandbox import Sandbox

Script: t.TypeAlias = Callable[[str, dict[str, str]], bytes | Iterable[bytes]]


def response(body: t.Any, status: str = "200 OK", *headers: str, length: bool = True) -> bytes:
    """Return a whole response; a body that is no bytes becomes JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", *headers]
    if length:
        lines.append(f"Content-Length: {len(content)}")
    return "\r\n".join([*lines, "", ""]).encode() + content


def page(*rows: t.Any, **envelope: t.Any) -> dict[str, t.Any]:
    return {"object": "list", "data": list(rows), "has_more": False, **envelope}


def replies(path: str, *found: bytes) -> Script:
    """Answer so to a path, one after the other, the last one again and again."""
    rest = list(found)

    def script(asked: str, _query: dict[str, str]) -> bytes:
        if asked != path:
            return b""
        return rest.pop(0) if len(rest) > 1 else rest[0]

    return script


def like(api: Sandbox, change: Callable[[t.Any], None] = lambda _: None) -> Script:
    """Answer as the sandbox does, after some change of its bodies."""

    def script(path: str, query: dict[str, str]) -> bytes:
        found, *_ = api.service.handle(f"/v2{path}?{urlencode(query)}", api.key)
        body = json.loads(found.body)
        change(body)
        return response(body, f"{found.status} As It Is")

    return script


def website(_path: str, _query: dict[str, str]) -> bytes:
    """Answer as a server that is not OnceHub's, and has a page for nothing."""
    return response(b"<html><h1>Not found, anna@example.com</h1></html>", "404 Not Found")


class RawServer(ThreadingTCPServer):
    """Answers as a script says, and to `/test` and lists that it leaves out as usual.

    Attributes:
        asked: Path and query of each request, in order.
    """

    daemon_threads = True

    def __init__(self, script: Script, certificate: Path | None) -> None:
        self.script = script
        self.asked: list[tuple[str, dict[str, str]]] = []
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if certificate else None
        if self._tls:
            self._tls.load_cert_chain(certificate)
        super().__init__(("127.0.0.1", 0), _Connection)
        self.port = self.server_address[1]
        self.url = f"http{'s' * bool(certificate)}://127.0.0.1:{self.port}/v2"

    @override
    def get_request(self) -> tuple[socket.socket, t.Any]:
        client, address = super().get_request()
        return (self._tls.wrap_socket(client, server_side=True) if self._tls else client), address


class _Connection(StreamRequestHandler):
    server: RawServer

    def handle(self) -> None:
        with suppress(OSError):
            while line := self.rfile.readline().decode():
                while self.rfile.readline().strip():
                    pass
                method, url, _ = line.split()
                if method == "CONNECT":
                    self._tunnel(int(url.rpartition(":")[2]))
                    break
                target = urlsplit(url)
                path, query = target.path.removeprefix("/v2"), dict(parse_qsl(target.query))
                self.server.asked.append((path, query))
                if path == "/test" and self.server.script is not website:
                    found: t.Any = response({"message": "The API key is valid for account: Raw"})
                else:
                    found = self.server.script(path, query) or response(page())
                for part in [found] if isinstance(found, bytes) else found:
                    self.wfile.write(part)
                    self.wfile.flush()

    def _tunnel(self, port: int) -> None:
        """Be a proxy to which every name is this machine."""
        with socket.create_connection(("127.0.0.1", port)) as upstream:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            ends = {upstream: self.connection, self.connection: upstream}
            while True:
                for one in select.select(ends, [], [])[0]:
                    if not (block := one.recv(65536)):
                        return
                    ends[one].sendall(block)


@contextmanager
def raw_server(script: Script, certificate: Path | None = None) -> Iterator[RawServer]:
    """Serve what a script says, with TLS if there is a certificate for it."""
    with RawServer(script, certificate) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def make_certificate(folder: Path, name: str) -> Path:
    path = folder / f"{name}.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    command += ["-keyout", str(path), "-out", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    return path
