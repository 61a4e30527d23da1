"""The settings of the target: name, type, default and meaning of each, once."""

from __future__ import annotations

import json
import typing as t
from contextlib import suppress

import msgspec

from target_duckdb import TargetError, __version__, refuse

if t.TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CAPABILITIES = ["about", "activate-version", "hard-delete", "structured-logging", "target-schema"]
ROW_GROUP = 20_480
"""DuckDB writes the last row group of a table again with each checkpoint; its default is 122,880
rows, and that costs 100 MB of memory and a quarter of the time with 200,000 bookings. A batch of a
whole group goes into the file without the way through the log."""
_TEXTS = {
    "filepath": "File: The DuckDB file; its folder is made, if the one above it exists; a relative "
    "path begins where the program runs; md:... is passed on to MotherDuck, which was not tested.",
    "default_target_schema": "Schema: The schema of the tables; required where schema_mapping is "
    "not set.",
    "schema_mapping": 'Schema mapping: With {"a": {"target_schema": "b"}}, stream a-t goes into '
    "b.t.",
    "batch_size_rows": "Rows in a batch: How many rows of one stream are collected before those of "
    "all streams are written.",
    "hard_delete": "Hard delete: Remove rows that are gone from the source, instead of setting "
    "their _sdc_deleted_at.",
    "lock_wait_seconds": "Wait for the file: How many seconds to wait while another program has "
    "the file open.",
    "primary_key_required": "Primary key required: Refuse streams without a primary key, whose "
    "rows are appended.",
    "data_flattening_max_level": "Flattening depth: How many levels of objects become columns of "
    "their own, a__b.",
    "token": "MotherDuck token: Key of a MotherDuck account, for a filepath that begins with md.",
    "settings": 'Settings of DuckDB: Settings of DuckDB itself, by name: {"memory_limit": "170MB"} '
    "was enough for all but texts of 10 MB and more.",
}
"""Label and description of each setting."""


class Settings(msgspec.Struct, frozen=True):
    """Settings, by the names that a configuration file uses; see `_TEXTS`."""

    filepath: t.Annotated[str, msgspec.Meta(min_length=1)]
    default_target_schema: str = ""
    schema_mapping: dict[str, dict[str, t.Any]] = {}
    batch_size_rows: t.Annotated[int, msgspec.Meta(ge=1)] = ROW_GROUP
    hard_delete: bool = False
    lock_wait_seconds: t.Annotated[float, msgspec.Meta(ge=0)] = 60
    primary_key_required: bool = False
    data_flattening_max_level: t.Annotated[int, msgspec.Meta(ge=0)] = 0
    token: str = ""
    settings: dict[str, t.Any] = {}

    @classmethod
    def of(cls, config: Mapping[str, t.Any], warn: Callable[[str], None]) -> Settings:
        """Return the settings that configuration files hold, once they are checked."""
        given = {name: value for name, value in config.items() if value is not None}
        if "path" in given:
            given.setdefault("filepath", given.pop("path"))
        if useless := sorted(given.keys() - set(cls.__struct_fields__)):
            warn(f"settings without effect: {', '.join(useless)}")
        try:
            # Not strict: "true" and "60" are what an environment variable can hold.
            found = msgspec.convert(given, cls, strict=False)
        except msgspec.ValidationError as error:
            msg = f"settings: {error}".replace("`$.", "`")
            raise TargetError(msg) from None
        if not found.default_target_schema and not found.schema_mapping:
            msg = "settings: default_target_schema or schema_mapping is needed"
            raise TargetError(msg)
        if found.filepath.startswith(":memory:"):
            msg = "settings: filepath must be a file; what is in memory is gone after the load"
            raise TargetError(msg)
        return found

    def place_of(self, stream: str) -> tuple[str, str]:
        """Return schema and table; the schema of `a-t` is looked up in `schema_mapping`."""
        *above, table = stream.split("-", 2)
        mapped = self.schema_mapping.get(above[-1], {}) if above else {}
        schema = str(mapped.get("target_schema") or self.default_target_schema).strip()
        if not schema:
            refuse(stream, None, "default_target_schema or schema_mapping must name its schema")
        if not table:
            refuse(stream, None, "a SCHEMA with an empty name, which is no name of a table")
        return schema, table.replace(".", "_").replace("-", "_").lower()


def json_schema() -> dict[str, t.Any]:
    """Return the JSON schema of the settings."""
    found: dict[str, t.Any] = msgspec.json.schema(Settings)["$defs"]["Settings"]
    for name, schema in found["properties"].items():
        schema["title"], _, schema["description"] = _TEXTS[name].partition(": ")
        if schema.get("default") in ({}, ""):
            del schema["default"]
    found["properties"]["token"]["secret"] = True
    return found


def from_environment(environment: Mapping[str, str]) -> dict[str, t.Any]:
    """Return the settings that variables such as TARGET_DUCKDB_FILEPATH hold."""
    found: dict[str, t.Any] = {}
    for name in Settings.__struct_fields__:
        value = environment.get(f"TARGET_DUCKDB_{name.upper()}")
        if value is not None:
            found[name] = value
            with suppress(msgspec.DecodeError):  # `Settings.of` refuses what is no object
                found[name] = msgspec.json.decode(value, type=dict[str, t.Any])
    return found


def about(form: str) -> str:
    """Describe the target and its settings, in a form of `--about`."""
    what: dict[str, t.Any] = {"name": "target-duckdb", "version": __version__}
    what |= {"capabilities": CAPABILITIES, "settings": json_schema()}
    if form == "json":
        return json.dumps(what, indent=2)
    rows = ["| setting | default | meaning |", "| --- | --- | --- |"]
    for name, schema in what["settings"]["properties"].items():
        default = (
            "required"
            if name == "filepath"
            else json.dumps(schema.get("default", "none")).strip('"')
        )
        rows.append(f"| `{name}` | {default} | {schema['description']} |")
    first = [f"target-duckdb {__version__}: {', '.join(CAPABILITIES)}", ""]
    return "\n".join(rows if form == "markdown" else [*first, *rows])
