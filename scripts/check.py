"""`make check`: a line on the key, and one on each destination that is not a local file."""

import os
import subprocess
import sys
from pathlib import Path

from dotenv import dotenv_values

from scripts.account import KEY, setting


def main(project: Path) -> int:
    """Ask each; return the exit status: 1, if one of them does not work."""
    variables = {**dotenv_values(project / ".env"), **os.environ}
    environment = {name: value for name, value in variables.items() if value is not None}
    worked = []
    if setting(project, KEY):
        meltano = Path(sys.executable).with_name("meltano")
        command = (meltano, "--log-level=warning", "invoke", "tap-oncehub", "--test")
        # As text: Meltano has the tap write its log as JSON, for itself to read.
        plain = environment | {"LOGLEVEL": "WARNING"}
        worked.append(subprocess.run(command, cwd=project, env=plain, check=False).returncode == 0)
    else:
        print(f"{KEY} is not set: `make run` loads sample data", flush=True)
    if any(name.startswith("TARGET_POSTGRES_") for name in environment):
        # In the loader's own environment, so that it connects as the loader does.
        python = project / ".meltano/loaders/target-postgres/venv/bin/python"
        if not python.exists():
            sys.exit("PostgreSQL: first `.venv/bin/meltano install target-postgres`")
        ask = (python, Path(__file__).with_name("check_postgres.py"))
        worked.append(
            subprocess.run(ask, cwd=project, env=environment, check=False).returncode == 0
        )
    return int(not all(worked))


if __name__ == "__main__":
    sys.exit(main(Path.cwd()))
