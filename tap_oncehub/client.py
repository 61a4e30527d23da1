"""What a refusal of OnceHub's means, and what a person can do about it."""

from __future__ import annotations

import typing as t
from http import HTTPStatus

from tap_oncehub.engine.errors import AccessRefusedError, RefusedError, TapError, WrongAddressError
from tap_oncehub.settings import DEFAULT_API_URL, KEYS_PAGE

if t.TYPE_CHECKING:
    from tap_oncehub.engine.response import JsonResponse

KEY_CHECK_PATH = "/test"
"""What OnceHub answers for every key that has access to its API."""
_REDIRECTS = {301, 302, 303, 307, 308}


def error_for_response(
    response: JsonResponse, path: str, text: str, *, key_check_path: str
) -> TapError:
    """Return what a response means that refuses a request for good.

    Args:
        response: The response.
        path: What was asked for.
        text: Both in words.
        key_check_path: Where OnceHub says whether key, plan and address are right.
    """
    status = response.status_code
    if status == HTTPStatus.UNAUTHORIZED:
        return AccessRefusedError(
            f"OnceHub does not accept the API key: {text}. "
            f"Set api_key to a valid key, made in {KEYS_PAGE}."
        )
    if status in _REDIRECTS:
        text += ", a redirect, which is not followed"
    elif status < HTTPStatus.BAD_REQUEST:
        text += ", which does not answer this request"
    if path == key_check_path:
        if status == HTTPStatus.FORBIDDEN:
            return AccessRefusedError(
                f"OnceHub refuses access to its API: {text}. "
                "The account's plan must include API access."
            )
        if status in {*_REDIRECTS, HTTPStatus.NOT_FOUND}:
            return WrongAddressError(f"{text}. Check api_url, {DEFAULT_API_URL} is the usual one.")
    elif status == HTTPStatus.FORBIDDEN:
        text += ". If the account's plan does not include this, deselect the stream"
    return RefusedError(text, status=status, param=response.error_param)
