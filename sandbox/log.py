"""What the server was asked."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

VERSION = "/v2"


@dataclass
class Entry:
    """One request.

    Attributes:
        method: the HTTP method.
        path: the path as it came, `/v2` included.
        query: the query parameters; what could not be read is under "?".
        status: the status sent; 0 if there was no answer.
        time: when it arrived, on the server's clock, in seconds since 1970.
        headers: the request's headers in lower case, without the key.
        key_sent: whether it brought an `API-Key`.
        request_id: what was sent as `Request-Id`.
        fault: what went wrong on purpose, if anything.
        seconds: how long the server took.
        sent: how many bytes the body of the answer had.
    """

    method: str
    path: str
    query: dict[str, str]
    status: int
    time: float
    headers: dict[str, str]
    key_sent: bool
    request_id: str
    fault: str | None = None
    seconds: float = 0.0
    sent: int = 0

    @property
    def api_path(self) -> str:
        """Return the path below the version."""
        return self.path.removeprefix(VERSION) or "/"


class Log(list[Entry]):
    """All requests in order of arrival."""

    def requests(self, path_prefix: str | None = None, status: int | None = None) -> int:
        """Count requests by status and by how the path begins, `/v2` or not."""
        return sum(
            (status is None or entry.status == status)
            and (path_prefix is None or _under(entry, path_prefix))
            for entry in self.copy()
        )

    def by_path(self) -> dict[str, dict[str, int]]:
        """Count requests by path, then by status."""
        counts: dict[str, Counter[str]] = {}
        for entry in self.copy():
            counts.setdefault(entry.path, Counter())[str(entry.status)] += 1
        return {path: dict(counter) for path, counter in sorted(counts.items())}

    def report(self) -> list[dict[str, Any]]:
        """Return all entries as JSON objects."""
        return [vars(entry) for entry in self.copy()]


def _under(entry: Entry, prefix: str) -> bool:
    return entry.path.startswith(prefix) or entry.api_path.startswith(prefix)
