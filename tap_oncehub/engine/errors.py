"""What can go wrong, each in one line that holds neither the API key nor a customer's data."""

import re

import requests
from singer_sdk.exceptions import FatalSyncError

_UNTRUSTED = re.compile(r"certificate verify failed(?:: ([^(]+?))?\.? *\(")
_CANNOT_SECURE = (
    "a secure connection was not possible (check what REQUESTS_CA_BUNDLE names, if it is set)"
)
_FAULTS: list[tuple[type[Exception], str, bool]] = [
    (requests.exceptions.InvalidHeader, "the headers of the response contradict", True),
    (requests.exceptions.SSLError, _CANNOT_SECURE, False),
    (requests.exceptions.ProxyError, "the proxy does not work", False),
    (requests.exceptions.ConnectTimeout, "connecting took too long", False),
    (requests.exceptions.Timeout, "the response took too long", True),
    (requests.exceptions.ChunkedEncodingError, "the response was cut short", True),
    (requests.exceptions.ContentDecodingError, "the response was garbled", True),
    (TimeoutError, "the response took too long", True),
]
"""What a failure is called, and whether anything at the address reacted."""


class TapError(FatalSyncError):
    """What ends the run without being a bug of the tap; its text is meant for people."""


class SettingsError(TapError):
    """The settings, the catalog or the state cannot be used as they are."""


class EndpointError(TapError):
    """One endpoint cannot be read; the other streams can go on."""


class RefusedError(EndpointError):
    """A request is refused for good, with a ``status`` of 3xx or 4xx."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class OutputClosedError(TapError):
    """Nobody reads the messages any more."""


class InterruptedSyncError(TapError):
    """SIGTERM or Ctrl-C ended the sync."""

    def __init__(self, signal_number: int) -> None:
        super().__init__("Interrupted: the next run resumes from the last state that was saved.")
        self.signal_number = signal_number


class RetriableError(Exception):
    """A failure that may pass by itself, for http.py alone; the text says what happened."""

    def __init__(
        self,
        message: str,
        *,
        answered: bool = True,  # whether anything at the address reacted
        rate_limited: bool = False,  # whether it was a 429
        retry_after: float | None = None,  # seconds that the answer asks to wait
    ) -> None:
        super().__init__(message)
        self.answered, self.rate_limited, self.retry_after = answered, rate_limited, retry_after

    @property
    def broken(self) -> bool:
        """Whether the answer was no sound one, and nothing says when one will come."""
        return self.answered and not self.rate_limited and self.retry_after is None


def network_error(error: Exception, url: str) -> RetriableError | TapError:
    """Return what a failed exchange means, without the texts of libraries, which quote secrets."""
    text = str(error)
    if match := _UNTRUSTED.search(text):
        return TapError(
            f"no answer from {url}: its certificate cannot be trusted "
            f"({match[1] or 'unknown reason'}). Behind a proxy that inspects traffic, set "
            "REQUESTS_CA_BUNDLE to the file with the proxy's certificate."
        )
    if "Read timed out" in text:  # of a body, which is a plain ConnectionError
        return RetriableError("the response took too long")
    for kind, fault, answered in _FAULTS:
        if isinstance(error, kind):
            return RetriableError(fault, answered=answered)
    if isinstance(error, ValueError):
        hint = "the address of the proxy is not usable. Check HTTPS_PROXY"
    elif not isinstance(error, requests.RequestException):
        hint = "its certificate cannot be checked without the file that REQUESTS_CA_BUNDLE names. "
        hint += "Check that it is there"
    elif "Failed to resolve" in text:
        return RetriableError("the host name is not known", answered=False)
    else:
        refused = "NewConnectionError" in text or "refused" in text
        what = "was refused" if refused else "broke"
        return RetriableError(f"the connection {what}", answered=not refused)
    return TapError(f"no answer from {url}: {hint}.")
