"""The tap: its settings and its streams."""

from __future__ import annotations

import typing as t
from functools import cached_property

from singer_sdk.helpers.capabilities import PluginCapabilities, TapCapabilities
from singer_sdk.plugin_base import _ConfigInput

from tap_oncehub.api.client import OnceHubClient
from tap_oncehub.api.rate_limit import RequestLimiter
from tap_oncehub.cli import CommandLineTap
from tap_oncehub.errors import (
    InterruptedSyncError,
    OnceHubError,
    SettingsError,
    StreamsFailedError,
    WrongAddressError,
)
from tap_oncehub.message_writer import WholeLineWriter
from tap_oncehub.progress import Progress, Remarks
from tap_oncehub.settings import SETTINGS
from tap_oncehub.signals import Interruption
from tap_oncehub.state.bookmark import check_state
from tap_oncehub.streams import stream_classes
from tap_oncehub.streams.users import TestAuthStream

if t.TYPE_CHECKING:
    from types import FrameType

    import click
    from singer_sdk.helpers.capabilities import CapabilitiesEnum

    from tap_oncehub.streams.base import OnceHubStream


class TapOnceHub(CommandLineTap):
    """A Singer tap that reads a whole OnceHub account."""

    name = "tap-oncehub"
    config_jsonschema: t.ClassVar[dict[str, t.Any]] = SETTINGS
    message_writer_class = WholeLineWriter
    capabilities: t.ClassVar[list[CapabilitiesEnum]] = [
        TapCapabilities.CATALOG,
        TapCapabilities.STATE,
        TapCapabilities.DISCOVER,
        TapCapabilities.ACTIVATE_VERSION,
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]

    @cached_property
    def interruption(self) -> Interruption:
        """SIGTERM and Ctrl-C."""
        return Interruption()

    @cached_property
    def progress(self) -> Progress:
        """What a person sees of the sync."""
        return Progress(self.logger, self.interruption)

    @cached_property
    def remarks(self) -> Remarks:
        """What is worth a line at the end."""
        return Remarks()

    @cached_property
    def failures(self) -> dict[str, OnceHubError]:
        """The streams that were given up in this run, and why."""
        return {}

    @cached_property
    def client(self) -> OnceHubClient:
        """The one conversation with OnceHub."""
        limiter = RequestLimiter(
            self.config["rate_limit_per_second"],
            self.config["rate_limit_per_window"],
            self.config["rate_limit_window_seconds"],
            self.progress.pause,
        )
        self.progress.limiter = limiter
        return OnceHubClient(
            limiter,
            self.logger,
            self.config["request_timeout_seconds"],
            self.config["max_wait_seconds"],
            self.config["api_key"],
            self.progress,
        )

    def discover_streams(self) -> list[OnceHubStream]:
        """Give one stream for each endpoint."""
        return [stream_class(self) for stream_class in stream_classes(self.config)]

    def save(self) -> None:
        """Write a STATE message, if the state has changed."""
        self.state_writer.write_state(self.state)

    def fail(self, stream: str, error: OnceHubError) -> None:
        """Give a stream up for this run.

        Args:
            stream: Its name.
            error: Why.

        Raises:
            WrongAddressError: If the other streams cannot be read either.
        """
        if isinstance(error, WrongAddressError):
            msg = f"{stream}: {error}."
            raise WrongAddressError(msg, status=error.status)
        self.failures[stream] = error
        self.logger.error("%s is given up: %s", stream, error)

    def sync_all(self) -> None:  # type: ignore[misc]  # the SDK has no hook for the end
        """Sync all streams, then say what it cost and what failed.

        Raises:
            StreamsFailedError: If any stream failed.
            InterruptedSyncError: If a signal ended the sync; the state is written.
        """
        self._check_input()
        try:
            super().sync_all()
        except InterruptedSyncError:
            self.save()
            raise
        finally:
            self.remarks.tell(self.logger)
            self.progress.summary()
        if self.failures:
            said = {name: str(e).rstrip(".") for name, e in self.failures.items()}
            failed = "; ".join(f"{name}: {text}" for name, text in said.items())
            selected = sum(stream.selected for stream in self.streams.values())
            msg = f"{len(said)} of {selected} streams failed, the others are synced. "
            raise StreamsFailedError(msg + failed)

    def say_hello(self) -> str:
        """Ask OnceHub whether the key is valid.

        Returns:
            OnceHub's own words.
        """
        stream = TestAuthStream(self)
        return str(stream.fetch(None).body.get("message"))

    def _check_input(self) -> None:
        """Refuse a catalog or a state that cannot be used.

        Raises:
            SettingsError: Saying what cannot be used.
        """
        for entry in self.input_catalog or {}:
            if entry not in self.streams:
                known = ", ".join(self.streams)
                msg = f"The catalog has an unknown stream {entry!r}; there are: {known}"
                raise SettingsError(msg)
        for stream in self.streams.values():
            t.cast("OnceHubStream", stream).check_catalog()
        check_state(self.state, [s.name for s in self.streams.values() if s.replication_key])

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """End at a moment that leaves whole records and a true state."""
        self.interruption.handle(signum, frame)

    @classmethod
    def cb_test(cls, ctx: click.Context, param: click.Option, value: str) -> None:
        """Test the key with one request; ``--test=schema`` writes the schemas.

        Args:
            ctx: The command line.
            param: The option.
            value: Its value.
        """
        if value != "all":
            super().cb_test(ctx, param, value)
            return
        config: _ConfigInput = ctx.params.get("config", _ConfigInput())
        tap = cls(config=config.config, parse_env_config=config.parse_env)
        cls.logger.info("%s", tap.say_hello())
        ctx.exit()
