"""What one sync shares: every stream gets it, and no stream knows the tap."""

import typing as t
from datetime import datetime, timedelta, timezone

from singer_sdk import Tap

from tap_oncehub.engine.errors import EndpointError, TapError
from tap_oncehub.engine.http import HttpClient
from tap_oncehub.engine.plan import Clocks
from tap_oncehub.engine.readers import Stream, object_reader
from tap_oncehub.engine.state import last_full_pass

_TOLD_HOURS = 0.1


class SyncRun:
    """The client, the failures and the state of one sync."""

    def __init__(self, tap: Tap, client: HttpClient) -> None:
        self.client, self.progress, self.waiter = client, client.progress, client.waiter
        self.failures: dict[str, EndpointError] = {}
        self.may_tell_deletes = False  # not before the account is known to be that of the state
        self.write_message = tap.write_message
        self._tap: t.Any = tap

    @property
    def clocks(self) -> Clocks:
        """The time by this machine and by the server, both a second early."""
        return Clocks(datetime.now(timezone.utc) - timedelta(seconds=1), self.client.now)

    @property
    def states(self) -> dict[str, t.Any]:
        """The states of all streams."""
        return t.cast("dict[str, t.Any]", self._tap.state.setdefault("bookmarks", {}))

    def save_state(self) -> None:
        """Write a STATE message, if the state has changed."""
        self._tap.state_writer.write_state(self._tap.state)

    def announce_full_pass(self, stream: Stream) -> None:
        """Say what a full pass over a list that is read by its key costs, where that is known."""
        path, config, lists = stream.source or stream.path, stream.config, self._tap.streams
        names = [name for name, one in lists.items() if one.path == path and not one.filters]
        passes = [last_full_pass(self.states.get(name, {})) for name in names]
        objects = max((one.objects for one in passes), default=0)
        if objects and not stream.filters:
            pages = 1 + objects // (stream.page_size - 1)  # they overlap by one
            requests = objects if stream.reader is object_reader else pages
            windows = requests / (config["rate_limit_per_window"] or float("inf"))
            hours = windows * config["rate_limit_window_seconds"] / 3600
            cost = f"about {requests:,} requests" + f", {hours:.1f} hours" * (hours >= _TOLD_HOURS)
            what = f"reading the whole list {path} ({stream.max_age_setting}): {cost}"
            self._tap.logger.info("%s: %s", stream.name, what)

    def warn(self, stream: str, what: str) -> None:
        """Log what a person may want to know of a stream."""
        self._tap.logger.warning("%s: %s", stream, what)

    def fail(self, stream: str, error: EndpointError) -> None:
        """Skip a stream for the rest of this run."""
        self.failures[stream] = error
        self._tap.logger.error("%s failed, skipping it: %s", stream, error)

    def raise_failures(self, selected: int) -> None:
        """End the run with an error that names each of the selected streams that failed."""
        if self.failures:
            failed = "; ".join(f"{name}: {str(e).rstrip('.')}" for name, e in self.failures.items())
            count = f"{len(self.failures)} of {selected} streams failed"
            others = ", the others are synced" if len(self.failures) < selected else ""
            raise TapError(f"{count}{others}. {failed}")
