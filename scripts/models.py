"""`make models`: build the marts of the account that `make run` has loaded, with dbt."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import duckdb

from scripts.account import AccountError, chosen
from scripts.meltano import last_result
from scripts.screen import Screen
from scripts.warehouse import SCHEMA, FileInUseError, patience, wait_until_writable

if t.TYPE_CHECKING:
    from collections.abc import Iterable

_COMMAND = ("--log-level=warning", "invoke", "dbt-duckdb", "--log-format=json", "build")


def main(project: Path) -> int:
    """Build and summarise them; return the exit status: dbt's, or 1 if nothing is loaded."""
    try:
        account = chosen(project)
        file = account.file
        if not file.exists():
            return _fail(f"output/{file.name} is missing: `make run` comes first")
        wait_until_writable(file, patience(project))
    except (AccountError, FileInUseError, duckdb.Error) as error:
        return _fail(str(error))
    if (result := last_result(project, account.environment)) not in {None, "success"}:
        note = f"The last load is not complete ({result}): the models show what is there so far"
        print(note, file=sys.stderr)
    settings = {"DBT_DUCKDB_FILEPATH": str(file), "DBT_DUCKDB_SCHEMA": SCHEMA}
    screen = Screen()
    screen.line("Building and testing the models with dbt, which takes about half a minute")
    with (
        screen.live(),
        subprocess.Popen(
            (
                Path(sys.executable).with_name("meltano"),
                f"--environment={account.environment}",
                *_COMMAND,
            ),
            cwd=project,
            env={**os.environ, **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        ) as process,
    ):
        screen.doing("starting dbt")
        wrong = list(_follow(process.stdout or (), screen))
    if process.returncode:
        for text in wrong:
            screen.line(text)
        return _fail(
            "The models were not built, or do not pass their tests: see above", process.returncode
        )
    _summarise(file)
    return 0


def _follow(lines: Iterable[str], screen: Screen) -> Iterable[str]:
    """Show what dbt does; yield what it says of failures."""
    for line in lines:
        try:
            event = json.loads(line)
            info, data = event["info"], event["data"]
        except (ValueError, TypeError, KeyError):
            yield line.rstrip("\n")  # Meltano's own
            continue
        if info["name"] == "LogStartLine":
            screen.doing(f"{data['index']} of {data['total']}: {data['description']}")
        elif info["level"] == "error":
            yield info["msg"]


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
    print(f"\nBuilt and tested in output/{file.name}. Example questions: docs/query.md")


def _fail(text: str, status: int = 1) -> int:
    sys.stdout.flush()
    print(text, file=sys.stderr)
    return status


if __name__ == "__main__":
    os.umask(0o077)  # customers' data
    try:
        sys.exit(main(Path.cwd()))
    except KeyboardInterrupt:
        sys.exit(_fail("Interrupted; `make models` builds everything anew", 130))
