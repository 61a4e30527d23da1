"""`make models`: build the marts of the account that `make run` has loaded, with dbt."""

import sys
from os.path import relpath
from pathlib import Path

from scripts.meltano import start
from scripts.warehouse import MARTS, SCHEMA, chosen, show, tables


def main(project: Path) -> None:
    """Build and summarise them; end with a line if that fails, or if nothing is loaded."""
    environment, file = chosen(project)
    if not tables(file, mode="READ_WRITE"):  # waits while another program has it open
        sys.exit(f"{relpath(file)} has no tables: `make run` comes first")
    print("Building and testing the models with dbt, which takes half a minute", flush=True)
    settings = {"DBT_DUCKDB_FILEPATH": str(file), "DBT_DUCKDB_SCHEMA": SCHEMA}
    command = (f"--environment={environment}", "--log-level=warning", "invoke", "dbt-duckdb")
    with start(project, settings, *command, "--quiet", "--no-use-colors", "build") as process:
        wrong, _ = process.communicate()
    if process.returncode:
        sys.exit(f"{wrong}The models were not built, or do not pass their tests: see above")
    show(f"schema {MARTS}", file, MARTS)
    print(f"\nBuilt and tested in {relpath(file)}, without what is deleted or in the trash.")
    print("Example questions: docs/query.md")
