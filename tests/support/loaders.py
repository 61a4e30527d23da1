"""Loaders as meltano.yml defines them, run as the processes they are."""

from __future__ import annotations

import json
import subprocess
import typing as t

import yaml

from tests.support.programs import PATIENCE, ROOT, environment

if t.TYPE_CHECKING:
    from pathlib import Path

Settings: t.TypeAlias = dict[str, t.Any]


def definition(name: str) -> dict[str, t.Any]:
    """Give what meltano.yml says of a loader."""
    project = yaml.safe_load(ROOT.joinpath("meltano.yml").read_text("utf-8"))
    (found,) = (item for item in project["plugins"]["loaders"] if item["name"] == name)
    return t.cast("dict[str, t.Any]", found)


def settings(name: str, **more: t.Any) -> Settings:
    """Give a loader's settings as meltano.yml has them, into the schema oncehub."""
    config = definition(name).get("config", {})
    config = {
        key: "oncehub" if value == "$MELTANO_EXTRACT__LOAD_SCHEMA" else value
        for key, value in config.items()
    }
    return config | more


def program(name: str) -> str:
    """Give the path of a loader's program."""
    return str(ROOT / f".meltano/loaders/{name}/venv/bin/{definition(name)['executable']}")


def load(name: str, folder: Path, output: bytes, **more: t.Any) -> dict[str, t.Any]:
    """Load messages."""
    config = folder / f"{name}.json"
    config.write_text(json.dumps(settings(name, **more)))
    done = subprocess.run(
        [program(name), "--config", str(config)],
        input=output,
        capture_output=True,
        check=False,
        cwd=folder,
        env=environment(),
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr.decode()
    return t.cast("dict[str, t.Any]", json.loads(done.stdout.decode().strip().splitlines()[-1]))
