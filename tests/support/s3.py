"""An S3 of the tests' own: moto's server, on loopback."""

from __future__ import annotations

import re
import subprocess
import typing as t
from contextlib import contextmanager

import requests

from tests.support.kills import wait_for
from tests.support.programs import ROOT, environment

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUCKET = "a-bucket"
_SERVER = ROOT / ".tools/servers/bin/moto_server"
_UTILITY = ROOT / ".meltano/utilities/parquet-export/venv/bin/python"
_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+(?=\s)")


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
            wait_for(lambda: _ADDRESS.search(log.read_text()), server, log)
            (url,) = _ADDRESS.findall(log.read_text())
            requests.put(f"{url}/{BUCKET}", timeout=9).raise_for_status()
            yield {
                "AWS_ENDPOINT_URL": url,
                "AWS_ACCESS_KEY_ID": "made-up",
                "AWS_SECRET_ACCESS_KEY": "made-up",
                "AWS_DEFAULT_REGION": "us-east-1",
            }
        finally:
            server.terminate()


def download(variables: dict[str, str], folder: str, to: Path) -> None:
    """Copy what stands in the bucket, with none of the project's code."""
    code = "import s3fs, sys; s3fs.S3FileSystem().get(*sys.argv[1:], recursive=True)"
    subprocess.run(
        [str(_UTILITY), "-c", code, f"{BUCKET}/{folder}/", f"{to}/"],
        check=True,
        env=environment(**variables),
    )
