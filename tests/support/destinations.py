"""Destinations of the exporters: what is needed to write there, and how it is read back.

What an emulator lacks of the service is added beside it.
"""

import functools
import json
import typing as t
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support import emulators, exports, postgres

# PostgreSQL has no varchar(max).
_ON_POSTGRES = """
from dlt.destinations.impl.redshift.factory import RedshiftTypeMapper
RedshiftTypeMapper.sct_to_unbound_dbt["text"] = "varchar"
"""
_REDSHIFT = """
CREATE DOMAIN super AS text;
CREATE FUNCTION json_parse(text) RETURNS super LANGUAGE sql AS 'SELECT $1::super';
ALTER DATABASE redshift SET standard_conforming_strings = off
"""
# bqemulator takes no empty file.
_ON_BQEMULATOR = """
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
columns = cursor.execute(f"SELECT * FROM {sys.argv[1]} LIMIT 0").description
texts = ", ".join(f'"{x.name}"' + "::VARCHAR" * (x.type_code in {6, 7, 8}) for x in columns)
for row in cursor.execute(f"SELECT {texts} FROM {sys.argv[1]}"):
    fields = []
    for column, value in zip(columns, row):
        text = value if value and column.type_code == 5 else json.dumps(value, default=str)
        fields.append(f'"{column.name.lower()}": {text}')
    print("{%s}" % ", ".join(fields))
"""
_DELTA = """
import deltalake, json, os, sys
options = json.loads(os.environ.get("OPTIONS", "{}"))
table = deltalake.DeltaTable(sys.argv[1], storage_options=options)
for row in table.to_pyarrow_dataset().to_table().to_pylist():
    print(json.dumps(row, default=str))
sys.stdout.flush()
os._exit(0)  # a thread of an S3 client does not end well in a process that was forked
"""
_PARQUET = """
import fsspec, io, json, os, pyarrow.parquet, sys
store = fsspec.filesystem(sys.argv[1], **({"token": "anon"} if sys.argv[1] == "gs" else {}))
for file in store.find(sys.argv[2]):  # few requests: see emulators.google_storage
    for row in pyarrow.parquet.read_table(io.BytesIO(store.cat_file(file))).to_pylist():
        print(json.dumps(row, default=str))
sys.stdout.flush()
os._exit(0)
"""


class Destination(t.NamedTuple):
    """A destination that answers."""

    variables: dict[str, str]
    rows: Callable[[str], list[exports.Row]]
    code: str = exports.EXPORT
    longest: int | None = None  # text in bytes

    @property
    def removes(self) -> bool:
        """Whether rows that are gone are removed there, in place of being marked."""
        return "DLT_EXPORT_HARD_DELETE" in self.variables


_REMOVE = {"DLT_EXPORT_HARD_DELETE": "true"}


@contextmanager
def in_duckdb(_: exports.Python, folder: Path) -> Iterator[Destination]:
    there = folder / "there.duckdb"
    credentials = {"DESTINATION__DUCKDB__CREDENTIALS": str(there)}
    yield Destination(credentials, functools.partial(exports.in_duckdb, there))


@contextmanager
def in_delta(python: exports.Python, folder: Path) -> Iterator[Destination]:
    yield _lake(python, str(folder / "lake"), {}, {})


@contextmanager
def in_delta_on_s3(python: exports.Python, folder: Path) -> Iterator[Destination]:
    with emulators.s3(folder) as aws:
        names = {"AWS_DEFAULT_REGION": "REGION_NAME", "AWS_ENDPOINT_URL": "ENDPOINT_URL"}
        prefix = "DESTINATION__FILESYSTEM__CREDENTIALS__"
        variables = {f"{prefix}{names.get(name, name)}": value for name, value in aws.items()}
        yield _lake(python, f"s3://{emulators.BUCKET}/lake", variables, aws)


def _lake(
    python: exports.Python, url: str, variables: dict[str, str], aws: dict[str, str]
) -> Destination:
    options = json.dumps(aws and aws | {"AWS_ALLOW_HTTP": "true"})

    def rows(table: str) -> list[exports.Row]:
        return python.run(_DELTA, f"{url}/oncehub/{table}", OPTIONS=options).rows

    return Destination(variables | _REMOVE | {"DESTINATION__FILESYSTEM__BUCKET_URL": url}, rows)


@contextmanager
def in_redshift(_: exports.Python, __: Path) -> Iterator[Destination]:
    with postgres.running() as server:
        database = server.new_database("redshift")
        for query in _REDSHIFT.split(";"):
            database.execute(query)
        login = database.settings | {"sslmode": "disable"}
        login["username"] = login.pop("user")
        prefix = "DESTINATION__REDSHIFT__CREDENTIALS__"
        variables = {f"{prefix}{name.upper()}": str(value) for name, value in login.items()}

        def rows(table: str) -> list[exports.Row]:
            return database.rows(f"oncehub.{table}")

        yield Destination(variables | _REMOVE, rows, _ON_POSTGRES + exports.EXPORT, 65_535)


@contextmanager
def in_bigquery(python: exports.Python, folder: Path) -> Iterator[Destination]:
    with emulators.bigquery(folder) as variables:

        def rows(table: str) -> list[exports.Row]:
            return python.run(IN_BIGQUERY, f"oncehub.{table}", **variables).rows

        yield Destination(variables | _REMOVE, rows, _ON_BQEMULATOR + exports.EXPORT)


@contextmanager
def in_snowflake(python: exports.Python, folder: Path) -> Iterator[Destination]:
    with emulators.snowflake(folder) as variables:

        def rows(table: str) -> list[exports.Row]:
            return python.run(IN_SNOWFLAKE, f"oncehub.{table}", **variables).rows

        yield Destination(variables | _REMOVE, rows)


@contextmanager
def in_parquet(protocol: str, python: exports.Python, folder: Path) -> Iterator[Destination]:
    place = f"{emulators.BUCKET}/account"
    with emulators.STORES[protocol](folder) as store:

        def rows(table: str) -> list[exports.Row]:
            return python.run(_PARQUET, protocol, f"{place}/{table}", **store).rows

        code = "from parquet_export.__main__ import main\nmain()"
        variables = store | {"PARQUET_EXPORT_DESTINATION": f"{protocol}://{place}"}
        yield Destination(variables, rows, code)


BY_NAME: dict[str, t.Any] = {
    "duckdb": in_duckdb,
    "delta": in_delta,
    "delta on s3": in_delta_on_s3,
    "redshift": in_redshift,
    "bigquery": in_bigquery,
    "snowflake": in_snowflake,
    **{f"parquet on {x}": functools.partial(in_parquet, x) for x in emulators.STORES},
}
