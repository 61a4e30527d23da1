"""One `make run` at a time, and knowing when the last one was killed."""

from __future__ import annotations

import fcntl
import os
import typing as t
from contextlib import contextmanager
from dataclasses import dataclass

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class AlreadyRunningError(Exception):
    """Another run holds the lock."""


@dataclass
class RunLock:
    """The lock, while it is held."""

    descriptor: int
    """To be passed on to Meltano: the lock is free when that has ended as well."""
    was_killed: bool
    """Whether the last run left its mark: it had no time to tidy up."""
    leave_mark: bool = False
    """Whether this run is to leave its mark as well."""


@contextmanager
def run_lock(file: Path) -> Iterator[RunLock]:
    """Hold the lock.

    Args:
        file: The lock's file; holds a mark for as long as a run is under way.

    Yields:
        The lock.

    Raises:
        AlreadyRunningError: If another run holds it.
    """
    file.parent.mkdir(exist_ok=True)
    with file.open("a+") as stream:
        descriptor = stream.fileno()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunningError from None
        lock = RunLock(descriptor, was_killed=os.fstat(descriptor).st_size > 0)
        stream.write("running\n")
        stream.flush()
        try:
            yield lock
        finally:
            if not lock.leave_mark:
                os.ftruncate(descriptor, 0)
