"""The bodies of broken answers.

They name a customer, as careless servers do, so that tests can find leaks into logs.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from sandbox.answers import Answer, ApiError

if TYPE_CHECKING:
    from sandbox.faults import Fault

_HTML = "text/html; charset=utf-8"
_FROM_PROXY = (502, 503, 504)
_TYPES = {
    401: "authentication_error",
    403: "authentication_error",
    429: "rate_limit_error",
}
_SERVER_ERRORS = 500
_BODIES = {
    "empty": "",
    "no_data": '{"object":"list","has_more":false}',
    "data_null": '{"object":"list","data":null,"has_more":false}',
    "data_object": '{"object":"list","data":{"email":"%s"},"has_more":false}',
    "data_string": '{"object":"list","data":"%s","has_more":false}',
    "more_but_empty": '{"object":"list","data":[],"has_more":true}',
    "not_json": "Something went wrong while reading the bookings of %s",
}


def status_answer(fault: Fault, status: int, email: str) -> Answer:
    """Return an error answer with a status."""
    headers = {"Retry-After": fault.retry_after} if fault.retry_after is not None else {}
    if status in _FROM_PROXY:
        answer = _page(status, email)
        answer.headers = headers
        return answer
    usual = "api_error" if status >= _SERVER_ERRORS else "invalid_request_error"
    message = f"{_phrase(status)}: we could not handle the booking of {email}"
    return ApiError(status, _TYPES.get(status, usual), message, headers=headers).answer()


def instead(kind: str, email: str) -> Answer:
    """Return the answer that a fault puts in the place of the right one."""
    if kind == "html":
        return _page(200, email)
    return Answer(body=_BODIES[kind].replace("%s", email).encode())


def _page(status: int, email: str) -> Answer:
    title = f"{status} {_phrase(status)}"
    head = f"<html><head><title>{title}</title></head>"
    body = f"{head}<body><h1>{title}</h1><p>{email}</p></body></html>"
    return Answer(status, body.encode(), _HTML)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
