"""A sandbox in the background of this process: connections, and the faults that need one."""

import gzip
import socket
import struct
import threading
import uuid
from contextlib import suppress
from http.client import responses
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any
from weakref import WeakSet

from sandbox.account import Account
from sandbox.answers import Answer
from sandbox.api import VERSION, Service
from sandbox.faults import Fault
from sandbox.limits import Limits
from sandbox.switches import Switches

_LOOPBACK = "127.0.0.1"
_PIECES = 20
_LINGER_NOT = struct.pack("ii", 1, 0)


class Sandbox:
    """A local OnceHub API over an account; use it in a `with` statement.

    Args:
        account: whose data it gives; default: a small one.
        key: the API key that opens it.
        port: where to listen on the loopback address; 0 is any free port.
        limits: the rate limits; None is none.
        switches: see `sandbox.switches.Switches`.
    """

    def __init__(
        self,
        account: Account | None = None,
        key: str = "sandbox-key",
        port: int = 0,
        limits: Limits | None = None,
        **switches: Any,
    ) -> None:
        self.account = account or Account()
        # Those not named are as usual, not as another server left them.
        self.account.set_switches(Switches().changed(**switches))
        self.key = key
        self.clock = self.account.clock
        self.service = Service(self.account, key, limits)
        self.faults = self.service.faults
        self.log = self.service.log
        self.use_up = self.service.limiter.use_up
        self._port = port
        self._listener: _Listener | None = None

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> "Sandbox":
        """Listen; nothing happens if it does already."""
        if self._listener:
            return self
        self._listener = _Listener(self.service, self._port)
        # The same port when it is started again.
        self._port = self._listener.server_port
        self.service.link_base = f"http://{_LOOPBACK}:{self._port}"
        serve = self._listener.serve_forever
        threading.Thread(target=serve, args=(0.02,), name="sandbox", daemon=True).start()
        return self

    __enter__ = start

    def stop(self) -> None:
        """End all connections and stop listening."""
        if self._listener:
            self._listener.end()
            self._listener = None

    @property
    def url(self) -> str:
        """The base URL of the API."""
        return f"http://{_LOOPBACK}:{self._port}{VERSION}"

    @property
    def refused(self) -> int:
        """How many requests were over a rate limit."""
        return sum(entry.status == 429 and entry.fault is None for entry in self.log.copy())

    def count(self, path_prefix: str = "/", status: int | None = None) -> int:
        """Count requests by status and by how the path below the version begins."""
        return sum(
            status in (None, entry.status) and entry.api_path.startswith(path_prefix)
            for entry in self.log.copy()
        )

    def reset_log(self) -> None:
        """Forget all requests."""
        self.log.clear()

    def switch(self, **switches: Any) -> None:
        """Set switches; the others stay."""
        self.account.set_switches(self.account.switches.changed(**switches))


class _Listener(ThreadingHTTPServer):
    """Accept connections and, unlike the parent class, end them when it stops."""

    daemon_threads = False  # those are not waited for
    request_queue_size = 128

    def __init__(self, service: Service, port: int) -> None:
        self.service = service
        self.stopping = threading.Event()
        self._connections: WeakSet[socket.socket] = WeakSet()
        super().__init__((_LOOPBACK, port), _Handler)

    def server_bind(self) -> None:
        """Bind, but do not ask the name service for this machine's name."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = _LOOPBACK, self.server_address[1]

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection and remember it."""
        connection, address = super().get_request()
        self._connections.add(connection)
        return connection, address

    def end(self) -> None:
        """Stop listening and end all connections."""
        self.stopping.set()
        self.shutdown()
        for connection in tuple(self._connections):
            with suppress(OSError):  # some have just ended by themselves
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    """Serve one client."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Listener

    def handle(self) -> None:
        """Serve the client until it goes away."""
        with suppress(ConnectionError):
            super().handle()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Keep quiet: there is a log of its own."""

    def do_GET(self) -> None:
        """Answer the only kind of request that the API takes."""
        answer, entry, fault = self.server.service.handle(self.path, self.headers.get("API-Key"))
        kind = fault.kind if fault else None
        if kind in {"reset", "close", "timeout"}:
            entry.status = 0
        if kind in {"reset", "close"}:
            self.close_connection = True
            if kind == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
                self.connection.close()  # without the goodbye of an orderly end
        else:
            self._send(answer, fault)

    def _send(self, answer: Answer, fault: Fault | None) -> None:
        kind, seconds = (fault.kind, fault.seconds) if fault else (None, 0.0)
        if kind == "half_json":
            answer.body = answer.body[: len(answer.body) // 2]
        if kind == "timeout":
            self.server.stopping.wait(seconds)
        head, body = self._packed(answer)
        if kind == "truncated":
            self.close_connection = True
            body = body[: len(body) // 2]
        data = head + body
        size = len(data) // _PIECES + 1 if kind == "slow" else len(data)
        for start in range(0, len(data), size):
            self.wfile.write(data[start : start + size])
            if kind == "slow":
                self.server.stopping.wait(seconds / _PIECES)

    def _packed(self, answer: Answer) -> tuple[bytes, bytes]:
        """Return the head and the body of a response."""
        account, body = self.server.service.account, answer.body
        headers = {"Request-Id": f"req_{uuid.uuid4().hex}", "Content-Type": answer.content_type}
        date = account.switches.date_header
        if date != "none":
            right = account.clock.http_date(3600 if date == "ahead" else 0)
            headers["Date"] = "Wed, 01 Jan 2020 00:00:00 GMT" if date == "stuck" else right
        if "gzip" in self.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body, 1, mtime=0)
            headers["Content-Encoding"] = "gzip"
        headers |= {**answer.headers, "Content-Length": str(len(body))}
        lines = [f"HTTP/1.1 {answer.status} {responses.get(answer.status, 'Unknown')}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode("latin-1"), body
