"""The files that Singer hands to a tap: a catalog and a state, checked when read."""

from __future__ import annotations

import io
import json
import typing as t

import msgspec

from tap_oncehub.errors import SettingsError
from tap_oncehub.state.bookmark import check_state


class _Part(msgspec.Struct):
    breadcrumb: list[str]
    metadata: dict[str, t.Any]


class _Schema(msgspec.Struct):
    properties: dict[str, dict[str, t.Any]] = {}


class _Entry(msgspec.Struct):
    tap_stream_id: str
    schema: _Schema
    metadata: list[_Part] = []
    key_properties: list[str] | None = None
    replication_key: str | None = None
    replication_method: str | None = None


class _Catalog(msgspec.Struct):
    streams: list[_Entry]


def checked(file: t.IO[str], name: str) -> t.IO[str]:
    """Refuse a catalog or state that is no JSON object of the right form.

    Args:
        file: The file.
        name: What it is, ``catalog`` or ``state``.

    Returns:
        The same content, to be read again.

    Raises:
        SettingsError: Saying which file it is and what is wrong with it.
    """
    try:
        text = file.read()
        content = json.loads(text if text.strip() or name == "catalog" else "{}")
    except ValueError:
        content = None
    if not isinstance(content, dict):
        msg = f"The {name} in {file.name} is no JSON object."
        raise SettingsError(msg)
    if name == "state":
        check_state(content, ())
    else:
        _check_catalog(content, file.name)
    return io.StringIO(json.dumps(content))


def _check_catalog(content: t.Any, place: str) -> None:
    try:
        msgspec.convert(content, _Catalog)
    except msgspec.ValidationError as error:
        msg = f"The catalog in {place} is not like the one that tap-oncehub --discover "
        raise SettingsError(msg + f"writes: {error}.") from None
