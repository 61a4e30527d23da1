"""Bytes on connections, and the faults that need a socket."""

from __future__ import annotations

import gzip
import socket
import struct
import threading
import traceback
import uuid
from contextlib import suppress
from http.client import responses
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.answers import Answer
    from sandbox.service import Outcome, Service

LOOPBACK = "127.0.0.1"
_SMALL = 500
_PIECES = 20
_TIMEOUT_SECONDS = 60.0
_SLOW_SECONDS = 2.0
_STOP_SECONDS = 5.0
_SILENT = ("reset", "close")
_STUCK = "Wed, 01 Jan 2020 00:00:00 GMT"
_AHEAD = {"ahead": 3600.0}
_LINGER_NOT = struct.pack("ii", 1, 0)


class Listener(ThreadingHTTPServer):
    """Accept connections and, unlike the parent class, end them when it stops."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, service: Service, port: int) -> None:
        self.service = service
        self.stopping = threading.Event()
        self._open: set[socket.socket] = set()
        self._changed = threading.Condition()
        super().__init__((LOOPBACK, port), Handler)

    def server_bind(self) -> None:
        """Bind, but do not ask the name service for this machine's name."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = LOOPBACK, self.server_address[1]

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection and remember it."""
        connection, address = super().get_request()
        with self._changed:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        """End a connection; one that is to be reset must not say goodbye first."""
        try:
            if request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8) != _LINGER_NOT:
                request.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the client was faster
        request.close()
        with self._changed:
            self._open.discard(request)
            self._changed.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Report our bugs, not clients that went away."""
        traceback.print_exc()

    def end(self) -> None:
        """Stop listening and end all connections."""
        self.stopping.set()
        self.shutdown()
        with self._changed:
            for connection in self._open:
                # Some have just ended by themselves.
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._changed.wait_for(lambda: not self._open, _STOP_SECONDS)
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    """Serve one client."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Listener

    def handle(self) -> None:
        """Serve the client until it goes away."""
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Keep quiet: there is a log of its own."""

    def do_GET(self) -> None:
        """Answer the only kind of request that the API takes."""
        outcome = self.server.service.handle(self.path, self.headers.get("API-Key"))
        kind = outcome.fault.kind if outcome.fault else None
        if kind in _SILENT:
            outcome.entry.status = 0
            self.close_connection = True
            if kind == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
            return
        if kind == "timeout":
            outcome.entry.status = 0
            self._pause(outcome, _TIMEOUT_SECONDS)
        self._reply(outcome, self.headers.get("Accept-Encoding", ""))

    def _reply(self, outcome: Outcome, encodings: str) -> None:
        answer = outcome.answer
        kind = outcome.fault.kind if outcome.fault else None
        if kind == "half_json":
            answer.body = answer.body[: len(answer.body) // 2]
        common = {"Request-Id": f"req_{uuid.uuid4().hex}"}
        date = self.server.service.account.switches.date_header
        if date != "none":
            clock = self.server.service.account.clock
            common["Date"] = _STUCK if date == "stuck" else clock.http_date(_AHEAD.get(date, 0))
        gzipped = self.server.service.account.switches.gzip and "gzip" in encodings
        head, body = self._packed(answer, common, gzipped=gzipped)
        if kind == "truncated":
            self.close_connection = True
            self.wfile.write(head + body[: len(body) // 2])
        elif kind == "slow":
            self._dribble(outcome, head + body)
        else:
            self.wfile.write(head + body)

    def _packed(
        self, answer: Answer, common: dict[str, str], *, gzipped: bool
    ) -> tuple[bytes, bytes]:
        headers = {**common, "Content-Type": answer.content_type, **answer.headers}
        body = answer.body
        if gzipped and len(body) > _SMALL:
            body = gzip.compress(body, 1, mtime=0)
            headers["Content-Encoding"] = "gzip"
        headers["Content-Length"] = str(len(body))
        lines = [f"HTTP/1.1 {answer.status} {responses.get(answer.status, 'Unknown')}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        return head, body

    def _pause(self, outcome: Outcome, usual: float, share: float = 1.0) -> None:
        seconds = outcome.fault.seconds if outcome.fault else None
        self.server.stopping.wait((usual if seconds is None else seconds) * share)

    def _dribble(self, outcome: Outcome, data: bytes) -> None:
        size = len(data) // _PIECES + 1
        for start in range(0, len(data), size):
            self.wfile.write(data[start : start + size])
            self._pause(outcome, _SLOW_SECONDS, 1 / _PIECES)
