"""The accounts: a sandbox process for each, as plain as the vendor's own examples."""

from __future__ import annotations

import json
import subprocess
import sys
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


class Sandbox:
    """A running account."""

    def __init__(self, url: str) -> None:
        """Keep the address of its API."""
        self.url = url
        self.admin = AdminClient(url)

    @property
    def records(self) -> int:
        """How many objects all lists hold together."""
        sizes = self.admin.report()["sizes"]
        return sum(sizes[name] for name in LISTS)

    def edit(self, count: int, mark: str) -> None:
        """Change the subject of some bookings, page by page."""
        last = ""
        while count > 0:
            page = self._bookings(f"limit={min(count, 100)}{last}")
            for booking in page:
                self.admin.edit("bookings", booking["id"], subject=mark)
            last = f"&after={page[-1]['id']}"
            count -= len(page)

    def _bookings(self, query: str) -> list[dict[str, t.Any]]:
        connection = HTTPConnection(urlsplit(self.url).netloc)
        path = f"{urlsplit(self.url).path}/bookings?{query}"
        connection.request("GET", path, headers={"API-Key": KEY})
        page: list[dict[str, t.Any]] = json.loads(connection.getresponse().read())["data"]
        return page


@contextmanager
def running(bookings: int) -> Iterator[Sandbox]:
    """Run an account's sandbox, all its objects made."""
    command = [sys.executable, "-m", "sandbox", "--with-parent", "--plain", "--warm"]
    # dlt follows links as they are, so that they must be right for it.
    command += [f"--key={KEY}", f"--bookings={bookings}", "--switch=link_with_v2=true"]
    with subprocess.Popen(  # noqa: S603
        command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            line = process.stdout.readline() if process.stdout else b""
            yield Sandbox(json.loads(line)["url"])
        finally:
            process.terminate()
