"""How settings and input files come in: checked, with messages for people."""

from __future__ import annotations

import os
import typing as t

import click
from singer_sdk import Tap
from singer_sdk.configuration._dict_config import parse_environment_config
from singer_sdk.helpers._classproperty import classproperty
from singer_sdk.plugin_base import JSONSchemaValidator, _ConfigInput
from singer_sdk.tap_base import CliTestOptionValue

from tap_oncehub.errors import LoaderGoneError, SettingsError
from tap_oncehub.input_files import checked
from tap_oncehub.settings import from_text, problems, tidy

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
    "state": "The last STATE that the loader gave back: go on from there.",
    "about": "Show the settings and what the tap can do.",
    "format": "How --about is written.",
    "version": "Show the versions of the tap and of the SDK.",
}


class CommandLineTap(Tap):
    """A tap that refuses unusable input in one line, before the first request."""

    @classmethod
    def get_singer_command(cls) -> click.Command:
        """Give the command, with help for people."""
        command = super().get_singer_command()
        command.help = _HELP
        for option in command.params:
            name = option.opts[0].lstrip("-")
            if isinstance(option, click.Option) and name in _OPTIONS:
                option.help = _OPTIONS[name]
                if name == "test":
                    option.type = click.Choice([value.value for value in CliTestOptionValue])
        return command

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """Fill in defaults; refuse settings that cannot be used, all at once."""
        tidy(self._config)
        schema = self.config_jsonschema
        self.append_builtin_config(schema)
        if unknown := sorted(self._config.keys() - schema["properties"].keys()):
            self.logger.warning("There are no such settings: %s", ", ".join(unknown))
        found = problems(self._config, JSONSchemaValidator(schema))
        if found and raise_errors:
            raise SettingsError("; ".join(found))
        return found

    @classproperty
    def _env_var_config(cls) -> dict[str, t.Any]:  # noqa: N805
        """Read the settings from the environment, in their declared types."""
        schema = cls.config_jsonschema
        cls.append_builtin_config(schema)
        as_text = {name: {"type": "string"} for name in schema["properties"]}
        # Left alone, the SDK lets a .env of any folder above override the environment.
        texts = parse_environment_config({"properties": as_text}, cls._env_var_prefix, os.devnull)
        return {name: from_text(name, text, schema) for name, text in texts.items()}

    @classmethod
    def invoke(cls, **options: t.Any) -> None:
        """Sync, unless other options are given.

        Args:
            options: The command line's options.

        Raises:
            LoaderGoneError: If nobody reads the messages any more.
        """
        for name in ("state", "catalog"):
            if options.get(name) is not None:
                options[name] = checked(options[name], name)
        try:
            super().invoke(**options)
        except BrokenPipeError:
            msg = "The loader has ended: see its own messages."
            raise LoaderGoneError(msg) from None

    @classmethod
    def cb_config(
        cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]
    ) -> _ConfigInput:
        """Read the settings; without any file, from the environment.

        Args:
            ctx: The command line.
            param: The option.
            value: Its values.

        Raises:
            SettingsError: If a file cannot be used.
        """
        try:
            return super().cb_config(ctx, param, value or ("ENV",))
        except OSError as error:
            reason = error.strerror or "there is no such file"
            msg = f"The settings cannot be read from {', '.join(value)}: {reason}"
        except (ValueError, TypeError):
            msg = f"The settings in {', '.join(value)} are no JSON object"
        raise SettingsError(msg) from None
