"""What is generated is up to date, and what Meltano Hub gets keeps its rules."""

import json
import re
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft7Validator

from scripts import generate
from tests.support import programs
from tests.support.programs import ROOT

RULES = json.loads(Path(__file__).with_name("hub_rules.json").read_text("utf-8"))
"""The Hub's own JSON schema in short, as of August 2026."""


@pytest.mark.parametrize(("name", "text"), generate.files().items(), ids=list(generate.files()))
def test_generated_file(name: str, text: str) -> None:
    assert ROOT.joinpath(name).read_text("utf-8") == text, "run make generate"


def test_hub_entry() -> None:
    files = generate.hub_files()
    entry = yaml.safe_load(files[generate.ENTRY])
    Draft7Validator(RULES).validate(entry)
    names = [setting["name"] for setting in entry["settings"]]
    for found in (entry, names, *entry["settings"]):
        assert list(found) == sorted(found)
    # The logo has no text and no background.
    tags = set(re.findall(r"<(\w+)", files[f"dist/hub/static{entry['logo_url']}"]))
    assert tags == {"svg", "path"}


@pytest.mark.slow
def test_meltano_adds_the_tap_from_its_definition(tmp_path: Path) -> None:
    reference = ROOT / "plugin.yaml"
    entry = yaml.safe_load(reference.read_text("utf-8"))
    (tmp_path / "meltano.yml").write_text("version: 1\nproject_id: a-test\n")
    add = ("add", "--no-install", "--plugin-type=extractor", "tap-oncehub", "--from-ref")
    run = programs.run_meltano(tmp_path, "", *add, str(reference))
    assert run.status == 0, run.log
    added = yaml.safe_load((tmp_path / "meltano.yml").read_text())["plugins"]["extractors"]
    assert [plugin["pip_url"] for plugin in added] == [entry["pip_url"]]
    run = programs.run_meltano(tmp_path, "", "config", "list", "--all", "tap-oncehub")
    for setting in entry["settings"]:
        assert setting["name"] in run.output.decode()
