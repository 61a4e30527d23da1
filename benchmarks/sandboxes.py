"""The accounts: a process for each, as plain as the vendor's own examples.

It obeys its standard input: `requests` counts those since the last time, `edit COUNT MARK`
changes the subject of some bookings. Each line is answered by a line of JSON.
"""

import json
import subprocess
import sys
import typing as t
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.account import LISTS
from benchmarks.places import PROJECT
from sandbox import Account, Sandbox

KEY = "bench-key"


class SandboxProcess:
    """A running account."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        """Wait until all its objects are made."""
        self._process = process
        self.url, self.records = self._answer()

    def requests(self) -> int:
        """Count the requests since the last time."""
        return int(self._ask("requests"))

    def edit(self, count: int, mark: str) -> None:
        """Change the subject of the newest bookings."""
        self._ask("edit", str(count), mark)

    def _ask(self, *words: str) -> t.Any:
        if self._process.stdin:
            self._process.stdin.write(f"{' '.join(words)}\n")
            self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> t.Any:
        return json.loads(self._process.stdout.readline() if self._process.stdout else "")


@contextmanager
def running(bookings: int) -> Iterator[SandboxProcess]:
    """Run an account's sandbox, all its objects made."""
    command = [sys.executable, "-m", "benchmarks.sandboxes", str(bookings)]
    with subprocess.Popen(  # noqa: S603
        command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        try:
            yield SandboxProcess(process)
        finally:
            process.terminate()


def _serve(bookings: int) -> None:
    account = Account(bookings=bookings, nasty=False)
    account.warm()
    # dlt follows links as they are, so that they must be right for it.
    with Sandbox(account, KEY, link_with_v2=True) as api:
        _say([api.url, sum(len(account.collection(name)) for name in LISTS)])
        for line in sys.stdin:
            word, *rest = line.split()
            if word == "edit":
                for booking in account.objects("bookings")[: int(rest[0])]:
                    account.edit("bookings", booking["id"], subject=rest[1])
            _say(api.count())
            api.reset_log()


def _say(answer: object) -> None:
    sys.stdout.write(f"{json.dumps(answer)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
