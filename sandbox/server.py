"""A sandbox that runs in the background of this process."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from sandbox.account import Account
from sandbox.log import VERSION
from sandbox.service import Service
from sandbox.switches import Switches
from sandbox.wire import LOOPBACK, Listener

if TYPE_CHECKING:
    from typing_extensions import Self

    from sandbox.limits import Limits

DEFAULT_KEY = "sandbox-key"
_POLL_SECONDS = 0.02


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
        key: str = DEFAULT_KEY,
        port: int = 0,
        limits: Limits | None = None,
        **switches: Any,
    ) -> None:
        self.account = account or Account()
        # Those not named are as usual, not as another server left them.
        self.account.set_switches(Switches().changed(**switches))
        self.key = key
        self.clock = self.account.clock
        self._service = Service(self.account, key, limits)
        self.faults = self._service.faults
        self.log = self._service.log
        self._port = port
        self._listener: Listener | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listen; nothing happens if it does already."""
        if self._listener:
            return
        self._listener = Listener(self._service, self._port)
        # The same port when it is started again.
        self._port = self._listener.server_port
        self._service.routes.base = f"http://{LOOPBACK}:{self._port}"
        self._thread = threading.Thread(
            target=self._listener.serve_forever,
            args=(_POLL_SECONDS,),
            name="sandbox",
            daemon=True,
        )
        self._thread.start()

    def stop(self) -> None:
        """End all connections and stop listening."""
        if self._listener and self._thread:
            self._listener.end()
            self._thread.join()
            self._listener = self._thread = None

    @property
    def url(self) -> str:
        """The base URL of the API."""
        return f"http://{LOOPBACK}:{self._port}{VERSION}"

    @property
    def refused(self) -> int:
        """How many requests were over a rate limit."""
        return self._service.refused

    def count(self, path_prefix: str = "/", status: int | None = None) -> int:
        """Count requests by status and by how the path below the version begins."""
        return sum(
            status in (None, entry.status) and entry.api_path.startswith(path_prefix)
            for entry in self.log.copy()
        )

    def reset_log(self) -> None:
        """Forget all requests."""
        self.log.clear()
        self._service.refused = 0

    def switch(self, **switches: Any) -> None:
        """Set switches; the others stay."""
        self.account.set_switches(self.account.switches.changed(**switches))

    def use_up(self, requests: int) -> None:
        """Pretend that somebody else behind the same address just made requests."""
        self._service.limiter.use_up(requests)
