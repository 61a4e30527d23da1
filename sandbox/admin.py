"""A client of the admin path, for a sandbox in another process."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

_OK = 200


class AdminClient:
    """Change and question a running sandbox.

    Args:
        url: the URL of the API, as the sandbox gave it.
    """

    def __init__(self, url: str) -> None:
        self._host = urlsplit(url).netloc

    def call(self, action: str, payload: object = None) -> Any:
        """Do one action.

        Raises:
            ValueError: the sandbox does not understand it.
        """
        connection = HTTPConnection(self._host, timeout=60)
        try:
            connection.request("POST", f"/_admin/{action}", json.dumps(payload or {}))
            response = connection.getresponse()
            found = json.loads(response.read())
        finally:
            connection.close()
        if response.status != _OK:
            raise ValueError(found["message"])
        return found

    def report(self, *, log: bool = False) -> dict[str, Any]:
        """Return counts, sizes, limits and faults; on demand all requests."""
        found: dict[str, Any] = self.call("report", {"log": log})
        return found

    def objects(self, stream: str) -> list[dict[str, Any]]:
        """Return all objects of a list."""
        found: list[dict[str, Any]] = self.call("objects", {"stream": stream})
        return found

    def object(self, stream: str, key: str) -> dict[str, Any] | None:
        """Return one object."""
        found: dict[str, Any] | None = self.call("object", {"stream": stream, "id": key})
        return found

    def add(self, stream: str, n: int = 1, **fields: Any) -> list[str]:
        """Create objects."""
        found: list[str] = self.call("add", {"stream": stream, "n": n, "fields": fields})
        return found

    def edit(self, stream: str, key: str, **fields: Any) -> None:
        """Change an object."""
        self.call("edit", {"stream": stream, "id": key, "fields": fields})

    def delete(self, stream: str, key: str) -> None:
        """Delete an object."""
        self.call("delete", {"stream": stream, "id": key})

    def random_changes(self, seed: int, **counts: Any) -> list[list[str]]:
        """Do random `edits`, `adds` and `deletes`, perhaps only on some `streams`."""
        found: list[list[str]] = self.call("random_changes", {"seed": seed, **counts})
        return found

    def add_fault(self, kind: str, path: str | None = None, **options: Any) -> None:
        """Let something go wrong."""
        self.call("faults/add", {"kind": kind, "path": path, **options})

    def clear_faults(self) -> None:
        """Let everything go well."""
        self.call("faults/clear")

    def set_limits(self, **limits: Any) -> None:
        """Set the rate limits; without any, switch them off."""
        self.call("limits/set", limits)

    def use_up(self, requests: int) -> None:
        """Pretend that somebody else made requests."""
        self.call("limits/use_up", {"requests": requests})

    def set_switches(self, **switches: Any) -> None:
        """Set switches; the others stay."""
        self.call("switches/set", switches)

    def set_clock(self, offset_seconds: float) -> None:
        """Set the server's clock against this machine's."""
        self.call("clock/set", {"offset_seconds": offset_seconds})

    def reset_log(self) -> None:
        """Forget all requests."""
        self.call("log/reset")
