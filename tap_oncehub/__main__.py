"""The command ``tap-oncehub``: errors in one line, for people."""

import os
import signal
import sys

_SIGNALLED = 128


def main() -> None:
    """Run the tap; exit with 0, 1 after an error, 128 + N after the signal N."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    # These imports take most of a second, in which a signal may come.
    import click  # noqa: PLC0415

    from tap_oncehub.engine import errors  # noqa: PLC0415
    from tap_oncehub.tap import TapOnceHub  # noqa: PLC0415

    try:
        sys.exit(TapOnceHub.run_command())
    except errors.InterruptedSyncError as interruption:
        TapOnceHub.logger.warning("%s", interruption)
        sys.exit(_SIGNALLED + interruption.signal_number)
    except errors.TapError as error:
        if isinstance(error, errors.OutputClosedError) and sys.stdout:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        TapOnceHub.logger.error("%s", error)
    except click.ClickException as error:
        TapOnceHub.logger.error("%s", error.format_message())
    except Exception as error:  # noqa: BLE001  # the last line of defence
        # Its own text may hold a customer's data.
        bug = Exception(type(error).__name__).with_traceback(error.__traceback__)
        what = "This is a bug of tap-oncehub %s: please report it with the lines below"
        TapOnceHub.logger.error(what, TapOnceHub.plugin_version, exc_info=bug)
    sys.exit(1)


def _stop(number: int, _frame: object) -> None:
    """End at once: so early, there is nothing to finish."""
    try:
        os.write(2, b"Interrupted before anything was read.\n")
    finally:
        os._exit(_SIGNALLED + number)


if __name__ == "__main__":
    main()
