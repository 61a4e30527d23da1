"""Every destination is ready in meltano.yml, and none of them slows `make run` down."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PLUGINS = yaml.safe_load(ROOT.joinpath("meltano.yml").read_text("utf-8"))["plugins"]
LOADERS = {loader["name"]: loader for loader in PLUGINS["loaders"]}
README = ROOT.joinpath("README.md").read_text("utf-8")
SECRET = re.compile(r"password|token|secret|private_key$|passphrase|sqlalchemy_url")


@pytest.mark.parametrize("name", sorted(LOADERS.keys() - {"target-duckdb"}))  # the project's own
def test_a_loader_is_pinned_and_its_version_is_in_the_table(name: str) -> None:
    version = re.search(r"==([\d.]+)", LOADERS[name]["pip_url"])
    assert version
    assert re.search(rf"^\| .*`{name}`.* {re.escape(version[1])}", README, re.MULTILINE)


@pytest.mark.parametrize("name", LOADERS)
def test_credentials_are_kept_out_of_logs_and_files(name: str) -> None:
    secrets = [s for s in LOADERS[name]["settings"] if SECRET.search(s["name"])]
    assert all(setting.get("sensitive") for setting in secrets), secrets
    assert not {setting["name"] for setting in secrets} & LOADERS[name].get("config", {}).keys()


@pytest.mark.parametrize("name", sorted(LOADERS.keys() - {"target-jsonl"}))
def test_the_schema_is_that_of_the_extractor(name: str) -> None:
    assert LOADERS[name]["config"]["default_target_schema"] == "$MELTANO_EXTRACT__LOAD_SCHEMA"
    assert PLUGINS["extractors"][0]["load_schema"] == "oncehub"
