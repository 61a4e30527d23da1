"""The command ``tap-oncehub``: errors in one line, for people."""

from __future__ import annotations

import os
import signal
import sys
import typing as t
from contextlib import suppress

if t.TYPE_CHECKING:
    import click

_SIGNALLED = 128


def main() -> None:
    """Run the tap; exit with 0, 1 after an error, 128 + N after the signal N."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    # Their own imports take most of a second, in which a signal may come.
    import click  # noqa: PLC0415
    from singer_sdk.exceptions import ConfigurationError, MappingError  # noqa: PLC0415

    from tap_oncehub.engine import errors  # noqa: PLC0415
    from tap_oncehub.tap import TapOnceHub  # noqa: PLC0415

    try:
        sys.exit(_run(TapOnceHub.command()))
    except errors.InterruptedSyncError as interruption:
        TapOnceHub.logger.warning("%s", interruption)
        sys.exit(_SIGNALLED + interruption.signal_number)
    except errors.TapError as error:
        if isinstance(error, errors.OutputClosedError) and sys.stdout:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        TapOnceHub.logger.error("%s", error)
    except click.ClickException as error:
        TapOnceHub.logger.error("%s", error.format_message())
    except (ConfigurationError, MappingError) as error:
        TapOnceHub.logger.error("Invalid settings: %s", error)
    except Exception as error:  # noqa: BLE001  # the last line of defence
        # Its own text may hold a customer's data.
        bug = Exception(type(error).__name__).with_traceback(error.__traceback__)
        what = "This is a bug of tap-oncehub %s: please report it with the lines below"
        TapOnceHub.logger.error(what, TapOnceHub.plugin_version, exc_info=bug)
    sys.exit(1)


def _run(command: click.Command) -> t.Any:
    from tap_oncehub.engine.messages import output_closed  # noqa: PLC0415

    try:
        try:
            return command(standalone_mode=False)
        finally:
            if sys.stdout:
                sys.stdout.flush()  # where the disk is full, it shows here at the latest
    except OSError as error:
        if error.strerror is None:  # one of the class that requests has
            raise
        raise output_closed(error) from None


def _stop(number: int, _frame: t.Any) -> None:
    """End at once: so early, there is nothing to finish."""
    with suppress(OSError):
        os.write(2, b"Interrupted before anything was read.\n")
    os._exit(_SIGNALLED + number)


if __name__ == "__main__":
    main()
