"""A OnceHub account for those who have none at hand: the sandbox, as a process."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

_ACCOUNT = ("--seed=1", "--bookings=2000", "--plain", "--with-parent")


@contextmanager
def sample_account(file: Path) -> Iterator[dict[str, str]]:
    """Run the sandbox; give the environment variables that make the tap read it."""
    # When its account was made stands beside the data, so that it stays the same account.
    made = file.with_suffix(".made")
    if not (file.exists() and made.exists()):
        file.unlink(missing_ok=True)
        made.parent.mkdir(exist_ok=True)
        made.write_text(f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}")
    # A session of its own: Ctrl-C is for Meltano, which still reads from it.
    with subprocess.Popen(
        (sys.executable, "-m", "sandbox", f"--now={made.read_text()}", *_ACCOUNT),
        cwd=Path(__file__).parents[1],
        stdin=subprocess.PIPE,  # it ends when we do, however that happens
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        said = process.stdout.readline() if process.stdout else b""
        if not said:
            sys.exit("The sandbox did not start: see its own messages above")
        address = json.loads(said)
        try:
            yield {
                "NO_PROXY": "127.0.0.1",
                "no_proxy": "127.0.0.1",
                "TAP_ONCEHUB_API_URL": address["url"],
                "TAP_ONCEHUB_API_KEY": address["key"],
                "TAP_ONCEHUB_RATE_LIMIT_PER_SECOND": "0",
                "TAP_ONCEHUB_RATE_LIMIT_PER_WINDOW": "0",
            }
        finally:
            process.terminate()
