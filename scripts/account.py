"""Which account the commands are about: Meltano's environment, and the file that it loads into.

As a program it writes the file's path, for `make notebook`.
"""

import os
import sys
import typing as t
from pathlib import Path

import yaml
from dotenv import dotenv_values

KEY = "TAP_ONCEHUB_API_KEY"
SAMPLE = "demo"
"""Meltano's environment for sample data; the file is never another's."""
_FILE = "TARGET_DUCKDB_FILEPATH"


class Account(t.NamedTuple):
    """A project's account, as the settings choose it."""

    environment: str
    file: Path


def setting(project: Path, name: str) -> str:
    """Return a variable where Meltano looks for it; empty, if it is not set."""
    value = os.environ.get(name, dotenv_values(project / ".env").get(name))
    return (value or "").strip(" \t\r\n\"'")


def chosen(project: Path) -> Account:
    """Return the account that the commands are about; end with a line if nobody can say which."""
    environment = setting(project, "MELTANO_ENVIRONMENT")
    environment = environment or ("dev" if setting(project, KEY) else SAMPLE)
    content = yaml.safe_load((project / "meltano.yml").read_text("utf-8"))
    configs = {part["name"]: part.get("config") or {} for part in content["environments"]}
    if environment not in configs:
        known = ", ".join(configs)
        sys.exit(f"meltano.yml has no environment {environment!r} (MELTANO_ENVIRONMENT): {known}")
    files = [] if environment == SAMPLE else [setting(project, _FILE)]
    for place in (configs[environment], content):
        loaders = place.get("plugins", {}).get("loaders", ())
        named = [loader for loader in loaders if loader["name"] == "target-duckdb"]
        files += [loader.get("config", {}).get("filepath") for loader in named]
    file = next(filter(None, files)).removeprefix("$MELTANO_PROJECT_ROOT/")
    if "$" in file or ":" in file:
        sys.exit(f"{file} is not a DuckDB file on this machine: set {_FILE} to one")
    return Account(environment, project / file)


if __name__ == "__main__":
    print(chosen(Path.cwd()).file)
