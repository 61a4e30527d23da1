"""What can go wrong, said so that a person knows what to do next.

Every message is one line and holds neither the API key nor a customer's data.
"""

from __future__ import annotations

from singer_sdk.exceptions import FatalSyncError


class TapError(FatalSyncError):
    """A failure that is not a bug of the tap; its text is meant for people."""


class SettingsError(TapError):
    """The settings, the catalog or the state cannot be used as they are."""


class EndpointError(TapError):
    """One endpoint cannot be read; the other streams can go on."""


class RefusedError(EndpointError):
    """OnceHub refused a request for good (a 3xx or 4xx answer).

    Attributes:
        status: The HTTP status of the answer.
        param: The parameter that OnceHub says it is about, if it does.
    """

    def __init__(self, message: str, *, status: int, param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.param = param


class WrongAddressError(RefusedError):
    """Not even the first answer is OnceHub's: no stream could be read."""


class NotFoundError(RefusedError):
    """OnceHub has no such object or endpoint (404)."""


class PaginationError(EndpointError):
    """The pages of a list lead nowhere new."""


class AccessRefusedError(TapError):
    """OnceHub refuses the key (401), or the account's plan has no API access (403)."""


class RateLimitedError(TapError):
    """OnceHub keeps answering 429, since others use the limits: no stream could be read."""


class UnreachableError(TapError):
    """No answer comes from OnceHub at all: no stream could be read."""


class OutputClosedError(TapError):
    """Nobody reads the messages any more."""


class StreamsFailedError(TapError):
    """Some streams failed while the others were synced."""


class InterruptedSyncError(TapError):
    """SIGTERM or Ctrl-C ended the sync.

    Attributes:
        signal_number: The signal that was received.
    """

    def __init__(self, signal_number: int) -> None:
        super().__init__("Interrupted: the next run resumes from the last state that was saved.")
        self.signal_number = signal_number
