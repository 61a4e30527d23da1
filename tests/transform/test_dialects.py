"""The models compile for Snowflake and BigQuery, to SQL that a parser of the dialect knows.

No server is asked; an emulator of BigQuery is, in tests/end_to_end/test_warehouses.py.
"""

import json
from pathlib import Path

import pytest
import yaml

from tests.support import programs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PACKAGES = (
    *("dbt-core==1.11.16", "dbt-snowflake==1.12.4", "dbt-bigquery==1.12.1"),
    "sqlglot==30.30.0",
)
PARSE = """
import json, pathlib, sys
from sqlglot import exp, parse
found = {}
for file in pathlib.Path(sys.argv[1]).rglob("models/*/*.sql"):
    text = file.read_text("utf-8")
    (tree,) = parse(text, dialect=sys.argv[2])
    assert isinstance(tree, exp.Query), file
    found[file.stem] = [f.name for f in tree.find_all(exp.Anonymous)] + ["->"] * ("->" in text)
print(json.dumps(found))
"""
"""Gives the functions and operators in each model that the dialect does not have."""
MODELS = programs.ROOT / "transform/models"


@pytest.fixture(scope="module")
def programs_of_dbt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return programs.install(tmp_path_factory.mktemp("dialects") / "venv", *PACKAGES)


@pytest.mark.parametrize("dialect", ["snowflake", "bigquery"])
def test_they_compile(programs_of_dbt: Path, tmp_path: Path, dialect: str) -> None:
    profiles = yaml.safe_load(programs.ROOT.joinpath("transform/profiles.yml").read_text())
    # A token, as BigQuery's adapter looks for a login before it compiles.
    profiles["oncehub"]["outputs"]["bigquery"] |= {"method": "oauth-secrets", "token": "made-up"}
    (tmp_path / "profiles.yml").write_text(yaml.safe_dump(profiles))
    names = ("account", "user", "password", "database", "warehouse", "project")
    done = programs.run(
        [
            *(str(programs_of_dbt / "dbt"), "compile", "--no-populate-cache", "--no-introspect"),
            *("--vars", "{look_for_streams: false}", "--profiles-dir", str(tmp_path)),
        ],
        programs.ROOT / "transform",
        DBT_TARGET=dialect,
        DBT_TARGET_PATH=str(tmp_path),
        DBT_LOG_PATH=str(tmp_path),
        **{f"DBT_{dialect.upper()}_{name.upper()}": "made_up" for name in names},
    )
    assert done.status == 0, done.output.decode()
    python = str(programs_of_dbt / "python")
    parsed = programs.run([python, "-c", PARSE, str(tmp_path / "compiled"), dialect])
    assert parsed.status == 0, parsed.log
    foreign = json.loads(parsed.output)
    assert foreign.keys() >= {file.stem for file in MODELS.rglob("*.sql")}
    assert {name: found for name, found in foreign.items() if found} == {}
