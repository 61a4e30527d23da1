"""`make models`: build the marts of the account that `make run` has loaded, with dbt."""

import sys
from pathlib import Path

from scripts.meltano import start
from scripts.warehouse import MARTS, SCHEMA, chosen, show, wait_until_writable


def main(project: Path) -> None:
    """Build and summarise them; end with a line if that fails, or if nothing is loaded."""
    environment, file = chosen(project)
    if not file.exists():
        sys.exit(f"output/{file.name} is missing: `make run` comes first")
    wait_until_writable(file)
    print("Building and testing the models with dbt, which takes half a minute", flush=True)
    settings = {"DBT_DUCKDB_FILEPATH": str(file), "DBT_DUCKDB_SCHEMA": SCHEMA}
    command = (f"--environment={environment}", "--log-level=warning", "invoke", "dbt-duckdb")
    with start(project, settings, *command, "--quiet", "--no-use-colors", "build") as process:
        wrong, _ = process.communicate()
    if process.returncode:
        sys.exit(f"{wrong}The models were not built, or do not pass their tests: see above")
    show(f"schema {MARTS}", file, MARTS)
    print(f"\nBuilt and tested in output/{file.name}. Example questions: docs/query.md")
