"""The exporters and what stands in for warehouses and stores: emulators, on loopback.

What a test adds to an emulator, so that it takes what the service would, stands beside it.
"""

import json
import random
import shutil
import typing as t
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
import yaml

from tests.support import emulators, exports, programs
from tests.support.postgres import Postgres

pytestmark = [pytest.mark.warehouses, pytest.mark.timeout(900)]

# PostgreSQL has no varchar(max).
ON_POSTGRES = """
from dlt.destinations.impl.redshift.factory import RedshiftTypeMapper
RedshiftTypeMapper.sct_to_unbound_dbt["text"] = "varchar"
"""
REDSHIFT = (
    "CREATE DOMAIN super AS text",
    "CREATE FUNCTION json_parse(text) RETURNS super LANGUAGE sql AS 'SELECT $1::super'",
)
# bqemulator takes no empty file.
ON_BQEMULATOR = """
import io
from google.cloud.bigquery import Client
load = Client.load_table_from_file
def load_some(self, file, *arguments, **more):
    return load(self, file if file.peek() else io.BytesIO(b"\\n"), *arguments, **more)
Client.load_table_from_file = load_some
"""
IN_BIGQUERY = """
import sys, json
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
client = bigquery.Client("p", credentials=AnonymousCredentials())
for row in client.query(f"SELECT * FROM {sys.argv[1]}").result():
    print(json.dumps(dict(row), default=str))
"""
# fakesnow sends times that are NULL as 1970, but not as texts.
IN_SNOWFLAKE = """
import json, os, sys
import snowflake.connector
login = {"user": "nobody", "password": "made-up", "account": "account", "database": "D"}
where = {"host": "127.0.0.1", "port": int(os.environ["SNOWFLAKE_PORT"]), "protocol": "http"}
cursor = snowflake.connector.connect(**login, **where).cursor()
table = sys.argv[1]
names = [column.name for column in cursor.execute(f"SELECT * FROM {table} LIMIT 0").description]
texts = ", ".join(f"{name}::VARCHAR" if name.endswith(("_AT", "TIME")) else name for name in names)
for row in cursor.execute(f"SELECT {texts} FROM {table}"):
    print(json.dumps(dict(zip(map(str.lower, names), row)), default=str))
"""
DBT = programs.ROOT / ".meltano/utilities/dbt-duckdb/venv/bin/dbt"
PARQUET = "from parquet_export.__main__ import main\nmain()"


class Check:
    """Exports of an account to one destination, each compared in every field."""

    def __init__(
        self,
        kind: str,
        here: Path,
        run: Callable[..., exports.Done],
        rows: Callable[[str], list[exports.Row]],
        *,
        removed: bool,
    ) -> None:
        self.kind, self.here, self.run, self.rows, self.removed = kind, here, run, rows, removed

    def all(self, files: tuple[Path, Path]) -> None:
        """Export a file, the changed one, and all rows again, after kills at any moment."""
        for number, file in enumerate(files, 1):
            shutil.copy(file, self.here)
            if self.kind == "redshift":  # which holds no more; that this is refused, others test
                self._change(
                    "DELETE FROM oncehub.bookings WHERE strlen(form_submission::VARCHAR) > 65535"
                )
            seconds = self._equal(f"run {number}")
        chance = random.Random(28)
        for full in ("false", "true") if self.removed else ("false",):
            self._change("UPDATE oncehub.users SET timezone = '', _sdc_batched_at = now()")
            for _ in range(2):
                self.run(killed=chance.uniform(0, seconds), DLT_EXPORT_FULL=full)
            self._equal("after kills" if full == "false" else "after kills of a full export")

    def _change(self, query: str) -> None:
        with duckdb.connect(str(self.here)) as connection:
            connection.execute(query)

    def _equal(self, what: str) -> float:
        done = self.run()
        assert done.status == 0, done.output + done.log
        figures = exports.compare(self.here, self.rows, removed=self.removed)
        took = f"{done.seconds:.0f} s, {done.megabytes:.0f} MB"
        print(f"{self.kind}, {what}: {figures}; {took}")  # noqa: T201 - with -s, for the reader
        return done.seconds


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[exports.Python]:
    with exports.python(Path(emulators.PYTHON), tmp_path_factory.mktemp("python")) as started:
        yield started


@pytest.fixture
def check(
    python: exports.Python, tmp_path: Path, account_files: tuple[Path, Path]
) -> Callable[..., None]:
    def exported(
        kind: str,
        rows: Callable[[str], list[exports.Row]],
        variables: dict[str, str],
        code: str = "",
    ) -> None:
        settings = variables | {"DLT_EXPORT_HARD_DELETE": "true"}
        here = tmp_path / "here.duckdb"

        def run(**more: t.Any) -> exports.Done:
            return python.export(here, kind, code + exports.EXPORT, **settings | more)

        Check(kind, here, run, rows, removed=True).all(account_files)

    return exported


def test_delta_on_s3(check: Callable[..., None], python: exports.Python, tmp_path: Path) -> None:
    with emulators.s3(tmp_path) as aws:
        credentials = {
            "AWS_ACCESS_KEY_ID": aws["AWS_ACCESS_KEY_ID"],
            "AWS_SECRET_ACCESS_KEY": aws["AWS_SECRET_ACCESS_KEY"],
            "REGION_NAME": aws["AWS_DEFAULT_REGION"],
            "ENDPOINT_URL": aws["AWS_ENDPOINT_URL"],
        }
        variables = {
            f"DESTINATION__FILESYSTEM__CREDENTIALS__{k}": v for k, v in credentials.items()
        }
        lake = f"s3://{emulators.BUCKET}/lake"
        variables["DESTINATION__FILESYSTEM__BUCKET_URL"] = lake
        options = json.dumps(aws | {"AWS_ALLOW_HTTP": "true"})

        def rows(table: str) -> list[exports.Row]:
            return python.run(exports.DELTA, f"{lake}/oncehub/{table}", OPTIONS=options).rows

        check("delta", rows, variables)


def test_sql_of_redshift(check: Callable[..., None], database: Postgres) -> None:
    for query in REDSHIFT:
        database.execute(query)
    database.execute(f'ALTER DATABASE "{database.database}" SET standard_conforming_strings = off')
    login = database.settings | {"sslmode": "disable"}
    login["username"] = login.pop("user")
    prefix = "DESTINATION__REDSHIFT__CREDENTIALS__"
    variables = {f"{prefix}{name.upper()}": str(value) for name, value in login.items()}
    check("redshift", lambda x: database.rows(f"oncehub.{x}"), variables, ON_POSTGRES)


@pytest.mark.parametrize(
    ("kind", "emulator", "code", "export"),
    [
        ("bigquery", emulators.bigquery, IN_BIGQUERY, ON_BQEMULATOR),
        ("snowflake", emulators.snowflake, IN_SNOWFLAKE, ""),
    ],
)
def test_warehouse(  # noqa: PLR0917
    check: Callable[..., None],
    python: exports.Python,
    tmp_path: Path,
    kind: str,
    emulator: t.Any,
    code: str,
    export: str,
) -> None:
    with emulator(tmp_path) as variables:
        check(
            kind,
            lambda table: python.run(code, f"oncehub.{table}", **variables).rows,
            variables,
            export,
        )


@pytest.mark.parametrize(
    ("protocol", "store"),
    [
        ("s3", emulators.s3),
        ("gs", emulators.google_storage),
        ("az", emulators.azure_storage),
    ],
)
def test_parquet(
    python: exports.Python,
    tmp_path: Path,
    account_files: tuple[Path, Path],
    protocol: str,
    store: t.Any,
) -> None:
    url, here = f"{protocol}://{emulators.BUCKET}/account", tmp_path / "here.duckdb"
    settings = {"FILEPATH": str(here), "SCHEMA": "oncehub", "DESTINATION": url}
    with store(tmp_path) as variables:
        env = variables | {f"PARQUET_EXPORT_{name}": value for name, value in settings.items()}

        def run(**more: t.Any) -> exports.Done:
            done = python.run(PARQUET, **env | more)
            shutil.rmtree(tmp_path / "files", ignore_errors=True)
            if done.status == 0:
                emulators.download(url, tmp_path / "files", **variables)
            return done

        def rows(table: str) -> list[exports.Row]:
            files = f"'{tmp_path}/files/{table}/**/*.parquet', hive_partitioning = false"
            with duckdb.connect() as connection:
                return exports.rows_of(connection, f"read_parquet({files})")

        Check(f"parquet on {protocol}", here, run, rows, removed=False).all(account_files)


def test_models_on_bqemulator(
    python: exports.Python, tmp_path: Path, account_files: tuple[Path, Path]
) -> None:
    here = tmp_path / "here.duckdb"
    shutil.copy(account_files[1], here)
    dbt = programs.install(tmp_path / "venv", "dbt-core==1.11.16", "dbt-bigquery==1.12.1")
    profiles = yaml.safe_load(programs.ROOT.joinpath("transform/profiles.yml").read_text())
    login = {"method": "oauth-secrets", "token": "made-up", "threads": 1}
    profiles["oncehub"]["outputs"]["bigquery"] |= login
    (tmp_path / "profiles.yml").write_text(yaml.safe_dump(profiles))

    def build(program: Path, target: str, **variables: str) -> None:
        done = programs.run(
            [str(program), "build", "--profiles-dir", str(tmp_path)],
            programs.ROOT / "transform",
            DBT_TARGET=target,
            DBT_TARGET_PATH=str(tmp_path / target),
            DBT_LOG_PATH=str(tmp_path),
            **variables,
        )
        assert done.status == 0, done.output.decode()
        print(target, done.output.decode().splitlines()[-1])  # noqa: T201

    with emulators.bigquery(tmp_path) as variables:
        code = ON_BQEMULATOR + exports.EXPORT
        assert python.export(here, "bigquery", code, **variables).status == 0
        build(dbt / "dbt", "bigquery", DBT_BIGQUERY_PROJECT="p", **variables)
        build(DBT, "duckdb", DBT_DUCKDB_FILEPATH=str(here))
        with duckdb.connect(str(here)) as connection:
            for schema, table in connection.execute(
                "SELECT table_schema, table_name FROM information_schema.tables "
                "WHERE table_schema != 'oncehub'"
            ).fetchall():
                (rows,) = connection.sql(f'SELECT count(*) FROM {schema}."{table}"').fetchall()[0]
                there = python.run(IN_BIGQUERY, f"{schema}.{table}", **variables).rows
                assert len(there) == rows, table
                print(f"{schema}.{table}: {rows} rows")  # noqa: T201
