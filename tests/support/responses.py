"""Responses of OnceHub that no server has sent."""

import json
import typing as t
from datetime import timedelta

import requests

from tap_oncehub.engine.response import JsonResponse


def answer(body: t.Any = b"{}", status: int = 200, **headers: str) -> JsonResponse:
    """Make a response; a body that is no bytes becomes JSON, and it took two seconds."""
    made = JsonResponse(requests.Response())
    made.status_code = status
    made._content = body if isinstance(body, bytes) else json.dumps(body).encode()
    made.headers.update({name.replace("_", "-"): text for name, text in headers.items()})
    made.elapsed = timedelta(seconds=2)
    return made
