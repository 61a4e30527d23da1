"""The catalog, the state and the stream maps: checked, and brought in line with each other."""

import re
import typing as t
from collections.abc import Collection

import msgspec
from singer_sdk import Tap
from singer_sdk.exceptions import StreamMapConfigError
from singer_sdk.mapper import PluginMapper
from singer_sdk.singerlib import Catalog

from tap_oncehub.engine.errors import SettingsError


class _Metadata(msgspec.Struct):
    selected: bool | None = None


class _Part(msgspec.Struct):
    breadcrumb: list[str]
    metadata: _Metadata


class _Schema(msgspec.Struct):
    type: str | list[str] = ""
    properties: "dict[str, _Schema]" = {}  # as a whole, for Python 3.10
    items: "_Schema | None" = None
    anyOf: list[dict[str, t.Any]] = []  # noqa: N815


class _Columns(_Schema, kw_only=True):
    properties: dict[str, _Schema]


class _Entry(msgspec.Struct):
    tap_stream_id: str
    schema: _Columns
    stream: str | None = None
    metadata: list[_Part] = []
    key_properties: list[str] | None = None
    replication_key: str | None = None
    replication_method: str | None = None


class _Catalog(msgspec.Struct):
    streams: list[_Entry]


def checked(file: t.IO[str], name: str) -> dict[str, t.Any]:
    """Return the content of a file of settings, catalog or state, or say what is wrong with it."""
    try:
        text = file.read().removeprefix("\ufeff")  # which editors on Windows write
        # Unlike the standard library's, this decoder takes neither NaN nor half characters.
        text = text if text.strip() or name != "state" else "{}"
        content = msgspec.json.decode(text, type=dict[str, t.Any])
        if name == "catalog":
            msgspec.convert(content, _Catalog)
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"The {name} in {file.name} cannot be used: {error}.") from None
    return content


def register_maps(tap: Tap) -> None:
    """Set up the stream maps of what is selected; others have no effect.

    The SDK would refuse them, since what they name is not in the selected schema.
    """
    maps: dict[str, t.Any] = dict(tap.config.get("stream_maps", {}))
    if any(name.startswith("__") and name != "__else__" for name in maps):
        what = "stream_maps may hold __else__ only"
        raise SettingsError(f"Of names that begin with two underscores, {what}.")
    for unknown in (tap.input_catalog or {}).keys() - tap.streams.keys():
        names = ", ".join(tap.streams)
        raise SettingsError(f"The catalog has an unknown stream {unknown!r}; known are: {names}")
    mapper = tap.mapper = PluginMapper({**tap.config, "stream_maps": maps}, tap.logger)
    known = {column for stream in tap.streams.values() for column in stream.schema["properties"]}
    for name, stream in tap.streams.items():
        if not stream.selected:
            mapper.stream_maps_dict = {}
            mapper.register_raw_stream_schema(name, stream.schema, stream.primary_keys)
            continue
        entry = tap.catalog[name]
        entry.stream = name  # by which the mapper knows it
        columns = entry.schema.properties or ()
        written = {column for column in columns if stream.mask["properties", column]}
        mapper.stream_maps_dict = {
            key: _applicable(definition, written, stream.schema["properties"], known)
            for key, definition in maps.items()
        }
        try:
            mapper.register_raw_streams_from_catalog(Catalog({name: entry}))
        except Exception as error:  # noqa: BLE001  # an expression may be anything
            told = isinstance(error, StreamMapConfigError)
            why = error if told else f"an expression cannot be read ({type(error).__name__})"
            raise SettingsError(f"The stream map of {name} cannot be used: {why}") from None


def _applicable(
    definition: t.Any, written: Collection[str], own: Collection[str], known: Collection[str]
) -> t.Any:
    """Leave out what a map says of columns that the stream does not write."""
    if not isinstance(definition, dict):
        return definition

    def applies(column: str, expression: t.Any) -> bool:
        if column in written or column in own:
            return column in written
        reads = re.search(rf"\b(self|{re.escape(column)})\b", str(expression))
        return not (column in known and reads)

    return {column: what for column, what in definition.items() if applies(column, what)}


def have_lost_nulls(maps: dict[str, t.Any], exported: t.Any) -> bool:
    """Return whether Meltano dropped nulls from stream maps, which then remove nothing.

    It leaves them only in what it exports to the environment, by stream and column.
    """
    nulls = exported.items() if isinstance(exported, dict) else ()
    meant = {path for path, value in nulls if value is None}
    written = {f"{stream}.{column}" for stream, part in maps.items() for column in part or ()}
    return {} in maps.values() or not meant <= written | maps.keys()
