"""What goes back over the wire, and the errors in the API's words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sandbox.collection import encode

_JSON = "application/json; charset=utf-8"


@dataclass
class Answer:
    """One response."""

    status: int = 200
    body: bytes = b""
    content_type: str = _JSON
    headers: dict[str, str] = field(default_factory=dict)


class ApiError(Exception):
    """An error that the API answers with."""

    def __init__(
        self,
        status: int,
        kind: str,
        message: str,
        param: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message
        self.param = param
        self.headers = headers or {}

    def answer(self) -> Answer:
        """Return the response."""
        body = {"type": self.kind, "message": self.message}
        if self.param is not None:
            body["param"] = self.param
        return Answer(self.status, encode(body), headers=self.headers)


def ok(value: Any) -> Answer:
    """Answer with a JSON value."""
    return Answer(body=encode(value))


def invalid(message: str, param: str | None = None, status: int = 400) -> ApiError:
    """Make the error for a request that cannot be answered."""
    return ApiError(status, "invalid_request_error", message, param)


def not_found(noun: str, key: str, param: str = "id", status: int = 404) -> ApiError:
    """Make the error for an id that nobody has."""
    return invalid(f"No such {noun}: '{key}'", param, status)
