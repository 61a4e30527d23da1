"""`python -m scripts NAME [OPTION ...]`: what the target of make of that name does."""

import os
import signal
import sys
from importlib import import_module
from pathlib import Path

if __name__ == "__main__":
    os.umask(0o077)  # customers' data, and the key while Meltano runs
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
            signal.signal(number, signal.default_int_handler)
    name, *options = sys.argv[1:]
    try:
        sys.exit(import_module(f"scripts.{name}").main(Path.cwd(), *options))
    except KeyboardInterrupt:
        goes_on = "resumes where this one left off" if name == "run" else "does everything anew"
        print(f"Interrupted; the next `make {name}` {goes_on}", file=sys.stderr)
        sys.exit(130)
