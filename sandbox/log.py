"""What the server was asked."""

from __future__ import annotations

from dataclasses import dataclass

VERSION = "/v2"


@dataclass
class Entry:
    """One request.

    Attributes:
        path: the path as it came, `/v2` included.
        query: the query parameters; what could not be read is under "?".
        time: when it arrived, on the server's clock, in seconds since 1970.
        status: the status sent; 0 if there was no answer.
        fault: what went wrong on purpose, if anything.
    """

    path: str
    query: dict[str, str]
    time: float
    status: int = 0
    fault: str | None = None

    @property
    def api_path(self) -> str:
        """Return the path below the version."""
        return self.path.removeprefix(VERSION) or "/"
