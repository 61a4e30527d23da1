"""The Python of docs/query.md, as it stands there; its questions are in test_models.py."""

import typing as t
from collections import Counter
from pathlib import Path

import duckdb
import pytest

from sandbox import Account
from tests.support import loaders, models, postgres, programs
from tests.support.project import blocks

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PRINTED = "in_pandas.to_dict(), dict(in_polars.rows()), dict(in_ibis.itertuples(index=False))"
"""What shows the bookings by status that the snippet has counted."""
DUCKDB, POSTGRESQL = blocks("query.md", "python")


def run(folder: Path, code: str) -> t.Any:
    done = programs.run([str(programs.ROOT / ".tools/query/bin/python"), "-c", code], folder)
    assert done.status == 0, done.log
    return eval(done.output)  # noqa: S307


def counted(account: Account) -> list[dict[str, t.Any]]:
    return [b for b in account.objects("bookings") if not b.get("in_trash")]


def test_duckdb(project: Path, account: Account) -> None:
    end = f"print([{{k: int(n) for k, n in d.items()}} for d in ({PRINTED})])"
    wanted = Counter(b["status"] for b in counted(account))
    assert run(project, f"{DUCKDB}\n{end}") == [wanted] * 3


def test_postgresql(project: Path, account: Account) -> None:
    with postgres.running() as server:
        settings = server.new_database("query").settings
        output = (project / "messages").read_bytes()
        loaders.load("target-postgres", project, output, **settings)
        variables = {f"DBT_POSTGRES_{name.upper()}": str(v) for name, v in settings.items()}
        models.dbt(project, "postgres", "build", **variables)
        login = {"username": settings.pop("user"), **settings}
        end = "print((dict(by_status.itertuples(index=False)), bookings.height, len(contacts)))"
        found = run(project, f"login = {login!r}\n{POSTGRESQL}\n{end}")
    wanted = Counter(b["status"] for b in counted(account))
    assert found == (wanted, sum(wanted.values()), len(account.objects("contacts")))


def test_without_the_marts(project: Path, account: Account) -> None:
    *_, sql = blocks("query.md", "sql")
    with duckdb.connect(str(project / "output/warehouse.duckdb"), read_only=True) as connection:
        found = dict(connection.execute(sql).fetchall())
    assert found == Counter((b["form_submission"] or {}).get("company") for b in counted(account))
