"""An S3 of the tests' own: moto's server, on loopback."""

from __future__ import annotations

import subprocess
import time
import typing as t
from contextlib import contextmanager

import requests

from tests.support.programs import ROOT, environment

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUCKET = "a-bucket"
_SERVER = ROOT / ".tools/servers/bin/moto_server"
_UTILITY = ROOT / ".meltano/utilities/parquet-export/venv/bin/python"
_PATIENCE = 30


@contextmanager
def running(log: Path) -> Iterator[dict[str, str]]:
    """Run a server with one empty bucket until the end of the block."""
    with (
        log.open("w") as output,
        subprocess.Popen(
            [str(_SERVER), "--host=127.0.0.1", "--port=0"],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment(PYTHONUNBUFFERED="1"),
        ) as server,
    ):
        try:
            url = _address(log)
            requests.put(f"{url}/{BUCKET}", timeout=9).raise_for_status()
            yield {
                "AWS_ENDPOINT_URL": url,
                "AWS_ACCESS_KEY_ID": "made-up",
                "AWS_SECRET_ACCESS_KEY": "made-up",
                "AWS_DEFAULT_REGION": "us-east-1",
            }
        finally:
            server.terminate()


def _address(log: Path) -> str:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        for word in log.read_text().split():
            if word.startswith("http://127.0.0.1:"):
                return word
        time.sleep(0.05)
    msg = f"moto does not start: {log.read_text()}"
    raise AssertionError(msg)


def download(variables: dict[str, str], folder: str, to: Path) -> None:
    """Copy what stands in the bucket, with none of the project's code."""
    code = "import s3fs, sys; s3fs.S3FileSystem().get(*sys.argv[1:], recursive=True)"
    subprocess.run(
        [str(_UTILITY), "-c", code, f"{BUCKET}/{folder}/", f"{to}/"],
        check=True,
        env=environment(**variables),
    )
