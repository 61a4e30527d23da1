"""Servers that stand between the tap and the sandbox: a proxy, TLS, another host."""

import socket
import ssl
import subprocess
import threading
import typing as t
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import SHUT_WR, create_connection
from socketserver import StreamRequestHandler, ThreadingTCPServer

LOOPBACK = "127.0.0.1"


class Server(ThreadingTCPServer):
    """A server on some port of the loopback address."""

    daemon_threads = True

    def __init__(self, handler: type[StreamRequestHandler]) -> None:
        super().__init__((LOOPBACK, 0), handler)

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class Tunnels(Server):
    """A proxy to which every name is this machine; or the end of TLS before a port.

    Attributes:
        asked: Host and port of each request to the proxy.
    """

    def __init__(self, tls: ssl.SSLContext | None = None, to_port: int = 0) -> None:
        self.asked: list[str] = []
        self.tls, self.to_port = tls, to_port
        super().__init__(_Tunnel)


class _Tunnel(StreamRequestHandler):
    server: Tunnels

    def handle(self) -> None:
        client, port = self.request, self.server.to_port
        with suppress(OSError):
            if self.server.tls:
                client = self.server.tls.wrap_socket(client, server_side=True)
            else:
                first, *_ = iter(self.rfile.readline, b"\r\n")
                self.server.asked.append(first.split()[1].decode())
                port = int(self.server.asked[-1].rpartition(":")[2])
                self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            with client, create_connection((LOOPBACK, port)) as upstream:
                back = threading.Thread(target=_copy, args=(upstream, client), daemon=True)
                back.start()
                _copy(client, upstream)
                back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while block := source.recv(65536):
            target.sendall(block)
    with suppress(OSError):
        target.shutdown(SHUT_WR)


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
