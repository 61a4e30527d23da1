"""What a person sees of a run: lines, and on a terminal what is going on, below them."""

from __future__ import annotations

import textwrap
import typing as t
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

if t.TYPE_CHECKING:
    from collections.abc import Iterator

_WIDTH = 120


class Screen:
    """Shows lines, none of them too wide, and on a terminal a status with the time it takes."""

    def __init__(self) -> None:
        """Find out what there is to write to."""
        console = Console(highlight=False, markup=False, emoji=False)
        self.is_live = console.is_terminal and not console.is_dumb_terminal
        width = min(_WIDTH, console.width) if self.is_live else _WIDTH
        wrapper = textwrap.TextWrapper(width, subsequent_indent=" " * 10, break_on_hyphens=False)
        self._wrap = wrapper.wrap
        self._progress = Progress(
            SpinnerColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.description}", markup=False),
            console=console,
            transient=True,
        )
        self._task = self._progress.add_task("")

    @contextmanager
    def live(self, doing: str) -> Iterator[None]:
        """Show the status while the block runs, if this is a terminal."""
        self.doing(doing)
        if not self.is_live:
            yield
            return
        with self._progress:
            yield

    def doing(self, text: str) -> None:
        """Say what it is busy with."""
        self._progress.update(self._task, description=text)

    def line(self, text: str) -> None:
        """Show a line; one that is too wide goes on below."""
        for part in text.splitlines() or [""]:
            for row in self._wrap(part) or [""]:
                if self.is_live:
                    self._progress.console.print(Text(row))
                else:
                    print(row, flush=True)
