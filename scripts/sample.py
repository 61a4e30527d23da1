"""A OnceHub account for those who have none at hand: the sandbox, as a process."""

from __future__ import annotations

import json
import subprocess
import sys
import typing as t
from contextlib import contextmanager

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ACCOUNT = ("--seed=1", "--bookings=2000", "--plain")
_PATIENCE = 10


class SampleAccountError(Exception):
    """The sandbox did not start."""


@contextmanager
def sample_account(project: Path, made: str) -> Iterator[dict[str, str]]:
    """Run the sandbox on a free loopback port.

    Args:
        project: The project's folder.
        made: When the account was made, so that it is the same at every run.

    Yields:
        The environment variables that make the tap read it.

    Raises:
        SampleAccountError: If it does not start.
    """
    # A session of its own: Ctrl-C is for Meltano, which still reads from it.
    process = subprocess.Popen(
        (sys.executable, "-m", "sandbox", "--with-parent", f"--now={made}", *_ACCOUNT),
        cwd=project,
        stdin=subprocess.PIPE,  # it ends when we do, however that happens
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield _settings(process)
    finally:
        process.terminate()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _settings(process: subprocess.Popen[bytes]) -> dict[str, str]:
    line = process.stdout.readline() if process.stdout else b""
    try:
        address = json.loads(line)
    except ValueError:
        msg = "The sandbox did not start: see its own words above"
        raise SampleAccountError(msg) from None
    return {
        "TAP_ONCEHUB_API_URL": address["url"],
        "TAP_ONCEHUB_API_KEY": address["key"],
        # Where it does not answer it has ended.
        "TAP_ONCEHUB_MAX_WAIT_SECONDS": "10",
        # It sets no limits here, and nobody wants to wait for sample data.
        "TAP_ONCEHUB_RATE_LIMIT_PER_SECOND": "0",
        "TAP_ONCEHUB_RATE_LIMIT_PER_WINDOW": "0",
    }
