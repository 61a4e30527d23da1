"""The dbt models, made by the real dbt of what the real tap has read."""

from pathlib import Path

from sandbox import Account, Sandbox
from tests.support import inside, programs
from tests.support.programs import KEY, ROOT, Run

DBT = ROOT / ".meltano/utilities/dbt-duckdb/venv/bin/dbt"


def dbt(folder: Path, target: str, *arguments: str, program: Path = DBT, **variables: str) -> str:
    """Run dbt, with variables as meltano.yml sets them; gives what it said.

    The folder is for what dbt compiles and logs.
    """
    paths = dict.fromkeys(("DBT_TARGET_PATH", "DBT_LOG_PATH"), str(folder / "dbt"))
    command = [str(program), "--no-use-colors", *arguments]
    done = programs.run(command, ROOT / "transform", DBT_TARGET=target, **paths, **variables)
    said = done.output.decode()
    assert done.status == 0, said
    return said


def build(folder: Path) -> str:
    return dbt(folder, "duckdb", "build", DBT_DUCKDB_FILEPATH=str(folder / "warehouse.duckdb"))


def load(folder: Path, account: Account, *streams: str) -> Run:
    """Load these streams, or else those that are selected by default, into warehouse.duckdb."""
    with Sandbox(account, key=KEY) as api:
        catalog = inside.catalog(*streams) if streams else None
        run = programs.run_tap(folder, programs.settings_for(api.url), catalog=catalog)
    programs.load(folder, run.output)
    return run
