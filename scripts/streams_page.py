"""Writes docs/streams.md from what the tap itself says of its streams.

`.venv/bin/python -m scripts.streams_page` writes the page anew; a test says when it
has to be done.
"""

from __future__ import annotations

import sys
import typing as t
from pathlib import Path

from tap_oncehub.engine.records import EXTRA
from tap_oncehub.streams import STREAMS
from tap_oncehub.tap import TapOnceHub

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_oncehub.streams.base import OnceHubStream

    Schema: t.TypeAlias = dict[str, t.Any]

PAGE = Path(__file__).resolve().parents[1] / "docs/streams.md"
_SETTINGS = {"api_key": "none", "include_webhook_secrets": True}
_HEAD = """\
# Streams and their fields

Written by `.venv/bin/python -m scripts.streams_page` from the tap's own classes and schemas:
change those, not this page. Paths are relative to `api_url`. Every field but the primary key is
nullable, and null where OnceHub sends nothing. The fields of an object are in brackets after it.

Every stream also has `_extra`: {extra} Loaders add columns that begin with `_sdc_`.
"""
_MORE = {
    "bookings": "Lists leave deleted bookings out; their ids still return them, with `deleted`.",
    "calendars": "`booking_calendar` costs a request for each calendar, the time slots one for "
    "each calendar and 30 days.",
    "users": "The availability costs a request for each user.",
    "webhooks": "`secret` needs `include_webhook_secrets`. OnceHub's reference does not describe "
    "the events: an account without them has no rows.",
}
"""What the docstring of a module of streams leaves to say, by the module's name."""


def page() -> str:
    """Give the text of docs/streams.md."""
    streams = {stream.name: stream for stream in _streams()}
    extra = streams["bookings"].schema["properties"][EXTRA]["description"]
    head = _HEAD.format(extra=extra[0].lower() + extra[1:])
    parts = [head, *_index(streams)]
    module = ""
    for stream in streams.values():
        if type(stream).__module__ != module:
            module = type(stream).__module__
            parts += _group(module)
        parts += _section(stream, streams)
    return "\n".join(parts) + "\n"


def _streams() -> list[OnceHubStream]:
    """Give every stream, those of one module beside each other."""
    tap = TapOnceHub(config=_SETTINGS)
    made = [stream(tap, tap.run) for stream in STREAMS]
    modules = list(dict.fromkeys(type(stream).__module__ for stream in made))
    return sorted(made, key=lambda stream: modules.index(type(stream).__module__))


def _index(streams: dict[str, OnceHubStream]) -> Iterator[str]:
    yield "| stream | endpoint | primary key | replication | for each of | selected by default |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for name, stream in streams.items():
        yield _row(f"[{name}](#{name})", *_facts(stream))


def _facts(stream: OnceHubStream) -> list[str]:
    key = stream.replication_key
    return [
        f"`GET {stream.path}`",
        ", ".join(stream.primary_keys),
        f"incremental by {key}" if key else "full table",
        f"`{stream.source}`" if stream.source else "",
        "yes" if stream.selected_by_default else "no",
    ]


def _group(module: str) -> Iterator[str]:
    name = module.rpartition(".")[2]
    said = (sys.modules[module].__doc__ or "").partition("\n")[0]
    yield f"\n## {name.capitalize()}"
    yield f"{said} {_MORE.get(name, '')}".strip()


def _section(stream: OnceHubStream, streams: dict[str, OnceHubStream]) -> Iterator[str]:
    fields = {k: v for k, v in stream.schema["properties"].items() if k != EXTRA}
    yield f"\n### {stream.name}"
    yield f"{stream.schema['description']}\n"
    if parent := _same_object(fields, stream, streams):
        yield f"It has the fields of [{parent}](#{parent}), and:\n"
        listed = streams[parent].schema["properties"]
        fields = {name: part for name, part in fields.items() if name not in listed}
    yield "| field | type | description |"
    yield "| --- | --- | --- |"
    for name, part in fields.items():
        yield _row(f"`{name}`", type_of(part), part["description"] + _inside(part))


def _same_object(
    fields: Schema, stream: OnceHubStream, streams: dict[str, OnceHubStream]
) -> str | None:
    """Name the list whose fields are all among these."""
    for name, other in streams.items():
        listed = {k: v for k, v in other.schema["properties"].items() if k != EXTRA}
        if name != stream.name and len(listed) > 1 and listed.items() <= fields.items():
            return name
    return None


def type_of(part: Schema) -> str:
    """Give the type of a field as the page writes it."""
    types = [part["type"]] if isinstance(part["type"], str) else part["type"]
    kind = next(name for name in types if name != "null")
    if kind == "array":
        return f"list of {type_of(part['items'])}s"
    return str(part.get("format", kind))


def _inside(part: Schema) -> str:
    names = _names(part)
    return f" ({names})" if names else ""


def _names(part: Schema) -> str:
    """Name what an object, or each object of a list, holds, however deep."""
    properties = part.get("properties") or part.get("items", {}).get("properties", {})
    return ", ".join(
        f"`{name}{'[]' if 'items' in inner else ''}`" + _inside(inner)
        for name, inner in properties.items()
    )


def _row(*cells: str) -> str:
    escaped = [cell.replace("|", "\\|").replace("\n", " ") for cell in cells]
    return f"| {' | '.join(escaped)} |"


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    print(f"Written: {PAGE.name}")


if __name__ == "__main__":
    main()
