"""The tap: its settings and its streams."""

from __future__ import annotations

import typing as t
from functools import cached_property

from singer_sdk import Tap
from singer_sdk.helpers.capabilities import PluginCapabilities
from typing_extensions import override

from tap_oncehub.cli import CommandLineTap
from tap_oncehub.context import SyncContext
from tap_oncehub.errors import EndpointError, InterruptedSyncError, WrongAddressError
from tap_oncehub.log import plain_text
from tap_oncehub.message_writer import WholeLineWriter
from tap_oncehub.settings import SETTINGS
from tap_oncehub.state.bookmark import check_account
from tap_oncehub.streams import stream_classes
from tap_oncehub.streams.users import TestAuthStream

if t.TYPE_CHECKING:
    from types import FrameType

    from singer_sdk.helpers.capabilities import CapabilitiesEnum

    from tap_oncehub.streams.base import OnceHubStream


class TapOnceHub(CommandLineTap):
    """A Singer tap that reads a whole OnceHub account."""

    name = "tap-oncehub"
    config_jsonschema: t.ClassVar[dict[str, t.Any]] = SETTINGS
    message_writer_class = WholeLineWriter
    capabilities: t.ClassVar[list[CapabilitiesEnum]] = [
        capability for capability in Tap.capabilities if capability is not PluginCapabilities.BATCH
    ]

    @cached_property
    def sync_context(self) -> SyncContext:
        """What the streams share."""
        return SyncContext(
            self.config, self.logger, lambda: self.state_writer.write_state(self.state)
        )

    @override
    def discover_streams(self) -> list[OnceHubStream]:
        classes = stream_classes(self.config)
        return [stream_class(self, self.sync_context) for stream_class in classes]

    @override  # type: ignore[misc]  # final, but the SDK has no hook for the end of a sync
    def sync_all(self) -> None:
        """Sync all streams, then log what it cost and what failed.

        Raises:
            StreamsFailedError: If any stream failed.
            InterruptedSyncError: If a signal ended the sync; the state is written.
        """
        self.check_input()
        try:
            self._check_account()
            super().sync_all()
        except InterruptedSyncError:
            self.sync_context.write_state()
            raise
        streams = t.cast("list[OnceHubStream]", self.streams.values())
        least = sum(s.least_requests for s in streams if not s.parent_stream_type)
        # The request that asks whose key it is comes on top.
        self.sync_context.summarize(least + 1)
        self.sync_context.raise_failures(sum(s.selected for s in self.streams.values()))

    @override
    def check_connection(self) -> str:
        stream = TestAuthStream(self, self.sync_context)
        return plain_text(str(stream.fetch(None).body.get("message")), self.config["api_key"])

    def _check_account(self) -> None:
        """Refuse a state of another account; that the check fails stops nothing else."""
        try:
            message = self.check_connection()
        except WrongAddressError as error:
            self.sync_context.fail(TestAuthStream.name, error)
        except EndpointError as error:
            self.logger.warning("The account of the API key is not known: %s", error)
        else:
            check_account(t.cast("dict[str, t.Any]", self.state), message)

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        # The SDK would exit at once, perhaps in the middle of a line.
        self.sync_context.waiter.handle(signum, frame)
