"""meltano.yml describes the tap that there is, and loads every row."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml
from target_duckdb import settings

from tap_oncehub.tap import TapOnceHub

PROJECT = Path(__file__).parents[2]
OF_THE_SDK = {"flattening_enabled", "flattening_max_depth", "stream_map_config", "stream_maps"}
"""Settings that the SDK describes in its own words."""

NOT_OFFERED = {"faker_config", "flattening_max_key_length", "flattening_separator"}
"""Settings of the SDK's own that Meltano's users have no need of here."""

Definition: t.TypeAlias = dict[str, t.Any]


def setting(name: str, told: Definition) -> Definition:
    """Return what Meltano has to know of a setting."""
    found = {
        "name": name,
        "label": told.get("title") or name.replace("_", " ").capitalize(),
        "description": told["description"],
        "kind": kind(told),
    }
    if told.get("secret"):
        found["sensitive"] = True
    if "default" in told:
        found["value"] = told["default"]
    return found


def kind(told: Definition) -> str:
    if told.get("format") == "date-time":
        return "date_iso8601"
    types = told["type"] if isinstance(told["type"], list) else [told["type"]]
    (declared,) = set(types) - {"null"}
    # Meltano 4.4 fails on a number with a fraction, unless it is a text; the tap reads texts.
    return "string" if declared == "number" else str(declared)


@pytest.fixture(scope="module")
def project() -> Definition:
    return t.cast("Definition", yaml.safe_load((PROJECT / "meltano.yml").read_text("utf-8")))


@pytest.fixture(scope="module")
def extractor(project: Definition) -> Definition:
    (definition,) = project["plugins"]["extractors"]
    return t.cast("Definition", definition)


@pytest.fixture(scope="module")
def loader(project: Definition) -> Definition:
    loaders = {loader["name"]: loader for loader in project["plugins"]["loaders"]}
    return t.cast("Definition", loaders["target-duckdb"])


@pytest.fixture(scope="module")
def about() -> Definition:
    """What `tap-oncehub --about` says of the settings."""
    schema = copy.deepcopy(TapOnceHub.config_jsonschema)
    TapOnceHub.append_builtin_config(schema)
    return t.cast("Definition", schema["properties"])


def test_it_names_every_setting(extractor: Definition, about: Definition) -> None:
    names = [setting["name"] for setting in extractor["settings"]]

    assert sorted(names) == sorted(set(about) - NOT_OFFERED)


def test_settings_are_described_as_the_tap_describes_them(
    extractor: Definition, about: Definition
) -> None:
    for found in extractor["settings"]:
        wanted = setting(found["name"], about[found["name"]])
        if found["name"] in OF_THE_SDK:
            wanted |= {name: found[name] for name in ("label", "description")}
        assert found == wanted


def test_capabilities_are_those_of_the_tap(extractor: Definition) -> None:
    assert extractor["capabilities"] == sorted(
        capability.value for capability in TapOnceHub.capabilities
    )


def test_what_is_required_is_asked_for(extractor: Definition) -> None:
    assert extractor["settings_group_validation"] == [TapOnceHub.config_jsonschema["required"]]


def test_what_is_not_selected_by_default_is_not_in_meltano(extractor: Definition) -> None:
    tap = TapOnceHub(config={"api_key": "made-up"})
    left_out = [f"!{s.name}.*" for s in tap.streams.values() if not s.selected_by_default]

    assert sorted(extractor["select"]) == sorted(["*.*", *left_out])


def test_meltano_test_installs_the_tap_only(project: Definition) -> None:
    """Whatever plugin is tested, Meltano installs each that has a command named test…."""
    tested = [
        plugin["name"]
        for plugins in project["plugins"].values()
        for plugin in plugins
        if any(name.startswith("test") for name in plugin.get("commands", ()))
    ]
    assert tested == ["tap-oncehub"]


def test_plugins_need_no_hub(project: Definition) -> None:
    for plugins in project["plugins"].values():
        for plugin in plugins:
            wanted = {"namespace", "pip_url", "executable", "settings"}
            assert "inherit_from" in plugin or wanted <= plugin.keys(), plugin["name"]


def test_the_loader_is_the_projects_own_and_deletes_reach_it(
    loader: Definition, extractor: Definition
) -> None:
    assert loader["pip_url"] == "-e ./load/target_duckdb"
    assert extractor["config"]["emit_activate_version_messages"] is True


def test_the_loader_is_described_as_it_describes_itself(loader: Definition) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "target_duckdb", "--about", "--format=json"],
        check=True,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(PROJECT / "load/target_duckdb")},
    )
    about = json.loads(told.stdout)
    properties = about["settings"]["properties"]

    assert loader["settings"] == [setting(name, told) for name, told in properties.items()]
    assert loader["capabilities"] == about["capabilities"]


def test_the_page_of_the_loader_has_the_table_of_its_settings() -> None:
    page = PROJECT.joinpath("load/target_duckdb/README.md").read_text("utf-8")

    assert f"\n{settings.about('markdown')}\n" in page


def test_environments_do_not_share_a_file(project: Definition, loader: Definition) -> None:
    environments = {environment["name"]: environment for environment in project["environments"]}
    files = [loader["config"]["filepath"]]
    for name in ("demo", "prod"):
        (own,) = environments[name]["config"]["plugins"]["loaders"]
        files.append(own["config"]["filepath"])

    assert set(environments) == {"dev", "demo", "prod"}
    assert project["default_environment"] == "dev"
    assert len(set(files)) == len(files)
