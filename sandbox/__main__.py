"""The sandbox as a program of its own."""

import argparse
import json
import signal

from sandbox import Account, Limits, Sandbox
from sandbox.streams import STREAMS

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def main() -> None:
    """Run until told to stop."""
    made = argparse.ArgumentParser(
        prog="python -m sandbox",
        description="Serve a made-up OnceHub account on the loopback address, until "
        "stopped. The first line of output is JSON with url and key.",
    )
    made.add_argument("--port", type=int, default=0, help="default: any free port")
    made.add_argument("--limits", action="store_true", help="refuse what is over OnceHub's limits")
    group = made.add_argument_group("the account")
    group.add_argument("--seed", type=int, default=1, help="which account (default: 1)")
    for name in STREAMS:
        usual = "1000" if name == "bookings" else "in proportion to bookings"
        option = f"--{name.replace('_', '-')}"
        group.add_argument(option, type=int, metavar="N", help=f"default: {usual}")
    group.add_argument("--now", help="when the account was made, in ISO 8601 (default: this hour)")
    group.add_argument("--plain", action="store_true", help="no difficult values in objects")
    options = made.parse_args()
    sizes = {"bookings": 1000} | {n: s for n in STREAMS if (s := getattr(options, n)) is not None}
    # Before there are threads, so that none of them gets the signals.
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        account = Account(options.seed, nasty=not options.plain, now=options.now, **sizes)
        limits = Limits() if options.limits else None
        with Sandbox(account, port=options.port, limits=limits) as api:
            print(json.dumps({"url": api.url, "key": api.key}), flush=True)  # noqa: T201
            signal.sigwait(_SIGNALS)
    except (ValueError, OSError) as error:
        made.error(str(error))


if __name__ == "__main__":
    main()
