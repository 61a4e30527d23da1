"""`make check`: a line on the key, and one on PostgreSQL, if it is set."""

import os
import subprocess
import sys
from pathlib import Path

from scripts.meltano import MELTANO
from scripts.warehouse import KEY, chosen, setting

_ASK_POSTGRES = """
import sys, sqlalchemy as sa
from target_postgres.target import TargetPostgres
try:
    target = TargetPostgres(parse_env_config=True)
    connector = target.default_sink_class.connector_class(config=dict(target.config))
    with connector.create_engine().connect() as connection:
        user, database, may_load = connection.execute(sa.text("SELECT current_user, "
            "current_database(), has_database_privilege(current_database(), 'CREATE')")).one()
except Exception as error:
    reason = " ".join(str(getattr(error, "orig", error)).split())
    sys.exit(f"PostgreSQL: {reason}. Check TARGET_POSTGRES_…")
if not may_load:
    sys.exit(f"PostgreSQL: {user} may not create schemas in {database}")
print(f"PostgreSQL: {user} may load into {database}")
"""
"""Connects as target-postgres does, in its own environment."""


def main(project: Path) -> int:
    """Ask each; return the exit status: 1, if one of them does not work."""
    chosen(project)
    os.environ["LOGLEVEL"] = "WARNING"  # as text, where Meltano would have JSON for itself
    commands: list[tuple[str, ...]] = []
    if setting(KEY):
        commands.append((MELTANO, "--log-level=warning", "invoke", "tap-oncehub", "--test"))
    else:
        print(f"{KEY} is not set: `make run` loads sample data", flush=True)
    if any(name.startswith("TARGET_POSTGRES_") for name in os.environ):
        python = project / ".meltano/loaders/target-postgres/venv/bin/python"
        if not python.exists():
            sys.exit("PostgreSQL: first `.venv/bin/meltano install target-postgres`")
        commands.append((str(python), "-c", _ASK_POSTGRES))
    done = [subprocess.run(command, cwd=project, check=False) for command in commands]
    return int(any(one.returncode for one in done))
