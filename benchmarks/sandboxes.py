"""The accounts: a sandbox process for each, as plain as the vendor's own examples."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import typing as t
from contextlib import contextmanager
from http.client import HTTPConnection
from urllib.parse import urlsplit

from benchmarks.account import LISTS
from benchmarks.places import PROJECT
from sandbox.admin import AdminClient

if t.TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "bench-key"
EDITED = 20
_PAGES = 200


class Sandbox:
    """A running account.

    Attributes:
        url: Address of the API.
        admin: Questions and changes it.
    """

    def __init__(self, url: str) -> None:
        """Keep the address."""
        self.url = url
        self.admin = AdminClient(url)

    @property
    def records(self) -> int:
        """How many objects all lists hold together."""
        sizes = self.admin.report()["sizes"]
        return sum(sizes[name] for name in LISTS)

    @property
    def fewest_requests(self) -> int:
        """How many pages of 100 that is."""
        sizes = self.admin.report()["sizes"]
        return sum(max(1, -(-sizes[name] // 100)) for name in LISTS)

    def edit(self, mark: str) -> None:
        """Change the subject of some bookings."""
        page = self._get(HTTPConnection(urlsplit(self.url).netloc), f"limit={EDITED}")
        for booking in json.loads(page)["data"]:
            self.admin.edit("bookings", booking["id"], subject=mark)

    def pages_a_second(self) -> float:
        """Measure how fast a client gets pages of bookings that does nothing with them."""
        connection = HTTPConnection(urlsplit(self.url).netloc)
        first = json.loads(self._get(connection, "limit=100"))["data"]
        cursors = [booking["id"] for booking in first]
        started = time.perf_counter()
        for number in range(_PAGES):
            self._get(connection, f"limit=100&after={cursors[number % len(cursors)]}")
        return _PAGES / (time.perf_counter() - started)

    def _get(self, connection: HTTPConnection, query: str) -> bytes:
        path = f"{urlsplit(self.url).path}/bookings?{query}"
        connection.request("GET", path, headers={"API-Key": KEY})
        return connection.getresponse().read()


@contextmanager
def running(bookings: int, *options: str) -> Iterator[Sandbox]:
    """Run an account's sandbox, all its objects made.

    Args:
        bookings: The account's size.
        options: More options of the sandbox.

    Yields:
        The sandbox, when it is ready.
    """
    command = [sys.executable, "-m", "sandbox", "--with-parent", "--plain", "--warm"]
    # dlt follows links as they are, so that they must be right for it.
    command += [f"--key={KEY}", f"--bookings={bookings}", "--switch=link_with_v2=true"]
    with subprocess.Popen(  # noqa: S603
        [*command, *options], cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            line = process.stdout.readline() if process.stdout else b""
            yield Sandbox(json.loads(line)["url"])
        finally:
            process.terminate()
