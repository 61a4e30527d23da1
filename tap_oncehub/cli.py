"""The command line, the settings and the input files: checked, with messages for people."""

from __future__ import annotations

import io
import json
import logging
import os
import typing as t

import click
import msgspec
from singer_sdk import Tap
from singer_sdk.exceptions import ConfigurationError, MappingError
from singer_sdk.plugin_base import JSONSchemaValidator
from typing_extensions import override

from tap_oncehub.errors import SettingsError
from tap_oncehub.settings import from_environment, problems, tidy
from tap_oncehub.state.bookmark import check_state

if t.TYPE_CHECKING:
    from tap_oncehub.streams.base import OnceHubStream

_HELP = """Read a OnceHub account and write it to standard output as Singer messages, for a
loader to read:

\b
    tap-oncehub --config config.json --state state.json | target-...

Settings come from the file, or without one from TAP_ONCEHUB_API_KEY and so on: --about
lists them. Exit status: 0, 1 after an error, 128 + N after signal N."""
_OPTIONS = {
    "config": "JSON file with settings; ENV stands for the environment. May be repeated.",
    "discover": "Write the catalog: every stream and field.",
    "test": "Ask OnceHub whether the key works. --test=schema writes the SCHEMA messages.",
    "catalog": "Catalog that says which streams and fields to read, and how.",
    "state": "The last STATE that the loader returned: resume from there.",
    "about": "Show the settings and what the tap can do.",
    "format": "How --about is written.",
    "version": "Show the versions of the tap and of the SDK.",
}


class CommandLineTap(Tap):
    """A tap that refuses unusable input in one line, before the first request."""

    @classmethod
    @override
    def get_singer_command(cls) -> click.Command:
        command = super().get_singer_command()
        command.help = _HELP
        for option in command.params:
            name = option.opts[0].lstrip("-")
            if isinstance(option, click.Option) and name in _OPTIONS:
                option.help = _OPTIONS[name]
                if name == "test":
                    option.type = click.Choice(["all", "schema", "disabled"])
        return command

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        # The SDK has no public hook before the settings count; its messages quote values.
        tidy(self._config)
        schema = self.config_jsonschema
        self.append_builtin_config(schema)
        if unknown := sorted(self._config.keys() - schema["properties"].keys()):
            self.logger.warning("Ignoring unknown settings: %s", ", ".join(unknown))
        found = problems(self._config, JSONSchemaValidator(schema))
        if found and raise_errors:
            raise SettingsError("; ".join(found))
        return found

    @override
    def setup_mapper(self) -> None:
        try:
            super().setup_mapper()
        except Exception as error:
            told = isinstance(error, (ConfigurationError, MappingError))
            if told or not self.config.get("stream_maps"):
                raise
            msg = f"The stream_maps hold an expression that cannot be read ({type(error).__name__})"
            raise SettingsError(msg) from None

    @classmethod
    @override
    def invoke(cls, **options: t.Any) -> None:
        """Sync, unless other options are given.

        Args:
            options: The command line's options.
        """
        for name in ("state", "catalog"):
            if options.get(name) is not None:
                options[name] = checked(options[name], name)
        super().invoke(**options)

    @classmethod
    @override
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> t.Any:
        """Read the settings; without any file, from the environment.

        The SDK's own reading of the environment takes a file .env, from any folder
        upwards, for more than the environment itself.

        Raises:
            SettingsError: If a file cannot be used.
        """
        files = tuple(path for path in value if path != "ENV")
        try:
            found = super().cb_config(ctx, param, files)
        except OSError as error:
            reason = error.strerror or "no such file"
            msg = f"The settings cannot be read from {', '.join(files)}: {reason}"
            raise SettingsError(msg) from None
        except (ValueError, TypeError, RecursionError):
            msg = f"The settings in {', '.join(files)} are not a JSON object"
            raise SettingsError(msg) from None
        if files == value and files:
            return found
        schema = cls.config_jsonschema
        cls.append_builtin_config(schema)
        found.config |= from_environment(os.environ, schema)
        return found

    @classmethod
    @override
    def cb_test(cls, ctx: click.Context, param: click.Option, value: str) -> None:
        """Check the key with one request; the SDK would sync every stream."""
        if value != "all":
            super().cb_test(ctx, param, value)
            return
        found = ctx.params.get("config")
        cls.logger.setLevel(logging.WARNING)  # the answer is one line
        # What OnceHub says of the key names the account by an address of e-mail.
        cls(config=found.config if found else {}).check_connection()
        click.echo("The API key is valid.")
        ctx.exit()

    def check_connection(self) -> str:
        """Return what OnceHub says of the key, asked with one request."""
        raise NotImplementedError

    def check_input(self) -> None:
        """Refuse a catalog or a state that cannot be used.

        Raises:
            SettingsError: Saying what cannot be used.
        """
        for entry in self.input_catalog or {}:
            if entry not in self.streams:
                known = ", ".join(self.streams)
                msg = f"The catalog has an unknown stream {entry!r}; known are: {known}"
                raise SettingsError(msg)
        for stream in self.streams.values():
            t.cast("OnceHubStream", stream).check_catalog()
        check_state(self.state, [s.name for s in self.streams.values() if s.replication_key])


class _Metadata(msgspec.Struct):
    selected: bool | None = None


class _Part(msgspec.Struct):
    breadcrumb: list[str]
    metadata: _Metadata


class _Schema(msgspec.Struct):
    type: str | list[str] = ""
    properties: dict[str, _Schema] = {}
    items: _Schema | None = None
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


def checked(file: t.IO[str], name: str) -> t.IO[str]:
    """Return a catalog or state file's content, to be read again.

    Raises:
        SettingsError: Saying which file it is and what is wrong with it.
    """
    try:
        text = file.read()
        # Unlike the standard library's, this decoder takes neither NaN nor half characters.
        content = msgspec.json.decode(text if text.strip() or name == "catalog" else "{}")
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        msg = f"The {name} in {file.name} is not a JSON object."
        raise SettingsError(msg)
    if name == "state":
        check_state(content, ())
    else:
        _check_catalog(content, file.name)
    return io.StringIO(json.dumps(content))


def _check_catalog(content: t.Any, place: str) -> None:
    try:
        entries = msgspec.convert(content, _Catalog).streams
    except msgspec.ValidationError as error:
        msg = f"The catalog in {place} is not like the one that tap-oncehub --discover "
        raise SettingsError(msg + f"writes: {error}.") from None
    for entry in entries:
        if entry.stream not in {None, "", entry.tap_stream_id}:
            msg = f"The catalog in {place} has two names for the stream {entry.tap_stream_id!r}."
            raise SettingsError(msg)
