"""`make models`: build the marts of the account that `make run` has loaded, with dbt."""

import os
import sys
from pathlib import Path

from scripts.account import chosen
from scripts.meltano import INTERRUPTED, Screen, ask, start, state_id
from scripts.warehouse import SCHEMA, patience, tables, wait_until_writable

_MARTS = f"{SCHEMA}_marts"
LAST_RUN = "SELECT lower(state) FROM runs WHERE job_name = ? ORDER BY started_at DESC LIMIT 1"


def main(project: Path) -> None:
    """Build and summarise them; end with dbt's exit status, or with 1 if nothing is loaded."""
    environment, file = chosen(project)
    if not file.exists():
        sys.exit(f"output/{file.name} is missing: `make run` comes first")
    wait_until_writable(file, patience(project))
    for (result,) in ask(project, LAST_RUN, state_id(environment)):
        if result != "success":
            what = f"The last load is not complete ({result}): the models show what is there so far"
            print(what, file=sys.stderr)
    screen = Screen()
    screen.line("Building and testing the models with dbt, which takes about half a minute")
    settings = {"DBT_DUCKDB_FILEPATH": str(file), "DBT_DUCKDB_SCHEMA": SCHEMA}
    command = (f"--environment={environment}", "--log-level=warning", "invoke", "dbt-duckdb")
    with screen.doing("dbt builds and tests"):
        process = start(project, settings, *command, "--quiet", "--no-use-colors", "build")
        wrong, _ = process.communicate()
    if process.returncode:
        screen.line(wrong)
        print("The models were not built, or do not pass their tests: see above", file=sys.stderr)
        sys.exit(process.returncode)
    print(f"{f'schema {_MARTS}':<30}{'rows':>10}")
    for table in tables(file, _MARTS):
        print(f"{table.name:<30}{table.rows:>10,}")
    print(f"\nBuilt and tested in output/{file.name}. Example questions: docs/query.md")


if __name__ == "__main__":
    os.umask(0o077)  # customers' data
    try:
        main(Path.cwd())
    except KeyboardInterrupt:
        print("Interrupted; `make models` builds everything anew", file=sys.stderr)
        sys.exit(INTERRUPTED)
