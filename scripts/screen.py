"""What a person sees of a run: lines, and on a terminal where it is, below them."""

from __future__ import annotations

import textwrap
import time
import typing as t
from contextlib import contextmanager
from datetime import datetime, timedelta

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

if t.TYPE_CHECKING:
    from collections.abc import Iterator

_WIDTH = 120
_EVERY_SECONDS = 10.0
_INDENT = " " * 10
_MAY_BE_STOPPED = "Ctrl-C stops it at any time; the next run resumes where this one left off."


class Screen:
    """Shows lines, none of them too wide, and a status that renews itself."""

    def __init__(self) -> None:
        """Find out what there is to write to."""
        self._console = Console(highlight=False, markup=False, emoji=False)
        self.is_live = self._console.is_terminal and not self._console.is_dumb_terminal
        self._began = self._shown = time.monotonic()
        self._doing = ""
        self._figures: dict[str, t.Any] = {}

    @contextmanager
    def live(self) -> Iterator[None]:
        """Show the status while the block runs, if this is a terminal."""
        if not self.is_live:
            yield
            return
        with Live(
            get_renderable=self._status, console=self._console, refresh_per_second=2, transient=True
        ):
            yield

    def line(self, text: str) -> None:
        """Show a line; one that is too wide goes on below."""
        self._shown = time.monotonic()
        width = min(_WIDTH, self._console.width) if self.is_live else _WIDTH
        for part in text.splitlines() or [""]:
            for row in textwrap.wrap(part, width, subsequent_indent=_INDENT) or [""]:
                if self.is_live:
                    self._console.print(Text(row))
                else:
                    print(row, flush=True)

    def doing(self, text: str) -> None:
        """Say what it is busy with: in a file, if nothing has been said for ten seconds."""
        self._doing, self._figures = text, {}
        if not self.is_live and time.monotonic() - self._shown >= _EVERY_SECONDS:
            self.line(text)

    def progress(self, figures: dict[str, t.Any]) -> None:
        """Show how far the tap is: the figures of one of its progress lines."""
        self._doing, self._figures = f"{figures['stream']}: reading", figures

    def _status(self) -> Group:
        elapsed = timedelta(seconds=int(time.monotonic() - self._began))
        lines = [f"{self._doing}   ({elapsed})", *_described(self._figures)]
        if self._figures:
            lines.append(_MAY_BE_STOPPED)
        return Group(Text(), *(Text(line, no_wrap=True, overflow="ellipsis") for line in lines))


def _described(figures: dict[str, t.Any]) -> Iterator[str]:
    if not figures:
        return
    parts = [f"{figures['records']:,} records"]
    if figures.get("records_per_minute") is not None:
        parts.append(f"{figures['records_per_minute']:,} a minute")
    if figures.get("back_to"):
        parts.append(f"back to {figures['back_to'][:10]}")
    if figures.get("requests_left") is not None:
        parts.append(f"{figures['requests_left']:,} requests left")
    yield "  " + ", ".join(parts)
    if figures.get("waiting_until"):
        until = datetime.fromisoformat(figures["waiting_until"])
        left = int((until - datetime.now(until.tzinfo)).total_seconds())
        if left > 0:
            yield f"  waiting for OnceHub's limit until {until:%H:%M:%S}, {left} seconds more"
