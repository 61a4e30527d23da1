"""The command line: its help, its settings, and what is checked before the first request."""

import os
import sys
import typing as t

import click
from singer_sdk import Tap
from typing_extensions import override

from tap_oncehub.catalog import checked, have_lost_nulls, register_maps
from tap_oncehub.client import OnceHubStream
from tap_oncehub.engine.errors import SettingsError
from tap_oncehub.engine.signals import SignalWaiter, output_closed
from tap_oncehub.settings import converted, doubts, from_environment, problems

_HELP = """Read a OnceHub account and write it to standard output as Singer messages, for a
loader to read:

\b
    tap-oncehub --config config.json --state state.json | target-...

Settings come from the file, or without one from TAP_ONCEHUB_API_KEY and so on: --about
lists them. Exit status: 0, 1 after an error, 128 + N after signal N."""


class CommandLineTap(Tap):
    """A tap that refuses unusable input in one line, before the first request."""

    def __init__(
        self, *, config: dict[str, t.Any] | None = None, validate_config: bool = True, **more: t.Any
    ) -> None:
        """Check and convert the settings; discovery does without those that are wrong."""
        usable = converted(config or {})
        wrong = problems(usable)
        if wrong and validate_config:
            raise SettingsError("; ".join(f"{name} {text}" for name, text in wrong.items()))
        for doubt in doubts(config or {}, os.environ) if validate_config else ():
            self.logger.warning("%s", doubt)
        usable = {name: value for name, value in usable.items() if name not in wrong}
        self.waiter = SignalWaiter()  # there before the SDK sets its handler
        # The SDK, whose messages quote values, finds nothing to say; it fills in the defaults.
        defaults = {"api_key": "", "user_agent": f"{self.name}/{self.plugin_version}"}
        super().__init__(config=defaults | usable, validate_config=False, **more)

    @classmethod
    def run_command(cls) -> t.Any:
        """Run the command line, and return its exit status."""
        try:
            command = cls.cli
        except ValueError:
            levels = "DEBUG, INFO, WARNING, ERROR or CRITICAL"
            raise SettingsError(f"LOGLEVEL must be {levels}.") from None
        try:
            try:
                return command(standalone_mode=False)
            finally:
                if sys.stdout:
                    sys.stdout.flush()  # a full disk shows here at the latest
        except OSError as error:
            if error.strerror is None:  # one of the kind that requests has
                raise
            raise output_closed(error) from None

    @classmethod
    @override
    def get_singer_command(cls) -> click.Command:
        command = super().get_singer_command()
        command.help = _HELP
        for option in command.params:
            if isinstance(option, click.Option) and "--test" in option.opts:
                option.help = "Ask OnceHub whether the key works."
                option.type = click.Choice(["all", "schema", "disabled"])
        return command

    @override
    def setup_mapper(self) -> None:
        register_maps(self)
        for stream in self.streams.values():
            t.cast("OnceHubStream", stream).check_catalog()
        exported = converted(from_environment(os.environ)).get("stream_maps")
        if have_lost_nulls(self.config.get("stream_maps", {}), exported):
            what = "Nulls in stream_maps were dropped and remove nothing"
            self.logger.warning("%s; write __NULL__, since Meltano drops a null", what)

    @classmethod
    @override
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> t.Any:
        """Read the settings; without any file, from the environment."""
        # The SDK's own reading takes a file .env, from any folder upwards, for more than that.
        found = super().cb_config(ctx, param, ())
        for path in value:
            if path != "ENV":
                found.config |= checked(click.File(encoding="utf-8")(path, param, ctx), "config")
        if not value or "ENV" in value:
            found.config |= from_environment(os.environ)
        return found
