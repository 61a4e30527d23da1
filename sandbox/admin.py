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

    def edit(self, stream: str, key: str, **fields: Any) -> None:
        """Change an object."""
        self.call("edit", {"stream": stream, "id": key, "fields": fields})

    def reset_log(self) -> None:
        """Forget all requests."""
        self.call("log/reset")
