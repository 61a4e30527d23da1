"""`make models`: make the marts of the account that `make run` has loaded, with dbt."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb

from scripts.run import loaded
from scripts.warehouse import SCHEMA

_COMMAND = ("--log-level=warning", "invoke", "dbt-duckdb", "--log-level=warn", "build")


def main(project: Path) -> int:
    """Make and summarise them; return the exit status: dbt's, or 1 if nothing is loaded."""
    environment, file = loaded(project)
    if not file.exists():
        print(f"output/{file.name} is missing: `make run` comes first", file=sys.stderr)
        return 1
    settings = {"DBT_DUCKDB_FILEPATH": str(file), "DBT_DUCKDB_SCHEMA": SCHEMA}
    meltano = Path(sys.executable).with_name("meltano")
    status = subprocess.run(
        (meltano, f"--environment={environment}", *_COMMAND),
        cwd=project,
        env={**os.environ, **settings},
        check=False,
    ).returncode
    if status:
        print("The models were not made, or do not pass their tests: see above", file=sys.stderr)
        return status
    _summarise(file)
    return 0


def _summarise(file: Path) -> None:
    with duckdb.connect(str(file), read_only=True) as connection:
        tables = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = ? ORDER BY 1",
            [f"{SCHEMA}_marts"],
        ).fetchall()
        print(f"{f'schema {SCHEMA}_marts':<30}{'rows':>10}")
        for (table,) in tables:
            ((rows,),) = connection.table(f"{SCHEMA}_marts.{table}").count("*").fetchall()
            print(f"{table:<30}{rows:>10,}")
    print(f"\nMade and tested in output/{file.name}. What to ask them: docs/query.md")


if __name__ == "__main__":
    os.umask(0o077)  # customers' data
    sys.exit(main(Path.cwd()))
