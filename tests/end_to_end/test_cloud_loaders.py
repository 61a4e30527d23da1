"""Loaders of services that are not here: as far as they come without them.

Their own code turns our schemas into columns, and they start with our settings and go
on until they need the service. What the service would say, nobody has tried.
"""

from __future__ import annotations

import json
import re
import subprocess
import typing as t

import pytest

from sandbox import Account, Sandbox
from tests.support import inside, kills, loaders, programs
from tests.support.streams import ALL

if t.TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

COLUMNS = programs.ROOT / "tests/support/columns"
NOWHERE: dict[str, dict[str, t.Any]] = {
    "target-snowflake": {"account": "nowhere", "user": "u", "password": "p", "database": "d"},
    "target-bigquery": {"project": "p"},
    "target-redshift": {"host": "127.0.0.1", "port": 9, "user": "u", "password": "p"}
    | {"dbname": "d", "s3_bucket": "b"}
    | dict.fromkeys(("aws_access_key_id", "aws_secret_access_key"), "made-up"),
}
TYPES = {
    "target-snowflake": {
        "starting_time": "TIMESTAMP_NTZ",
        "duration_minutes": "DECIMAL",
        "form_submission": "VARIANT",
        "_extra": "VARIANT",
    },
    "target-bigquery": {
        "starting_time": "NULLABLE TIMESTAMP",
        "duration_minutes": "NULLABLE INTEGER",
        "form_submission": "NULLABLE RECORD",
        "custom_fields": "REPEATED RECORD",
        "_extra": "NULLABLE JSON",
    },
    "target-redshift": {
        "id": "character varying(10000)",
        "starting_time": "timestamp without time zone",
        "duration_minutes": "numeric",
        "form_submission": "character varying(65535)",
        "_extra": "character varying(65535)",
    },
}
LAST_WORDS = {
    "target-snowflake": "Could not connect to Snowflake backend",
    "target-bigquery": "Initializing target sink for stream 'bookings'",
    "target-redshift": 'connection to server at "127.0.0.1", port 9 failed',
}


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    meltano = [str(programs.MELTANO), "--log-level=warning", "install", *NOWHERE]
    subprocess.run(meltano, check=True, cwd=programs.ROOT, env=programs.environment())


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("tap")
    with Sandbox(Account(seed=1, bookings=20), key=programs.KEY) as api:
        catalog = inside.catalog(*ALL)
        run = programs.run_tap(folder, programs.settings_for(api.url), catalog=catalog)
    assert run.status == 0
    return run.output


@pytest.mark.parametrize("name", NOWHERE)
def test_every_column_has_a_type(name: str, output: bytes) -> None:
    schemas = [line for line in output.splitlines() if b'"type":"SCHEMA"' in line]
    python = loaders.program(name).rpartition("/")[0] + "/python"
    script = COLUMNS / f"of_{name.removeprefix('target-')}.py"
    config = json.dumps(loaders.settings(name, **NOWHERE[name]))
    command = [python, "-W", "ignore", str(script), config]
    done = programs.run(command, given=b"\n".join(schemas))
    assert done.status == 0, done.log
    columns = dict(json.loads(line) for line in done.output.splitlines())
    assert columns.keys() == set(ALL)
    for schema in map(json.loads, schemas):
        assert columns[schema["stream"]].keys() == schema["schema"]["properties"].keys()
    assert {key: columns["bookings"][key] for key in TYPES[name]} == TYPES[name]


@pytest.mark.parametrize("name", NOWHERE)
def test_it_goes_on_until_it_needs_the_service(tmp_path: Path, name: str, output: bytes) -> None:
    settings = loaders.settings(name, **NOWHERE[name], temp_dir=str(tmp_path))
    if name == "target-bigquery":
        del settings["temp_dir"]
        settings["credentials_json"] = json.dumps(service_account())
    elif name == "target-snowflake":
        del settings["temp_dir"]
    config = tmp_path / "config.json"
    config.write_text(json.dumps(settings))
    messages, log = tmp_path / "messages", tmp_path / "log"
    bookings = [line for line in output.splitlines() if b'"stream":"bookings"' in line]
    messages.write_bytes(b"\n".join(bookings))
    with messages.open() as source, log.open("w") as words:
        process = subprocess.Popen(
            [loaders.program(name), "--config", str(config)],
            stdin=source,
            stdout=words,
            stderr=subprocess.STDOUT,
            env=programs.environment(),
        )
        try:
            kills.wait_for(
                lambda: LAST_WORDS[name] in log.read_text() or process.poll() is not None, process
            )
        finally:
            process.kill()
            process.wait()
    assert LAST_WORDS[name] in log.read_text()


def service_account() -> dict[str, str]:
    """A key of nobody's, for tokens that nobody gives."""
    key = ["openssl", "genpkey", "-quiet", "-algorithm", "RSA"]
    made = subprocess.run(key, check=True, capture_output=True, encoding="ascii")
    told = {"type": "service_account", "private_key": made.stdout, "project_id": "p"}
    told |= {"client_email": "nobody@p.example.com", "token_uri": "http://127.0.0.1:9/token"}
    return told | {"private_key_id": "1", "client_id": "1"}


@pytest.mark.parametrize("name", ["target-postgres", "target-snowflake", "target-bigquery"])
def test_settings_are_those_that_the_loader_knows(name: str) -> None:
    about = programs.run([loaders.program(name), "--about", "--format=json"])
    schema = json.loads(about.output)["settings"]
    known = {key: str(part.get("default")) for key, part in schema["properties"].items()}
    for setting in loaders.definition(name)["settings"]:
        key = setting["name"].split(".")[0]
        assert key in known, setting["name"]
        if "value" in setting and key == setting["name"]:
            assert str(setting["value"]) == known[key], setting["name"]


@pytest.mark.parametrize("name", ["target-redshift", "target-jsonl"])
def test_settings_stand_in_the_loaders_source(name: str) -> None:
    site = programs.ROOT / f".meltano/loaders/{name}/venv/lib"
    files = [*site.glob(f"*/site-packages/{name.replace('-', '_')}*/*.py")]
    files += site.glob(f"*/site-packages/{name.replace('-', '_')}.py")
    source = "\n".join(file.read_text() for file in files)
    for setting in loaders.definition(name)["settings"]:
        assert re.search(rf"['\"]{setting['name']}['\"]", source), setting["name"]


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("gs://a-bucket/folder", {"token": "anon"}),
        ("az://container/folder", {"account_name": "nobody", "anon": True}),
    ],
)
def test_other_object_stores_are_known_to_the_parquet_export(
    tmp_path: Path, url: str, options: dict[str, t.Any]
) -> None:
    package = programs.ROOT / "load/parquet_export"
    python = str(programs.install(tmp_path / "venv", f"{package}[{url[:2]}]") / "python")
    code = (
        "import duckdb, json, sys; from parquet_export.places import Place\n"
        "place = Place.at(sys.argv[1], json.loads(sys.argv[2]))\n"
        "with duckdb.connect() as connection:\n"
        "    place.open_for(connection); print(connection.list_filesystems())"
    )
    done = programs.run([python, "-c", code, url, json.dumps(options)])
    assert re.search(rb"'(gs|gcs|az|abfs)'", done.output), done.log
