"""The settings of the target: name, type, default and meaning of each, once."""

from __future__ import annotations

import json
import typing as t

import msgspec
from msgspec import Meta

from target_duckdb import TargetError

if t.TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_CAPABILITIES = ["about", "activate-version", "hard-delete", "structured-logging", "target-schema"]
_WITHOUT_EFFECT = {
    "add_metadata_columns",
    "dbname",
    "delimiter",
    "flush_all_streams",
    "quotechar",
    "temp_dir",
    "validate_records",
}
"""Settings of PyPI's target-duckdb that have no meaning here."""
_PREFIX = "TARGET_DUCKDB_"
SECRETS = {"token"}


class Settings(msgspec.Struct, frozen=True):
    """Settings, by the names that a configuration file uses."""

    filepath: t.Annotated[
        str,
        Meta(
            min_length=1,
            title="File",
            description="The DuckDB file, in a folder that exists; a relative path begins where "
            "the program runs; md:... is passed on to MotherDuck, which was not tested.",
        ),
    ]
    default_target_schema: t.Annotated[
        str,
        Meta(
            title="Schema",
            description="The schema of the tables; required where schema_mapping is not set.",
        ),
    ] = ""
    schema_mapping: t.Annotated[
        dict[str, dict[str, t.Any]],
        Meta(
            title="Schema mapping",
            description='With {"a": {"target_schema": "b"}}, stream a-t goes into b.t.',
        ),
    ] = {}
    batch_size_rows: t.Annotated[
        int,
        Meta(
            ge=1,
            title="Rows in a batch",
            description="How many rows of one stream are collected before all are written.",
        ),
    ] = 10_000
    hard_delete: t.Annotated[
        bool,
        Meta(
            title="Hard delete",
            description="Remove rows that are gone from the source, instead of setting their "
            "_sdc_deleted_at.",
        ),
    ] = False
    lock_wait_seconds: t.Annotated[
        float,
        Meta(
            ge=0,
            title="Wait for the file",
            description="How many seconds to wait while another program has the file open.",
        ),
    ] = 60
    primary_key_required: t.Annotated[
        bool,
        Meta(
            title="Primary key required",
            description="Refuse streams without a primary key; their rows are appended.",
        ),
    ] = False
    data_flattening_max_level: t.Annotated[
        int,
        Meta(
            ge=0,
            title="Flattening depth",
            description="How many levels of objects become columns of their own, a__b.",
        ),
    ] = 0
    token: t.Annotated[
        str | None,
        Meta(
            title="MotherDuck token",
            description="Key of a MotherDuck account, for a filepath that begins with md.",
        ),
    ] = None
    settings: t.Annotated[
        dict[str, t.Any],
        Meta(
            title="Settings of DuckDB",
            description='Settings of DuckDB itself, by name: {"memory_limit": "170MB"} was enough '
            "for all but texts of 10 MB and more.",
        ),
    ] = {}

    @classmethod
    def of(cls, config: Mapping[str, t.Any], warn: Callable[[str], None]) -> Settings:
        """Return the settings that configuration files hold, once they are checked."""
        given = {name: value for name, value in config.items() if value is not None}
        if "path" in given:
            given.setdefault("filepath", given.pop("path"))
        if useless := sorted(_WITHOUT_EFFECT & given.keys()):
            warn(f"settings without effect: {', '.join(useless)}")
        if unknown := sorted(given.keys() - set(cls.__struct_fields__) - _WITHOUT_EFFECT):
            warn(f"unknown settings: {', '.join(unknown)}")
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
            msg = f"stream {stream}: default_target_schema or schema_mapping must name its schema"
            raise TargetError(msg)
        if not table:
            msg = f"a SCHEMA has the empty name {stream!r}, which is no name of a table"
            raise TargetError(msg)
        return schema, table.replace(".", "_").replace("-", "_").lower()


def json_schema() -> dict[str, t.Any]:
    """Return the JSON schema of the settings."""
    found: dict[str, t.Any] = msgspec.json.schema(Settings)["$defs"]["Settings"]
    for name in SECRETS:
        found["properties"][name]["secret"] = True
    return found


def from_environment(environment: Mapping[str, str]) -> dict[str, t.Any]:
    """Return the settings that variables such as TARGET_DUCKDB_FILEPATH hold."""
    found: dict[str, t.Any] = {}
    for name, schema in json_schema()["properties"].items():
        value = environment.get(_PREFIX + name.upper())
        if value is not None:
            found[name] = _object(name, value) if schema.get("type") == "object" else value
    return found


def about(form: str, version: str) -> str:
    """Describe the target and its settings, in a form of `--about`."""
    if form == "json":
        what: dict[str, t.Any] = {"name": "target-duckdb", "version": version}
        what |= {"capabilities": _CAPABILITIES, "settings": json_schema()}
        return json.dumps(what, indent=2)
    rows = ["| setting | default | meaning |", "| --- | --- | --- |"]
    for name, schema in json_schema()["properties"].items():
        default = "required" if name == "filepath" else _shown(schema.get("default"))
        rows.append(f"| `{name}` | {default} | {schema['description']} |")
    if form == "markdown":
        return "\n".join(rows)
    lines = [" ".join(row.strip("| ").replace("`", "").split(" | ")) for row in rows[2:]]
    return "\n".join([f"target-duckdb {version}", *_CAPABILITIES, "", *lines])


def _shown(default: t.Any) -> str:
    return "none" if default in (None, "", {}) else json.dumps(default)


def _object(name: str, value: str) -> dict[str, t.Any]:
    try:
        return msgspec.json.decode(value, type=dict[str, t.Any])
    except msgspec.DecodeError:
        msg = f"{_PREFIX}{name.upper()} is not a JSON object"
        raise TargetError(msg) from None
