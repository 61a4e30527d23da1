"""The Python and SQL of docs/destinations.md, as they stand there."""

import re
from pathlib import Path

import duckdb
import pytest
from parquet_export.__main__ import run as export

from sandbox import Account
from tests.support import loaders, models, programs
from tests.support.project import blocks

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PAGE = "destinations.md"
PYTHON = str(programs.ROOT / ".tools/notebook/bin/python")
ROWS = 60
BEGIN_SPARK = """
from pyspark.sql import SparkSession
builder = SparkSession.builder.master('local[1]').config('spark.ui.enabled', 'false')
for name in ('host', 'bindAddress'):
    builder = builder.config(f'spark.driver.{name}', '127.0.0.1')
spark = builder.getOrCreate()
"""
END_SPARK = """
plan = recent._jdf.queryExecution().toString()
print(bookings.count(), recent.count(), len(recent.inputFiles()) < len(bookings.inputFiles())
    or 'PartitionFilters: [isnotnull(creation_month' in plan)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every kind of file, where the project would have it."""
    made = tmp_path_factory.mktemp("project")
    output = made / "output"
    output.mkdir()
    run = models.load(made, Account(seed=1, bookings=ROWS))
    (made / "messages").write_bytes(run.output)
    (made / "warehouse.duckdb").rename(output / "warehouse.duckdb")
    more = {"destination_path": str(output / "jsonl"), "do_timestamp_file": False}
    loaders.load("target-jsonl", made, run.output, **more)
    loaders.load("target-jsonl", made, run.output, **more)
    parquet = {"FILEPATH": "warehouse.duckdb", "DESTINATION": "parquet"}
    settings = {f"PARQUET_EXPORT_{name}": str(output / path) for name, path in parquet.items()}
    settings["PARQUET_EXPORT_SCHEMA"] = "oncehub"
    assert export(settings, str) == 0
    return made


def run(folder: Path, code: str, python: str = PYTHON) -> list[str]:
    done = programs.run([python, "-c", code], folder)
    assert done.status == 0, done.log
    return done.output.decode().split()


def test_pandas_reads_every_booking(folder: Path) -> None:
    code = blocks(PAGE, "python")[0]
    shown = "[n for df in (lines, bookings) for n in (len(df), df['id'].nunique())]"
    assert run(folder, f"{code}\nprint(*{shown})") == ["60"] * 4


def test_sql(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    (months,) = blocks(PAGE, "sql")
    with duckdb.connect("output/warehouse.duckdb", read_only=True) as connection:
        wanted = connection.execute(
            "SELECT status, count(*) FROM oncehub.bookings "
            "WHERE creation_time >= '2026-01-01' AND in_trash IS NOT TRUE GROUP BY ALL"
        ).fetchall()
        assert sorted(connection.execute(months).fetchall(), key=str) == sorted(wanted, key=str)
        plan = str(connection.execute(f"EXPLAIN {months}").fetchall())
    ((read, files),) = set(re.findall(r"Scanning Files: (\d+)/(\d+)", plan))
    assert 0 < int(read) < int(files)


def test_spark_reads_only_the_months_that_are_asked_for(folder: Path, tmp_path: Path) -> None:
    python = str(programs.install(tmp_path / "venv", "pyspark==4.0.1") / "python")
    code = blocks(PAGE, "python")[1]
    found = run(folder, BEGIN_SPARK + code + END_SPARK, python)
    with duckdb.connect(str(folder / "output/warehouse.duckdb"), read_only=True) as connection:
        (wanted,) = connection.execute(
            "SELECT count(*) FROM oncehub.bookings WHERE creation_time >= '2026-01-01'"
        ).fetchall()[0]
    assert found == [str(ROWS), str(wanted), "True"]
