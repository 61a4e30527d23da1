"""The models on emulators of BigQuery and Snowflake: built, counted, and known to the dialect.

An emulator runs on DuckDB and may know functions that the service does not: a parser of the
dialect looks for those.
"""

import shutil
from functools import partial
from pathlib import Path

import duckdb
import pytest
import yaml

from tests.support import destinations, emulators, exports, models, programs

pytestmark = [pytest.mark.warehouses, pytest.mark.timeout(600)]

LOGINS = {
    "bigquery": {"method": "oauth-secrets", "token": "made-up", "threads": 1},
    "snowflake": {"host": "127.0.0.1", "protocol": "http", "threads": 1},
}
READ = {"bigquery": destinations.IN_BIGQUERY, "snowflake": destinations.IN_SNOWFLAKE}
MODELS = programs.ROOT / "transform/models"
PARSE = """
import json, pathlib, sys
from sqlglot import exp, parse
for file in pathlib.Path(sys.argv[1]).rglob("models/*/*.sql"):
    text = file.read_text("utf-8")
    (tree,) = parse(text, dialect=sys.argv[2])
    assert isinstance(tree, exp.Query), file
    foreign = [x.name for x in tree.find_all(exp.Anonymous)] + ["->"] * ("->" in text)
    print(json.dumps({"model": file.stem, "foreign": foreign}))
"""
"""Gives the functions and operators in each model that the dialect does not have."""


@pytest.mark.parametrize("dialect", ["bigquery", "snowflake"])
def test_models(dialect: str, tmp_path: Path, account_files: tuple[Path, Path]) -> None:
    here = shutil.copy(account_files[1], tmp_path / "warehouse.duckdb")
    dbt = programs.install(tmp_path / "venv", "dbt-core==1.11.16", f"dbt-{dialect}==1.12.*") / "dbt"
    run = partial(exports.run, emulators.PYTHON)
    with destinations.BY_NAME[dialect](tmp_path) as to:
        assert to.export(here).status == 0
        profiles = yaml.safe_load(programs.ROOT.joinpath("transform/profiles.yml").read_text())
        port = {"port": int(to.variables.get("SNOWFLAKE_PORT", 0))}
        profiles["oncehub"]["outputs"][dialect] |= LOGINS[dialect] | port
        (tmp_path / "profiles.yml").write_text(yaml.safe_dump(profiles))
        names = ("account", "user", "password", "warehouse")
        login = {f"DBT_{dialect.upper()}_{name.upper()}": "made_up" for name in names}
        login |= {"DBT_SNOWFLAKE_DATABASE": "D", "DBT_BIGQUERY_PROJECT": "p"}
        login |= {"DBT_PROFILES_DIR": str(tmp_path)}
        said = models.dbt(tmp_path, dialect, "build", program=dbt, **login, **to.variables)
        print(dialect, said.splitlines()[-1])  # noqa: T201
        parsed = run(PARSE, str(tmp_path / "dbt/compiled"), dialect).rows
        assert {row["model"] for row in parsed} >= {x.stem for x in MODELS.rglob("*.sql")}
        assert [row for row in parsed if row["foreign"]] == []

        models.build(tmp_path)
        with duckdb.connect(str(here)) as connection:
            for schema, table in connection.execute(
                "SELECT table_schema, table_name FROM information_schema.tables "
                "WHERE table_schema != 'oncehub'"
            ).fetchall():
                (rows,) = connection.sql(f'SELECT count(*) FROM {schema}."{table}"').fetchall()[0]
                there = run(READ[dialect], f"{schema}.{table}", **to.variables).rows
                assert len(there) == rows, table
                print(f"{schema}.{table}: {rows} rows")  # noqa: T201
