"""The command ``tap-oncehub``: errors in one line, for people."""

from __future__ import annotations

import os
import sys

import click
from singer_sdk.exceptions import ConfigurationError, MappingError

from tap_oncehub.engine.errors import InterruptedSyncError, OutputClosedError, TapError
from tap_oncehub.tap import TapOnceHub

_SIGNALLED = 128


def main() -> None:
    """Run the tap; exit with 0, 1 after an error, 128 + N after the signal N."""
    try:
        sys.exit(TapOnceHub.cli(standalone_mode=False))
    except InterruptedSyncError as interruption:
        TapOnceHub.logger.warning("%s", interruption)
        sys.exit(_SIGNALLED + interruption.signal_number)
    except OutputClosedError as error:
        if sys.stdout:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        TapOnceHub.logger.error("%s", error)
        sys.exit(1)
    except TapError as error:
        TapOnceHub.logger.error("%s", error)
        sys.exit(1)
    except click.ClickException as error:
        TapOnceHub.logger.error("%s", error.format_message())
        sys.exit(1)
    except (ConfigurationError, MappingError) as error:
        TapOnceHub.logger.error("Invalid settings: %s", error)
        sys.exit(1)
    except Exception as error:  # noqa: BLE001  # the last line of defence
        # Its own text may hold a customer's data.
        bug = Exception(type(error).__name__).with_traceback(error.__traceback__)
        what = "This is a bug of tap-oncehub %s: please report it with the lines below"
        TapOnceHub.logger.error(what, TapOnceHub.plugin_version, exc_info=bug)
        sys.exit(1)


if __name__ == "__main__":
    main()
