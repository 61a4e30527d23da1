"""`make check`: a line on the key, and one on each destination that is not a local file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from dotenv import dotenv_values

from scripts.account import KEY, setting

_POSTGRES = Path(".meltano/loaders/target-postgres/venv/bin/python")


def main(project: Path) -> int:
    """Ask each; return the exit status: 1, if one of them does not work."""
    return int(max(_key(project), _postgres(project)))


def _key(project: Path) -> bool:
    if not setting(project, KEY):
        print(f"{KEY} is not set: `make run` loads sample data")
        return False
    meltano = Path(sys.executable).with_name("meltano")
    command = (meltano, "--log-level=warning", "invoke", "tap-oncehub", "--test")
    # As text: Meltano has the tap write its log as JSON, for itself to read.
    environment = {**os.environ, "LOGLEVEL": "WARNING"}
    done = subprocess.run(command, cwd=project, env=environment, check=False)
    return done.returncode != 0


def _postgres(project: Path) -> bool:
    """Ask in the loader's own environment, so that it connects as the loader does."""
    variables = {**dotenv_values(project / ".env"), **os.environ}
    if not any(name.startswith("TARGET_POSTGRES_") for name in variables):
        return False
    if not (project / _POSTGRES).exists():
        print("PostgreSQL: first `.venv/bin/meltano install target-postgres`", file=sys.stderr)
        return True
    script = Path(__file__).with_name("check_postgres.py")
    environment = {name: value for name, value in variables.items() if value is not None}
    command = (project / _POSTGRES, script)
    return subprocess.run(command, cwd=project, env=environment, check=False).returncode != 0


if __name__ == "__main__":
    sys.exit(main(Path.cwd()))
