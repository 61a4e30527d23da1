"""Which account the commands are about: Meltano's environment, and the file that it loads into.

As a program it writes the file's path, for `make notebook`.
"""

from __future__ import annotations

import os
import string
import sys
import typing as t
from pathlib import Path

import yaml
from dotenv import dotenv_values

KEY = "TAP_ONCEHUB_API_KEY"
SAMPLE = "demo"
"""Meltano's environment for sample data; the file is never another's."""
_LOADER = "target-duckdb"
_FILE = "TARGET_DUCKDB_FILEPATH"


class AccountError(Exception):
    """It cannot be said which file is meant."""


class Account(t.NamedTuple):
    """A project's account, as the settings choose it."""

    environment: str
    file: Path

    @property
    def is_sample(self) -> bool:
        """Whether it is the sandbox's made-up account."""
        return self.environment == SAMPLE


def setting(project: Path, name: str) -> str:
    """Return a variable where Meltano looks for it; empty, if it is not set."""
    value = os.environ.get(name, dotenv_values(project / ".env").get(name))
    return (value or "").strip(" \t\r\n\"'")


def chosen(project: Path) -> Account:
    """Return the account that the commands are about.

    Raises:
        AccountError: If its file is not known.
    """
    environment = setting(project, "MELTANO_ENVIRONMENT")
    environment = environment or ("dev" if setting(project, KEY) else SAMPLE)
    named = "" if environment == SAMPLE else setting(project, _FILE)
    file = named or _configured(project, environment)
    if "$" in file or ":" in file:
        msg = f"{file} is not a DuckDB file on this machine: set {_FILE} to one"
        raise AccountError(msg)
    return Account(environment, project / file)


def _configured(project: Path, environment: str) -> str:
    content = yaml.safe_load((project / "meltano.yml").read_text("utf-8"))
    environments = {part["name"]: part for part in content["environments"]}
    if environment not in environments:
        known = ", ".join(environments)
        msg = (
            f"meltano.yml has no environment {environment!r} (MELTANO_ENVIRONMENT); it has {known}"
        )
        raise AccountError(msg)
    config: dict[str, str] = {}
    for place in (content, environments[environment].get("config") or {}):
        for loader in place.get("plugins", {}).get("loaders", ()):
            if loader["name"] == _LOADER:
                config |= loader.get("config") or {}
    return string.Template(config["filepath"]).safe_substitute(MELTANO_PROJECT_ROOT=project)


if __name__ == "__main__":
    try:
        print(chosen(Path.cwd()).file)
    except AccountError as error:
        sys.exit(str(error))
