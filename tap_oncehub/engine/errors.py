"""What can go wrong, each in one line that holds neither the API key nor a customer's data."""

import re

from singer_sdk.exceptions import FatalSyncError

_UNTRUSTED = (
    "its certificate cannot be trusted ({}). Behind a proxy that inspects traffic, set "
    "REQUESTS_CA_BUNDLE to the file with the proxy's certificate"
)
_CANNOT_SECURE = (
    "a secure connection was not possible (check what REQUESTS_CA_BUNDLE names, if it is set)"
)
_NO_BUNDLE = (
    "its certificate cannot be checked without the file that REQUESTS_CA_BUNDLE names. Check that "
    "it is there"
)
_FAULTS: list[tuple[str, str, bool | None]] = [
    (r"certificate verify failed(?:: ([^(]+?))?\.? *\(", _UNTRUSTED, None),
    ("InvalidHeader", "the headers of the response contradict", True),
    ("ProxyError", "the proxy does not work", False),
    ("SSLError", _CANNOT_SECURE, False),
    ("ConnectTimeout", "connecting took too long", False),
    ("Timeout|Read timed out", "the response took too long", True),
    ("ChunkedEncodingError", "the response was cut short", True),
    ("ContentDecodingError", "the response was garbled", True),
    ("Failed to resolve", "the host name is not known", False),
    ("NewConnectionError|refused", "the connection was refused", False),
    ("ValueError", "the address of the proxy is not usable. Check HTTPS_PROXY", None),
    ("RequestException", "the connection broke", True),
    ("", _NO_BUNDLE, None),
]
"""The signs of a failure in an error's types and text, what it is called, and whether anything at
the address reacted; None if trying again does not help. The first that fits counts."""


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
        # Whether nothing says when a sound answer will come.
        self.broken = answered and not rate_limited and retry_after is None


def network_error(error: Exception, url: str) -> RetriableError | TapError:
    """Return what a failed exchange means, without the texts of libraries, which quote secrets."""
    text = f"{[kind.__name__ for kind in type(error).__mro__]}: {error}"
    for sign, fault, answered in _FAULTS:
        if match := re.search(sign, text):
            what = fault.format(*match.groups("unknown reason"))
            if answered is None:
                return TapError(f"no answer from {url}: {what}.")
            return RetriableError(what, answered=answered)
    raise AssertionError  # the last sign is in every text
