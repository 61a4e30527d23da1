"""What a person sees of a run: lines, and on a terminal what is going on, below them."""

import textwrap
import typing as t
from contextlib import AbstractContextManager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

_WIDTH = 120


class Screen:
    """Shows lines, none of them too wide, and on a terminal a status with the time it takes."""

    def __init__(self) -> None:
        """Find out what there is to write to."""
        self._console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
        self.is_live = self._console.is_terminal and not self._console.is_dumb_terminal
        columns = (
            SpinnerColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.description}", markup=False),
        )
        self._progress = Progress(
            *columns, console=self._console, transient=True, disable=not self.is_live
        )
        self._task = self._progress.add_task("")
        width = min(_WIDTH, self._console.width) if self.is_live else _WIDTH
        wrapper = textwrap.TextWrapper(width, subsequent_indent=" " * 10, break_on_hyphens=False)
        self._wrap = wrapper.wrap

    def live(self, doing: str) -> AbstractContextManager[t.Any]:
        """Show the status while the block runs, if this is a terminal."""
        self.doing(doing)
        return self._progress

    def doing(self, text: str) -> None:
        """Say what it is busy with."""
        self._progress.update(self._task, description=text)

    def line(self, text: str) -> None:
        """Show a line; one that is too wide goes on below."""
        for part in text.splitlines() or [""]:
            self._console.print(Text("\n".join(self._wrap(part))), soft_wrap=True)
