"""What Meltano Hub and ``meltano add --from-ref`` need to know, from what tap and loader say.

``make hub`` writes ``hub/``, laid out as the Hub's repository is, and ``plugin.yaml``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import yaml

Definition: t.TypeAlias = dict[str, t.Any]

ROOT = Path(__file__).parents[1]
NAME = VARIANT = "tap-oncehub"
REPO = "https://github.com/tap-oncehub/tap-oncehub"
ENTRY = f"hub/_data/meltano/extractors/{NAME}/{VARIANT}.yml"
LOADER = "target-duckdb"
LOADER_VARIANT = "oncehub"
LOADER_ENTRY = f"hub/_data/meltano/loaders/{LOADER}/{LOADER_VARIANT}.yml"
_KINDS = {
    # Meltano 4.4 fails on a number with a fraction, unless it is a text; the tap reads texts.
    "number": "string",
}
NOT_OFFERED = {"faker_config", "flattening_max_key_length", "flattening_separator"}
"""Settings of the SDK's own that Meltano's users have no need of here."""

_NOT_SELECTED = (
    "booking",
    "booking_calendar",
    "conversations",
    "booking_hosts",
    "booking_page_links",
    "test_auth",
)


def definition(about: Definition) -> Definition:
    """Give the definition of the plugin, keys in alphabetical order."""
    schema = about["settings"]
    properties = schema["properties"]
    return {
        "capabilities": sorted(about["capabilities"]),
        "description": "Scheduling platform for bookings, calendars and contacts",
        "domain_url": "https://www.oncehub.com",
        "executable": NAME,
        "keywords": ["api", "meltano_sdk", "scheduling"],
        "label": "OnceHub",
        "log_parser": "singer-sdk",
        "logo_url": "/assets/logos/extractors/oncehub.svg",
        "maintenance_status": "active",
        "name": NAME,
        "namespace": "tap_oncehub",
        "pip_url": NAME,
        "quality": "unknown",
        "repo": REPO,
        # Each costs a request for each object; Meltano takes no notice of what a
        # catalog leaves out by itself.
        "select": ["*.*", *(f"!{stream}.*" for stream in _NOT_SELECTED)],
        "settings": [setting(n, properties[n]) for n in sorted(properties.keys() - NOT_OFFERED)],
        "settings_group_validation": [schema["required"]],
        "supported_python_versions": about["supported_python_versions"],
        "variant": VARIANT,
    }


def loader_definition(about: Definition) -> Definition:
    """Give the definition of the loader, keys in alphabetical order."""
    properties = about["settings"]["properties"]
    return {
        "capabilities": sorted(about["capabilities"]),
        "description": "Analytical database in one file",
        "domain_url": "https://duckdb.org",
        "executable": LOADER,
        "keywords": ["database"],
        "label": "DuckDB",
        "log_parser": "singer-sdk",
        "maintenance_status": "active",
        "name": LOADER,
        "namespace": "target_duckdb",
        "pip_url": "oncehub-target-duckdb",
        "quality": "unknown",
        "repo": REPO,
        "settings": [setting(name, properties[name]) for name in sorted(properties)],
        "settings_group_validation": [["filepath", "default_target_schema"]],
        "variant": LOADER_VARIANT,
    }


def setting(name: str, told: Definition) -> Definition:
    """Give the definition of one setting, keys in alphabetical order."""
    found = {
        "description": told["description"],
        "kind": _kind(told),
        "label": told.get("title") or name.replace("_", " ").capitalize(),
        "name": name,
    }
    if told.get("secret"):
        found["sensitive"] = True
    if "default" in told:
        found["value"] = told["default"]
    return found


def files(about: Definition) -> dict[str, str]:
    """Give the content of every file, by its place in this repository."""
    entry = _yaml(definition(about))
    maintainer = {"label": "The tap-oncehub authors", "name": VARIANT, "url": REPO}
    return {
        ENTRY: entry,
        LOADER_ENTRY: _yaml(loader_definition(loader_about())),
        "hub/_data/default_variants.yml": _yaml({"extractors": {NAME: VARIANT}}),
        "hub/_data/maintainers.yml": _yaml({VARIANT: maintainer}),
        # The Hub has no default for it; without one Meltano takes the namespace.
        "plugin.yaml": _yaml(definition(about) | {"load_schema": "oncehub"}),
    }


def about() -> Definition:
    """Ask the tap that is installed here."""
    command = [str(Path(sys.executable).with_name(NAME)), "--about", "--format=json"]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return t.cast("Definition", json.loads(told.stdout))


def loader_about() -> Definition:
    """Ask the loader, where it lies."""
    command = [sys.executable, "-m", "target_duckdb", "--about", "--format=json"]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "load/target_duckdb")}
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment)
    return t.cast("Definition", json.loads(told.stdout))


def _kind(told: Definition) -> str:
    if told.get("format") == "date-time":
        return "date_iso8601"
    types = told["type"] if isinstance(told["type"], list) else [told["type"]]
    (declared,) = set(types) - {"null"}
    return str(_KINDS.get(declared, declared))


def _yaml(content: Definition) -> str:
    return str(yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=80))


def main() -> None:
    """Write the files."""
    for name, text in files(about()).items():
        file = ROOT / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
