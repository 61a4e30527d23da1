"""How settings and input files come in: checked, with messages for people."""

from __future__ import annotations

import typing as t

from singer_sdk import Tap
from singer_sdk.configuration._dict_config import parse_environment_config
from singer_sdk.helpers._classproperty import classproperty
from singer_sdk.plugin_base import JSONSchemaValidator, _ConfigInput

from tap_oncehub.errors import LoaderGoneError, SettingsError
from tap_oncehub.input_files import checked
from tap_oncehub.settings import from_text, problems, tidy

if t.TYPE_CHECKING:
    import click


class CommandLineTap(Tap):
    """A tap that refuses unusable input in one line, before the first request."""

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
        texts = parse_environment_config({"properties": as_text}, cls._env_var_prefix)
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
