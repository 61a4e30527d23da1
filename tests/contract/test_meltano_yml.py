"""meltano.yml describes the tap and the loader that there are, and keeps secrets and data apart."""

import copy
import json
import re
import sys
import typing as t

import pytest
import yaml
from target_duckdb import settings

from tap_oncehub.tap import TapOnceHub
from tests.support import programs
from tests.support.programs import ROOT

Definition: t.TypeAlias = dict[str, t.Any]

PROJECT: Definition = yaml.safe_load(ROOT.joinpath("meltano.yml").read_text("utf-8"))
PLUGINS = PROJECT["plugins"]
(EXTRACTOR,) = PLUGINS["extractors"]
LOADERS = {loader["name"]: loader for loader in PLUGINS["loaders"]}
OF_THE_SDK = {"flattening_enabled", "flattening_max_depth", "stream_map_config", "stream_maps"}
"""Settings that the SDK describes in its own words."""
NOT_OFFERED = {"faker_config", "flattening_max_key_length", "flattening_separator"}
"""Settings of the SDK's own that Meltano's users have no need of here."""
SECRET = re.compile(r"password|token|secret|private_key$|passphrase|sqlalchemy_url")


def setting(name: str, told: Definition) -> Definition:
    """Return what Meltano has to know of a setting."""
    (kind,) = {*([told["type"]] if isinstance(told["type"], str) else told["type"])} - {"null"}
    # Meltano 4.4 fails on a number with a fraction, unless it is a text; the tap reads texts.
    kind = "date_iso8601" if told.get("format") == "date-time" else kind.replace("number", "string")
    label = told.get("title") or name.replace("_", " ").capitalize()
    found = {"name": name, "label": label, "description": told["description"], "kind": kind}
    found |= {"sensitive": True} if told.get("secret") else {}
    return found | ({"value": told["default"]} if "default" in told else {})


def test_extractor_is_described_as_the_tap_describes_itself() -> None:
    schema = copy.deepcopy(TapOnceHub.config_jsonschema)
    TapOnceHub.append_builtin_config(schema)
    found = {its["name"]: its for its in EXTRACTOR["settings"]}
    wanted = {name: setting(name, told) for name, told in schema["properties"].items()}
    for name in OF_THE_SDK:
        wanted[name] |= {key: found[name][key] for key in ("label", "description")}
    assert found == {name: wanted[name] for name in wanted.keys() - NOT_OFFERED}
    assert EXTRACTOR["settings_group_validation"] == [schema["required"]]
    capabilities = sorted(capability.value for capability in TapOnceHub.capabilities)
    assert EXTRACTOR["capabilities"] == capabilities
    tap = TapOnceHub(config={"api_key": "made-up"})
    left_out = [f"!{s.name}.*" for s in tap.streams.values() if not s.selected_by_default]
    assert sorted(EXTRACTOR["select"]) == sorted(["*.*", *left_out])
    assert EXTRACTOR["config"]["emit_activate_version_messages"] is True
    assert PROJECT["default_environment"] == "dev"


def test_loader_is_described_as_it_describes_itself() -> None:
    command = [sys.executable, "-m", "target_duckdb", "--about", "--format=json"]
    told = programs.run(command, PYTHONPATH=str(ROOT / "load/target_duckdb"))
    about = json.loads(told.output)
    wanted = [setting(name, told) for name, told in about["settings"]["properties"].items()]
    assert LOADERS["target-duckdb"]["settings"] == wanted
    assert LOADERS["target-duckdb"]["capabilities"] == about["capabilities"]
    page = ROOT.joinpath("load/target_duckdb/README.md").read_text("utf-8")
    assert f"\n{settings.about('markdown')}\n" in page


@pytest.mark.parametrize("name", LOADERS)
def test_loader_is_pinned_keeps_its_secrets_and_the_schema(name: str) -> None:
    loader = LOADERS[name]
    version = re.search(r"==([\d.]+)|-e \./load/", loader["pip_url"])
    assert version
    row = rf"^\| .*`{name}`.*{re.escape(version[1] or '')}"
    assert re.search(row, ROOT.joinpath("README.md").read_text("utf-8"), re.MULTILINE)
    secrets = {its["name"]: its for its in loader["settings"] if SECRET.search(its["name"])}
    assert all(its.get("sensitive") for its in secrets.values())
    assert not secrets.keys() & loader.get("config", {}).keys()
    if name != "target-jsonl":  # it has no schemas
        assert loader["config"]["default_target_schema"] == "$MELTANO_EXTRACT__LOAD_SCHEMA"


def test_plugins_need_no_hub_and_only_the_tap_has_a_test() -> None:
    """Whatever plugin is tested, Meltano installs each that has a command named test…."""
    plugins = [plugin for found in PLUGINS.values() for plugin in found]
    commands = {plugin["name"]: " ".join(plugin.get("commands", ())) for plugin in plugins}
    tested = [name for name, names in commands.items() if re.search(r"\btest", names)]
    assert tested == ["tap-oncehub"]
    wanted = {"namespace", "pip_url", "executable", "settings"}
    assert not [p["name"] for p in plugins if "inherit_from" not in p and not wanted <= p.keys()]
