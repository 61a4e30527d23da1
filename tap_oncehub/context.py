"""What one sync shares: every stream gets it, and no stream knows the tap."""

from __future__ import annotations

import typing as t
from pathlib import Path

import platformdirs

from tap_oncehub.api.client import OnceHubClient
from tap_oncehub.api.rate_limit import RequestLimiter
from tap_oncehub.errors import EndpointError, StreamsFailedError, WrongAddressError
from tap_oncehub.log import keep_plain
from tap_oncehub.progress import Notices, Progress
from tap_oncehub.settings import is_loopback
from tap_oncehub.signals import SignalWaiter

if t.TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Mapping


class SyncContext:
    """The client, the signals, the progress and the failures of one sync.

    Attributes:
        write_state: Writes a STATE message, if the state has changed.
        failures: The streams that failed in this run, and why.
    """

    def __init__(
        self,
        config: Mapping[str, t.Any],
        logger: logging.Logger,
        write_state: Callable[[], None],
    ) -> None:
        keep_plain(config.get("api_key", ""))
        self.write_state = write_state
        self.waiter = SignalWaiter()
        self.notices = Notices()
        self.failures: dict[str, EndpointError] = {}
        self._logger = logger
        limiter = RequestLimiter(
            config["rate_limit_per_second"],
            config["rate_limit_per_window"],
            config["rate_limit_window_seconds"],
            file=_rate_limit_file(config),
            key=config.get("api_key", ""),
            logger=logger,
        )
        self.progress = Progress(logger, lambda: limiter.left)
        self.client = OnceHubClient(
            limiter,
            logger,
            config["request_timeout_seconds"],
            config["max_wait_seconds"],
            config.get("api_key", ""),  # discovery needs none
            config["api_url"].rstrip("/"),
            self.progress,
            self.waiter,
        )

    def fail(self, stream: str, error: EndpointError) -> None:
        """Skip a stream for the rest of this run.

        Raises:
            WrongAddressError: If the other streams cannot be read either.
        """
        if isinstance(error, WrongAddressError):
            msg = f"{stream}: {error}."
            raise WrongAddressError(msg, status=error.status)
        self.failures[stream] = error
        self._logger.error("%s failed, skipping it: %s", stream, error)

    def summarize(self, least_requests: int) -> None:
        """Log what came up, what the sync cost, and what the next one costs at least."""
        self.notices.log(self._logger)
        self.progress.summarize(None if self.failures else least_requests)

    def raise_failures(self, selected: int) -> None:
        """End the run with an error if any of the selected streams failed.

        Raises:
            StreamsFailedError: Naming each and why.
        """
        if self.failures:
            failed = "; ".join(f"{name}: {str(e).rstrip('.')}" for name, e in self.failures.items())
            msg = f"{len(self.failures)} of {selected} streams failed, the others are synced. "
            raise StreamsFailedError(msg + failed)


def _rate_limit_file(config: Mapping[str, t.Any]) -> Path | None:
    """Return the file of the limits; None counts in memory.

    Requests to a loopback address are none to OnceHub, and must not use up its window.
    """
    file = config.get("rate_limit_file")
    if file is None and not is_loopback(config["api_url"]):
        file = platformdirs.user_state_path("tap-oncehub") / "requests.sqlite"
    return Path(file) if file else None
