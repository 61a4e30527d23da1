"""The Python of docs/query.md, as it stands there; its questions are in test_models.py."""

from __future__ import annotations

import typing as t
from collections import Counter

import duckdb
import pytest

from tests.support import loaders, models, postgres, programs
from tests.support.project import blocks

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox import Account

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PYTHON = str(programs.ROOT / ".tools/query/bin/python")
PRINTED = {
    "SQL on DuckDB": "dict(rows)",
    "pandas": "by_status.to_dict()",
    "Polars": "dict(by_status.rows())",
    "Ibis": "dict(by_status.itertuples(index=False))",
    "PostgreSQL": "dict(by_status.itertuples(index=False))",
}
"""What shows the bookings by status that a snippet has counted, by its heading."""


def run(folder: Path, code: str) -> t.Any:
    done = programs.run([PYTHON, "-c", code], folder)
    assert done.status == 0, done.log
    return eval(done.output)  # noqa: S307


@pytest.fixture(scope="module")
def login(project: Path) -> Iterator[dict[str, t.Any]]:
    with postgres.running() as server:
        settings = server.new_database("query").settings
        output = (project / "messages").read_bytes()
        loaders.load("target-postgres", project, output, **settings)
        variables = {f"DBT_POSTGRES_{name.upper()}": str(v) for name, v in settings.items()}
        models.dbt(project, "postgres", "build", **variables)
        yield {"username": settings.pop("user"), **settings}


def by_status(account: Account) -> Counter[str]:
    return Counter(b["status"] for b in account.objects("bookings") if not b.get("in_trash"))


@pytest.mark.parametrize("heading", ["SQL on DuckDB", "pandas", "Polars", "Ibis"])
def test_duckdb(project: Path, account: Account, heading: str) -> None:
    (code,) = blocks("query.md", "python", heading)
    code += f"\nprint({{k: int(n) for k, n in {PRINTED[heading]}.items()}})"
    assert run(project, code) == by_status(account)


def test_postgresql(project: Path, account: Account, login: dict[str, t.Any]) -> None:
    end = f"print(({PRINTED['PostgreSQL']}, bookings.height, len(contacts)))"
    (code,) = blocks("query.md", "python", "PostgreSQL")
    found = run(project, f"login = {login!r}\n{code}\n{end}")
    wanted = by_status(account)
    assert found == (wanted, sum(wanted.values()), len(account.objects("contacts")))


def test_without_the_marts(project: Path, account: Account) -> None:
    *_, sql = blocks("query.md", "sql")
    with duckdb.connect(str(project / "output/warehouse.duckdb"), read_only=True) as connection:
        found = dict(connection.execute(sql).fetchall())
    kept = [b for b in account.objects("bookings") if not b.get("in_trash")]
    assert found == Counter(b["form_submission"]["company"] for b in kept)
