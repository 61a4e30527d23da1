"""The sandbox as a program of its own."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

from sandbox.account import Account
from sandbox.faults import KINDS, from_text
from sandbox.limits import Limits
from sandbox.server import DEFAULT_KEY, Sandbox
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
    made.add_argument("--key", default=DEFAULT_KEY, help="the API key (default: %(default)s)")
    made.add_argument("--port", type=int, default=0, help="default: any free port")
    made.add_argument("--with-parent", action="store_true", help="end when stdin is closed")
    made.add_argument("--clock-offset", type=float, default=0.0, help="seconds the clock is fast")
    made.add_argument(
        "--switch", action="append", default=[], metavar="NAME=VALUE",
        help="set a switch, see sandbox/switches.py; VALUE is JSON or text",
    )  # fmt: skip
    made.add_argument(
        "--fault", action="append", default=[], metavar="KIND[:PATH][:NAME=VALUE...]",
        help="let something go wrong, as in 503:/bookings:times=2:after=1; kinds: "
        f"any HTTP status, {', '.join(KINDS)}",
    )  # fmt: skip
    _account_options(made.add_argument_group("the account"))
    _limit_options(made.add_argument_group("rate limits"))
    return made


def _account_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--seed", type=int, default=1, help="which account (default: 1)")
    for name in STREAMS:
        default = 1000 if name == "bookings" else None
        usual = "default: 1000" if name == "bookings" else "default: in proportion to bookings"
        option = f"--{name.replace('_', '-')}"
        group.add_argument(option, type=int, default=default, metavar="N", help=usual)
    group.add_argument("--now", help="when the account was made, in ISO 8601 (default: this hour)")
    group.add_argument("--nasty", action=argparse.BooleanOptionalAction, default=True,
                       help="whether objects contain difficult values")  # fmt: skip
    group.add_argument("--plain", dest="nasty", action="store_false", help="same as --no-nasty")
    group.add_argument("--warm", action="store_true", help="make all objects before being ready")


def _limit_options(group: argparse._ArgumentGroup) -> None:
    usual = Limits()
    group.add_argument("--limits", action=argparse.BooleanOptionalAction, default=False,
                       help="refuse what is over the limits")  # fmt: skip
    group.add_argument("--per-second", type=int, default=usual.per_second)
    group.add_argument("--per-window", type=int, default=usual.per_window)
    group.add_argument("--window-seconds", type=float, default=usual.window_seconds)
    group.add_argument("--clock-factor", type=float, default=1.0, help="run limits faster")
    group.add_argument("--slack-seconds", type=float, default=0.0)
    group.add_argument("--retry-after", choices=("seconds", "date", "none"), default="seconds")
    group.add_argument("--refused-count", action="store_true", help="refused requests count too")


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
        _announce(sandbox)
        if options.with_parent:
            threading.Thread(target=_watch_parent, daemon=True).start()
        signal.sigwait(_SIGNALS)
    return 0


def _sandbox(options: argparse.Namespace) -> Sandbox:
    sizes = {name: getattr(options, name) for name in STREAMS if getattr(options, name) is not None}
    account = Account(options.seed, nasty=options.nasty, now=options.now, **sizes)
    account.clock.offset_seconds = options.clock_offset
    switches = dict(_switch(text) for text in options.switch)
    sandbox = Sandbox(account, options.key, options.port, _limits(options), **switches)
    for text in options.fault:
        sandbox.faults.put(from_text(text))
    if options.warm:
        account.warm()
    return sandbox


def _limits(options: argparse.Namespace) -> Limits | None:
    if not options.limits:
        return None
    return Limits(
        per_second=options.per_second,
        per_window=options.per_window,
        window_seconds=options.window_seconds,
        clock_factor=options.clock_factor,
        retry_after=None if options.retry_after == "none" else options.retry_after,
        refused_count=options.refused_count,
        slack_seconds=options.slack_seconds,
    )


def _switch(text: str) -> tuple[str, Any]:
    name, _, value = text.partition("=")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _announce(sandbox: Sandbox) -> None:
    sys.stdout.write(json.dumps({"url": sandbox.url, "key": sandbox.key}) + "\n")
    sys.stdout.flush()


def _watch_parent() -> None:
    """End when the parent has closed its end of our standard input, or died."""
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
