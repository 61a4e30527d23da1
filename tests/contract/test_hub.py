"""The entry for Meltano Hub is what the tap says of itself, in the form that the Hub asks for."""

from __future__ import annotations

import json
import re
import typing as t
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft7Validator

from scripts import hub
from tests.support import programs
from tests.support.programs import ROOT

RULES = json.loads(Path(__file__).with_name("hub_rules.json").read_text("utf-8"))
"""The Hub's own JSON schema in short, as of August 2026."""


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    return hub.files(hub.about())


@pytest.fixture(scope="module")
def entry(files: dict[str, str]) -> hub.Definition:
    return t.cast("hub.Definition", yaml.safe_load(files[hub.ENTRY]))


def test_the_files_are_what_make_hub_writes(files: dict[str, str]) -> None:
    for name, text in files.items():
        assert ROOT.joinpath(name).read_text("utf-8") == text, f"{name}: run make hub"


def test_the_entry_keeps_the_hubs_rules(entry: hub.Definition) -> None:
    Draft7Validator(RULES).validate(entry)
    assert list(entry) == sorted(entry)
    names = [setting["name"] for setting in entry["settings"]]
    assert names == sorted(names)
    assert all(list(setting) == sorted(setting) for setting in entry["settings"])


def test_it_says_what_meltano_yml_says(entry: hub.Definition) -> None:
    content = yaml.safe_load(ROOT.joinpath("meltano.yml").read_text("utf-8"))
    (ours,) = content["plugins"]["extractors"]
    same = ["capabilities", "description", "executable", "label", "name", "namespace", "select"]
    assert {name: ours[name] for name in same} == {name: entry[name] for name in same}


def test_the_logo_has_no_text_and_no_background(entry: hub.Definition) -> None:
    file = ROOT / "hub/static" / entry["logo_url"].removeprefix("/")
    tags = set(re.findall(r"<(\w+)", file.read_text("utf-8")))
    assert tags == {"svg", "path"}


@pytest.mark.slow
def test_meltano_adds_the_tap_from_its_definition(tmp_path: Path, entry: hub.Definition) -> None:
    (tmp_path / "meltano.yml").write_text("version: 1\nproject_id: a-test\n")
    reference = str(ROOT / "plugin.yaml")
    add = ("add", "--no-install", "--plugin-type=extractor", hub.NAME, "--from-ref", reference)
    run = programs.run_meltano(tmp_path, "", *add)
    assert run.status == 0, run.log
    added = yaml.safe_load((tmp_path / "meltano.yml").read_text())["plugins"]["extractors"]
    assert [plugin["pip_url"] for plugin in added] == [entry["pip_url"]]
    run = programs.run_meltano(tmp_path, "", "config", "list", "--all", hub.NAME)
    for setting in entry["settings"]:
        assert setting["name"] in run.output.decode()
