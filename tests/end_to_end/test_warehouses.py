"""The exporters and what stands in for warehouses and stores: emulators, on loopback.

What a test adds to an emulator, so that it takes what the service would, stands beside it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import typing as t

import duckdb
import pytest

from tests.support import emulators, exports, programs, s3

if t.TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.postgres import Postgres

pytestmark = [pytest.mark.warehouses, pytest.mark.timeout(900)]

PROGRAMS = emulators.TOOLS / "exporter/bin"
EXPORT = [str(PROGRAMS / "dlt-export")]
# PostgreSQL has no varchar(max).
ON_POSTGRES = """
from dlt.destinations.impl.redshift.factory import RedshiftTypeMapper
RedshiftTypeMapper.sct_to_unbound_dbt["text"] = "varchar"
from dlt_export.__main__ import main
main()
"""
REDSHIFT = (
    "CREATE DOMAIN super AS text",
    "CREATE FUNCTION json_parse(text) RETURNS super LANGUAGE sql AS 'SELECT $1::super'",
)
IN_BIGQUERY = """
import sys, json
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
client = bigquery.Client("p", credentials=AnonymousCredentials())
for row in client.query(f"SELECT * FROM oncehub.{sys.argv[1]}").result():
    print(json.dumps(dict(row), default=str))
"""
# fakesnow sends times that are NULL as 1970, but not as texts.
IN_SNOWFLAKE = """
import json, os, sys
import snowflake.connector
login = {"user": "nobody", "password": "made-up", "account": "account", "database": "D"}
where = {"host": "127.0.0.1", "port": int(os.environ["SNOWFLAKE_PORT"]), "protocol": "http"}
cursor = snowflake.connector.connect(**login, **where).cursor()
table = f"oncehub.{sys.argv[1]}"
names = [column.name for column in cursor.execute(f"SELECT * FROM {table} LIMIT 0").description]
texts = ", ".join(f"{name}::VARCHAR" if name.endswith(("_AT", "TIME")) else name for name in names)
for row in cursor.execute(f"SELECT {texts} FROM {table}"):
    print(json.dumps(dict(zip(map(str.lower, names), row)), default=str))
"""
DOWNLOAD = """
import fsspec, sys
url, folder = sys.argv[1:]
options = {"token": "anon"} if url.startswith("gs") else {}
fsspec.filesystem(url.partition(":")[0], **options).get(url + "/", folder + "/", recursive=True)
"""


def check(
    kind: str,
    here: Path,
    files: tuple[Path, Path],
    rows: Callable[[str], list[exports.Row]],
    command: list[str] = EXPORT,
    **variables: str,
) -> None:
    """Export twice, kill a third export of all, and compare every field each time."""
    for number, file in enumerate(files, 1):
        shutil.copy(file, here)
        with duckdb.connect(str(here)) as connection:
            if kind == "redshift":  # which holds no more; that this is refused, others test
                connection.execute(
                    "DELETE FROM oncehub.bookings WHERE strlen(form_submission::VARCHAR) > 65535"
                )
        run = exports.export(here, kind, command, DLT_EXPORT_HARD_DELETE="true", **variables)
        assert run.status == 0, run.log
        figures = exports.compare(here, rows, removed=True)
        exports.tell(f"{kind}, run {number}: {figures}; {run.figures}")
    with duckdb.connect(str(here)) as connection:
        connection.execute("UPDATE oncehub.users SET timezone = '', _sdc_batched_at = now()")
    env = exports.settings(here, kind) | variables | {"DLT_EXPORT_HARD_DELETE": "true"}
    with subprocess.Popen(command, env=env) as process:
        try:
            process.wait(12)
        except subprocess.TimeoutExpired:
            process.kill()
    run = exports.export(here, kind, command, DLT_EXPORT_HARD_DELETE="true", **variables)
    assert run.status == 0, run.log
    exports.tell(f"{kind}, after a kill: {exports.compare(here, rows, removed=True)}")


def _printed(code: str, table: str, variables: dict[str, str]) -> list[exports.Row]:
    """Run code that prints the rows of a table."""
    done = programs.run([emulators.PYTHON, "-c", code, table], **variables)
    assert done.status == 0, done.log
    return [json.loads(line, parse_float=exports.Decimal) for line in done.output.splitlines()]


def test_delta_on_s3(tmp_path: Path, account_files: tuple[Path, Path]) -> None:
    with s3.running(tmp_path / "s3.log") as aws:
        prefix = "DESTINATION__FILESYSTEM__"
        variables = {
            f"{prefix}BUCKET_URL": f"s3://{s3.BUCKET}/lake",
            f"{prefix}CREDENTIALS__AWS_ACCESS_KEY_ID": aws["AWS_ACCESS_KEY_ID"],
            f"{prefix}CREDENTIALS__AWS_SECRET_ACCESS_KEY": aws["AWS_SECRET_ACCESS_KEY"],
            f"{prefix}CREDENTIALS__REGION_NAME": aws["AWS_DEFAULT_REGION"],
            f"{prefix}CREDENTIALS__ENDPOINT_URL": aws["AWS_ENDPOINT_URL"],
        }
        options = json.dumps(aws | {"AWS_ALLOW_HTTP": "true"})

        def rows(table: str) -> list[exports.Row]:
            url = f"s3://{s3.BUCKET}/lake/oncehub/{table}"
            return exports.in_delta(url, PROGRAMS, OPTIONS=options)

        check("delta", tmp_path / "here.duckdb", account_files, rows, **variables)


def test_sql_of_redshift(
    tmp_path: Path, account_files: tuple[Path, Path], database: Postgres
) -> None:
    for query in REDSHIFT:
        database.execute(query)
    database.execute(f'ALTER DATABASE "{database.database}" SET standard_conforming_strings = off')
    login = database.settings | {"sslmode": "disable"}
    login["username"] = login.pop("user")
    variables = {
        f"DESTINATION__REDSHIFT__CREDENTIALS__{name.upper()}": str(value)
        for name, value in login.items()
    }
    check(
        "redshift",
        tmp_path / "here.duckdb",
        account_files,
        lambda table: database.rows(f"oncehub.{table}"),
        [emulators.PYTHON, "-c", ON_POSTGRES],
        **variables,
    )


def test_bigquery(tmp_path: Path, account_files: tuple[Path, Path]) -> None:
    with emulators.bigquery(tmp_path) as variables:

        def rows(table: str) -> list[exports.Row]:
            return _printed(IN_BIGQUERY, table, variables)

        check("bigquery", tmp_path / "here.duckdb", account_files, rows, **variables)


def test_snowflake(tmp_path: Path, account_files: tuple[Path, Path]) -> None:
    with emulators.snowflake(tmp_path) as variables:

        def rows(table: str) -> list[exports.Row]:
            return _printed(IN_SNOWFLAKE, table, variables)

        check("snowflake", tmp_path / "here.duckdb", account_files, rows, **variables)


@pytest.mark.parametrize(
    ("store", "protocol"),
    [(emulators.google_storage, "gs"), (emulators.azure_storage, "az")],
)
def test_parquet(
    tmp_path: Path,
    account_files: tuple[Path, Path],
    store: t.Any,
    protocol: str,
) -> None:
    url = f"{protocol}://{emulators.BUCKET}/account"
    with store(tmp_path) as variables:
        for number, file in enumerate(account_files, 1):
            settings = {"FILEPATH": str(file), "SCHEMA": "oncehub", "DESTINATION": url}
            env = {f"PARQUET_EXPORT_{name}": value for name, value in settings.items()}
            done = programs.run([str(PROGRAMS / "parquet-export")], **variables, **env)
            assert done.status == 0, done.output
            folder = tmp_path / f"copy{number}"
            copied = programs.run([emulators.PYTHON, "-c", DOWNLOAD, url, str(folder)], **variables)
            assert copied.status == 0, copied.log

            def rows(table: str, folder: Path = folder) -> list[exports.Row]:
                with duckdb.connect() as connection:
                    connection.execute("SET TimeZone = 'UTC'")
                    query = f"'{folder}/{table}/**/*.parquet', hive_partitioning = false"
                    return exports.rows_of(connection.sql(f"FROM read_parquet({query})"))

            exports.tell(f"parquet on {protocol}, run {number}: {exports.compare(file, rows)}")
