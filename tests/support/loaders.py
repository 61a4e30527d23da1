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


def settings(name: str, **more: t.Any) -> dict[str, t.Any]:
    """Give a loader's settings as meltano.yml has them, into the schema oncehub."""
    config = definition(name).get("config", {})
    schema = {key for key, value in config.items() if value == "$MELTANO_EXTRACT__LOAD_SCHEMA"}
    return config | dict.fromkeys(schema, "oncehub") | more


def program(name: str) -> str:
    """Give the path of a loader's program."""
    return str(programs.ROOT / f".meltano/loaders/{name}/venv/bin/{definition(name)['executable']}")


def load(
    name: str, folder: Path, output: bytes, other: str | None = None, **more: t.Any
) -> dict[str, t.Any]:
    """Load messages, with another program than the loader's own or not; gives the state."""
    config = programs.write(folder / f"{name}.json", settings(name, **more))
    state = programs.run_loader(other or program(name), config, output)
    return t.cast("dict[str, t.Any]", json.loads(state))
