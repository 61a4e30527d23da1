"""Destinations of the exporters: what is needed to write there, and how it is read back.

What an emulator lacks of the service is added beside it.
"""

import functools
import typing as t
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support import emulators, postgres
from tests.support.exports import EXPORT, PLUGIN, Destination, Row, in_duckdb, run

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
from google.cloud import bigquery
for row in bigquery.Client().query(f"SELECT * FROM {sys.argv[1]}").result():
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
for row in deltalake.DeltaTable(sys.argv[1]).to_pyarrow_dataset().to_table().to_pylist():
    print(json.dumps(row, default=str))
sys.stdout.flush()
os._exit(0)  # a thread of an S3 client does not end well in a process that was forked
"""
_EXPORT_PARQUET = "from parquet_export.__main__ import main\nmain()"
_PARQUET = """
import fsspec, io, json, os, pyarrow.parquet, sys
options = json.loads(os.environ.get("PARQUET_EXPORT_STORAGE_OPTIONS", "{}"))
store, place = fsspec.url_to_fs(sys.argv[1], **options)
for file in store.find(place):  # few requests: see emulators.google_storage
    for row in pyarrow.parquet.read_table(io.BytesIO(store.cat_file(file))).to_pylist():
        print(json.dumps(row, default=str))
sys.stdout.flush()
os._exit(0)
"""


def _reader(
    code: str, place: str, variables: dict[str, str], python: Path = emulators.PYTHON
) -> Callable[[str], list[Row]]:
    return lambda table: run(python, code, f"{place}{table}", **variables).rows


@contextmanager
def duckdb(folder: Path) -> Iterator[Destination]:
    there = folder / "there.duckdb"
    variables = {"DESTINATION__DUCKDB__CREDENTIALS": str(there)}
    rows = functools.partial(in_duckdb, there)
    yield Destination("duckdb", variables, rows, PLUGIN, removes=False)


def _lake(url: str, python: Path, aws: dict[str, str]) -> Destination:
    names = {"AWS_DEFAULT_REGION": "REGION_NAME", "AWS_ENDPOINT_URL": "ENDPOINT_URL"}
    prefix = "DESTINATION__FILESYSTEM__"
    variables = {f"{prefix}CREDENTIALS__{names.get(x, x)}": value for x, value in aws.items()}
    rows = _reader(_DELTA, f"{url}/oncehub/", aws | {"AWS_ALLOW_HTTP": "true"}, python)
    return Destination("delta", variables | {f"{prefix}BUCKET_URL": url}, rows, python)


@contextmanager
def delta(folder: Path) -> Iterator[Destination]:
    yield _lake(str(folder / "lake"), PLUGIN, {})


@contextmanager
def delta_on_s3(folder: Path) -> Iterator[Destination]:
    with emulators.s3(folder) as aws:
        yield _lake(f"s3://{emulators.BUCKET}/lake", emulators.PYTHON, aws)


@contextmanager
def redshift(_: Path) -> Iterator[Destination]:
    with postgres.running() as server:
        database = server.new_database("redshift")
        for query in _REDSHIFT.split(";"):
            database.execute(query)
        login = database.settings | {"sslmode": "disable"}
        login["username"] = login.pop("user")
        prefix = "DESTINATION__REDSHIFT__CREDENTIALS__"
        variables = {f"{prefix}{name.upper()}": str(value) for name, value in login.items()}
        yield Destination(
            "redshift",
            variables,
            lambda table: database.rows(f"oncehub.{table}"),
            emulators.PYTHON,
            code=_ON_POSTGRES + EXPORT,
            longest=65_535,
        )


@contextmanager
def bigquery(folder: Path) -> Iterator[Destination]:
    with emulators.bigquery(folder) as variables:
        rows, code = _reader(IN_BIGQUERY, "oncehub.", variables), _ON_BQEMULATOR + EXPORT
        yield Destination("bigquery", variables, rows, emulators.PYTHON, code=code)


@contextmanager
def snowflake(folder: Path) -> Iterator[Destination]:
    with emulators.snowflake(folder) as variables:
        rows = _reader(IN_SNOWFLAKE, "oncehub.", variables)
        yield Destination("snowflake", variables, rows, emulators.PYTHON)


@contextmanager
def parquet(protocol: str, folder: Path) -> Iterator[Destination]:
    url = f"{protocol}://{emulators.BUCKET}/account"
    with emulators.STORES[protocol](folder) as store:
        code, rows = _EXPORT_PARQUET, _reader(_PARQUET, f"{url}/", store)
        yield Destination(url, store, rows, emulators.PYTHON, removes=False, code=code)


BY_NAME: dict[str, t.Any] = {
    "duckdb": duckdb,
    "delta": delta,
    "delta on s3": delta_on_s3,
    "redshift": redshift,
    "bigquery": bigquery,
    "snowflake": snowflake,
    **{f"parquet on {x}": functools.partial(parquet, x) for x in emulators.STORES},
}
