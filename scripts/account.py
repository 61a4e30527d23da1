"""Which account the commands are about: Meltano's environment, and the file that it loads into.

As a program it writes the file's path, for `make notebook`.
"""

import os
import sys
from pathlib import Path

import yaml
from dotenv import load_dotenv

KEY = "TAP_ONCEHUB_API_KEY"
SAMPLE = "demo"
"""Meltano's environment for sample data; the file is never another's."""
_FILE = "TARGET_DUCKDB_FILEPATH"


def setting(name: str) -> str:
    """Return a variable, of .env too once `chosen` has read it; empty, if it is not set."""
    return os.environ.get(name, "").strip(" \t\r\n\"'")


def chosen(project: Path) -> tuple[str, Path]:
    """Return environment and file of the account; end with a line if nobody can say which."""
    load_dotenv(project / ".env")
    environment = setting("MELTANO_ENVIRONMENT") or ("dev" if setting(KEY) else SAMPLE)
    content = yaml.safe_load((project / "meltano.yml").read_text("utf-8"))
    configs = {part["name"]: part.get("config") or {} for part in content["environments"]}
    if environment not in configs:
        known = ", ".join(configs)
        sys.exit(f"meltano.yml has no environment {environment!r} (MELTANO_ENVIRONMENT): {known}")
    files = [] if environment == SAMPLE else [setting(_FILE)]
    for place in (configs[environment], content):
        loaders = place.get("plugins", {}).get("loaders", ())
        named = [loader for loader in loaders if loader["name"] == "target-duckdb"]
        files += [loader.get("config", {}).get("filepath") for loader in named]
    file = next(filter(None, files)).removeprefix("$MELTANO_PROJECT_ROOT/")
    if "$" in file or ":" in file:
        sys.exit(f"{file} is not a DuckDB file on this machine: set {_FILE} to one")
    return environment, project / file


if __name__ == "__main__":
    print(chosen(Path.cwd())[1])
