"""Loaders as meltano.yml defines them, run as the processes they are."""

import json
import typing as t
from pathlib import Path

import yaml

from tests.support import programs


def definition(name: str) -> dict[str, t.Any]:
    """Give what meltano.yml says of a loader."""
    project = yaml.safe_load(programs.ROOT.joinpath("meltano.yml").read_text("utf-8"))
    (found,) = (item for item in project["plugins"]["loaders"] if item["name"] == name)
    return t.cast("dict[str, t.Any]", found)


def program(name: str) -> str:
    """Give the path of a loader's program."""
    return str(programs.ROOT / f".meltano/loaders/{name}/venv/bin/{definition(name)['executable']}")


def load(
    name: str, folder: Path, output: bytes, other: str | None = None, **more: t.Any
) -> dict[str, t.Any]:
    """Load messages into the schema oncehub, with another program or not; gives the state."""
    config = definition(name).get("config", {})
    schema = {key for key, value in config.items() if value == "$MELTANO_EXTRACT__LOAD_SCHEMA"}
    config = config | dict.fromkeys(schema, "oncehub") | more
    file = programs.write(folder / f"{name}.json", config)
    state = programs.run_loader(other or program(name), file, output)
    return t.cast("dict[str, t.Any]", json.loads(state))
