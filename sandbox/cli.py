"""The sandbox as a program of its own."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

from sandbox.account import Account
from sandbox.limits import Limits
from sandbox.server import Sandbox
from sandbox.streams import STREAMS

if TYPE_CHECKING:
    from collections.abc import Sequence

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    made = argparse.ArgumentParser(
        prog="python -m sandbox",
        description="Serve a made-up OnceHub account on the loopback address, until "
        "stopped. The first line of output is JSON with url and key.",
    )
    made.add_argument("--port", type=int, default=0, help="default: any free port")
    made.add_argument("--with-parent", action="store_true", help="end when stdin is closed")
    made.add_argument("--limits", action="store_true", help="refuse what is over OnceHub's limits")
    _account_options(made.add_argument_group("the account"))
    return made


def _account_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--seed", type=int, default=1, help="which account (default: 1)")
    for name in STREAMS:
        default = 1000 if name == "bookings" else None
        usual = "default: 1000" if name == "bookings" else "default: in proportion to bookings"
        option = f"--{name.replace('_', '-')}"
        group.add_argument(option, type=int, default=default, metavar="N", help=usual)
    group.add_argument("--now", help="when the account was made, in ISO 8601 (default: this hour)")
    group.add_argument("--plain", action="store_true", help="no difficult values in objects")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until told to stop."""
    made = parser()
    options = made.parse_args(arguments)
    # Before there are threads, so that none of them gets the signals.
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        sandbox = _sandbox(options)
    except ValueError as error:
        made.error(str(error))
    try:
        sandbox.start()
    except OSError as error:
        made.error(f"cannot listen on port {options.port}: {error.strerror}")
    with sandbox:
        sys.stdout.write(json.dumps({"url": sandbox.url, "key": sandbox.key}) + "\n")
        sys.stdout.flush()
        if options.with_parent:
            threading.Thread(target=_watch_parent, daemon=True).start()
        signal.sigwait(_SIGNALS)
    return 0


def _sandbox(options: argparse.Namespace) -> Sandbox:
    sizes = {name: getattr(options, name) for name in STREAMS if getattr(options, name) is not None}
    account = Account(options.seed, nasty=not options.plain, now=options.now, **sizes)
    return Sandbox(account, port=options.port, limits=Limits() if options.limits else None)


def _watch_parent() -> None:
    """End when the parent has closed its end of our standard input, or died."""
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
