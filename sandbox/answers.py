"""What goes back over the wire: right answers, errors in the API's words, broken ones."""

import json
from dataclasses import dataclass, field
from http.client import responses
from typing import NoReturn

_FROM_PROXY = (502, 503, 504)
_TYPES = {401: "authentication_error", 403: "authentication_error", 429: "rate_limit_error"}
BODIES = {
    "html": "<html><body><p>%s</p></body></html>",
    "empty": "",
    "no_data": '{"object":"list","has_more":false}',
    "data_null": '{"object":"list","data":null,"has_more":false}',
    "data_object": '{"object":"list","data":{"email":"%s"},"has_more":false}',
    "data_string": '{"object":"list","data":"%s","has_more":false}',
    "more_but_empty": '{"object":"list","data":[],"has_more":true}',
    "not_json": "Something went wrong while reading the bookings of %s",
}
"""What a fault puts in the place of the right answer. As careless servers do, they name
a customer, so that tests can find leaks into logs."""


@dataclass
class Answer:
    """One response."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json; charset=utf-8"


class ApiError(Exception):
    """An error that the API answers with."""

    def __init__(self, status: int, message: str, param: str | None = None) -> None:
        super().__init__(message)
        kind = _TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")
        body = {"type": kind, "message": message} | ({"param": param} if param else {})
        self.answer = Answer(status, encode(body))


def encode(value: object) -> bytes:
    """Write JSON as UTF-8; text that UTF-8 cannot hold makes it escape everything."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def ok(value: object) -> Answer:
    """Answer with a JSON value."""
    return Answer(body=encode(value))


def refuse(message: str, param: str | None = None, status: int = 400) -> NoReturn:
    """Answer with an error."""
    raise ApiError(status, message, param)


def not_found(kind: str, key: str, param: str = "id", status: int = 404) -> NoReturn:
    """Answer that nobody has an id."""
    refuse(f"No such {kind.replace('_', ' ')}: '{key}'", param, status)


def instead(kind: str, email: str) -> Answer:
    """Return the answer that a fault puts in the place of the right one."""
    answer = Answer(body=BODIES[kind].replace("%s", email).encode())
    if kind == "html":
        answer.content_type = "text/html; charset=utf-8"
    return answer


def broken(status: int, email: str, headers: dict[str, str]) -> Answer:
    """Return an error answer with a status: a proxy's is a page."""
    phrase = responses.get(status, "Unknown")
    answer = ApiError(status, f"{phrase}: we could not handle the booking of {email}").answer
    if status in _FROM_PROXY:
        answer = instead("html", email)
    answer.status, answer.headers = status, headers
    return answer
