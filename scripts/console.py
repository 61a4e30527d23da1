"""Meltano's log, as a person wants to read it."""

from __future__ import annotations

import json
import re
import typing as t
from datetime import datetime

if t.TYPE_CHECKING:
    from collections.abc import Iterator

_COLOURS = {"warning": "\033[33m", "error": "\033[31m", "critical": "\033[31m"}
_RESET = "\033[0m"
_QUIET = {"debug", "info"}
_ROUTINE = re.compile(
    r"(Schema|Table) '.* (exists|does not exist)|Loading \d+ rows into "
    r"|Skipping parse of env|Added '\w+' as child stream"
    r"|(Beginning sync of|Skipping deselected stream) '"
)
"""What the Singer SDK and target-duckdb say at every run."""
_EXPECTED = {
    "No state was found, complete import.",
    "Force option is enabled, ignoring stale job check.",
    "Block run completed",
}


def parse(line: str) -> dict[str, t.Any]:
    """Read a line of Meltano's JSON log.

    Args:
        line: The line.

    Returns:
        The entry; for a line that is none, one with the line as its event only.
    """
    try:
        entry = json.loads(line)
    except ValueError:
        entry = None
    return entry if isinstance(entry, dict) else {"event": line, "raw": True}


def readable(entry: dict[str, t.Any], *, colours: bool) -> Iterator[str]:
    """Say it the way a person wants to read it.

    Args:
        entry: An entry of Meltano's JSON log.
        colours: Whether the terminal shows colours.

    Yields:
        The lines to show; none, if it is only of use to a machine.
    """
    if "raw" in entry:
        yield entry["event"]
    elif not _is_noise(entry):
        yield _headline(entry, colours=colours)
        yield from _traceback(entry.get("plugin_exception"))


def _is_noise(entry: dict[str, t.Any]) -> bool:
    plugin, event = entry.get("name"), str(entry.get("event"))
    if "metric_info" in entry or entry.get("type") == "discovery":
        return True
    if plugin is None:
        return entry.get("level") in _QUIET or event in _EXPECTED
    return _ROUTINE.match(event) is not None


def _headline(entry: dict[str, t.Any], *, colours: bool) -> str:
    level = entry.get("level", "info")
    text = str(entry.get("event"))
    if level not in _QUIET:
        text = f"{level.upper()}: {text}"
        if colours:
            text = f"{_COLOURS.get(level, '')}{text}{_RESET}"
    return f"{_local_time(entry.get('timestamp'))}  {text}"


def _local_time(timestamp: str | None) -> str:
    try:
        time = datetime.fromisoformat(str(timestamp).replace("Z", "+00:00"))
    except ValueError:
        return " " * 8
    return f"{time.astimezone():%H:%M:%S}"


def _traceback(exception: dict[str, t.Any] | None) -> Iterator[str]:
    if not exception:
        return
    for frame in exception.get("traceback") or ():
        place = f'"{frame["filename"]}", line {frame["lineno"]}, in {frame["function"]}'
        yield f"  File {place}"
        yield f"    {frame['line'].strip()}"
    yield f"{exception['type']}: {exception['message']}"
