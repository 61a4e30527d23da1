"""Servers that stand between the tap and the sandbox: a proxy, TLS, another host."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import typing as t
from contextlib import contextmanager, suppress
from socketserver import StreamRequestHandler, ThreadingTCPServer

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOOPBACK = "127.0.0.1"
_BLOCK = 65536


class Server(ThreadingTCPServer):
    """A server on some port of the loopback address."""

    daemon_threads = True

    def __init__(self, handler: type[StreamRequestHandler]) -> None:
        super().__init__((LOOPBACK, 0), handler)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])


class Tunnels(Server):
    """A server for tunnels; every name leads to this machine.

    Attributes:
        asked: Host and port of each request.
        wrap: Makes a connection secure, where this server speaks TLS.
        to_port: Where the tunnels end; None is the port that was asked for.
    """

    def __init__(self, wrap: ssl.SSLContext | None = None, to_port: int | None = None) -> None:
        self.asked: list[str] = []
        self.wrap = wrap
        self.to_port = to_port
        super().__init__(_Tunnel)


class _Tunnel(StreamRequestHandler):
    server: Tunnels

    def handle(self) -> None:
        """Connect both ends; the end of TLS needs no request for that."""
        with suppress(OSError):
            if self.server.wrap:
                with self.server.wrap.wrap_socket(self.request, server_side=True) as client:
                    self._join(client, self.server.to_port or 0)
                return
            line = self.rfile.readline().decode()
            self.server.asked.append(line.split()[1])
            while self.rfile.readline().strip():
                pass
            port = int(line.split()[1].rpartition(":")[2])
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            self._join(self.request, self.server.to_port or port)

    def _join(self, client: socket.socket, port: int) -> None:
        with socket.create_connection((LOOPBACK, port)) as upstream:
            back = threading.Thread(target=_copy, args=(upstream, client), daemon=True)
            back.start()
            _copy(client, upstream)
            back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while block := source.recv(_BLOCK):
            target.sendall(block)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextmanager
def serving(server: t.Any) -> Iterator[t.Any]:
    """Let a server run in the background."""
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def secure(port: int, certificate: Path | str) -> Tunnels:
    """Speak TLS, and pass on what comes to a port that does not."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return Tunnels(context, port)


def make_certificate(folder: Path, name: str) -> Path:
    """Make a certificate that nobody else has signed, for a name or an address."""
    path = folder / f"{name}.pem"
    kind = "IP" if name.replace(".", "").isdigit() else "DNS"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", f"/CN={name}", "-addext", f"subjectAltName={kind}:{name}"]
    command += ["-keyout", str(path), "-out", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    return path
