"""What one sync shares: every stream gets it, and no stream knows the tap."""

from __future__ import annotations

import typing as t
from datetime import datetime, timezone

from tap_oncehub.engine.errors import EndpointError, StreamsFailedError
from tap_oncehub.engine.plan import Clocks
from tap_oncehub.engine.progress import Notices

if t.TYPE_CHECKING:
    from collections.abc import Collection

    from singer_sdk import Tap

    from tap_oncehub.engine.http import HttpClient
    from tap_oncehub.engine.progress import Progress
    from tap_oncehub.engine.signals import SignalWaiter


class SyncRun:
    """The client, the signals, the progress and the failures of one sync.

    Attributes:
        failures: The streams that failed in this run, and why.
        may_tell_deletes: Whether the account is known to be the one that the state holds.
    """

    def __init__(
        self, tap: Tap, client: HttpClient, progress: Progress, waiter: SignalWaiter
    ) -> None:
        self.client, self.progress, self.waiter = client, progress, waiter
        self.user_agent = f"{tap.name}/{tap.plugin_version}"
        self.notices = Notices()
        self.failures: dict[str, EndpointError] = {}
        self.may_tell_deletes = False
        self.write_message = tap.write_message
        self._tap = tap

    @property
    def clocks(self) -> Clocks:
        """The time by this machine and by the server."""
        return Clocks(datetime.now(timezone.utc), self.client.now)

    @property
    def streams(self) -> Collection[t.Any]:
        """All streams of the tap."""
        return self._tap.streams.values()

    def save_state(self) -> None:
        """Write a STATE message, if the state has changed."""
        self._tap.state_writer.write_state(self._tap.state)

    def count_unread(self) -> int:
        """Return how many objects could not be read, over all streams."""
        bookmarks = self._tap.state.get("bookmarks", {}).values()
        return sum(len(state.get("unread", [])) for state in bookmarks)

    def warn(self, stream: str, what: str) -> None:
        """Log what a person may want to know of a stream."""
        self._tap.logger.warning("%s: %s", stream, what)

    def fail(self, stream: str, error: EndpointError) -> None:
        """Skip a stream for the rest of this run."""
        self.failures[stream] = error
        self._tap.logger.error("%s failed, skipping it: %s", stream, error)

    def raise_failures(self, selected: int) -> None:
        """End the run with an error if any of the selected streams failed.

        Raises:
            StreamsFailedError: Naming each and why.
        """
        if self.failures:
            failed = "; ".join(f"{name}: {str(e).rstrip('.')}" for name, e in self.failures.items())
            msg = f"{len(self.failures)} of {selected} streams failed, the others are synced. "
            raise StreamsFailedError(msg + failed)
