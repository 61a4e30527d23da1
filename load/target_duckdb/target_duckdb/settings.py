"""The settings of the target: name, type, default and meaning of each, once."""

import json
import typing as t
from contextlib import suppress

import msgspec

from target_duckdb import TargetError, __version__, refuse, say

CAPABILITIES = ["about", "activate-version", "hard-delete", "structured-logging", "target-schema"]
# DuckDB writes a table's last row group again with each checkpoint: of its 122,880 rows, that costs
# 100 MB and a quarter of the time with 200,000 bookings. A whole group does not go through the log.
ROW_GROUP = 20_480
# Name, label and description of each setting.
_TEXTS = """
filepath: File: The DuckDB file; its folder is made. md:... is passed on to MotherDuck, untested.
default_target_schema: Schema: The schema of the tables, where schema_mapping has no other.
schema_mapping: Schema mapping: With {"a": {"target_schema": "b"}}, stream a-t goes into b.t.
batch_size_rows: Rows in a batch: So many rows of one stream are written at once.
hard_delete: Hard delete: Remove rows that are gone, instead of setting their _sdc_deleted_at.
lock_wait_seconds: Wait for the file: Seconds to wait while another program has the file open.
primary_key_required: Primary key required: Refuse streams without one, whose rows are appended.
data_flattening_max_level: Flattening depth: Levels of objects that become columns, a__b.
token: MotherDuck token: Key of a MotherDuck account, for a filepath that begins with md.
settings: Settings of DuckDB: By name; {"memory_limit": "170MB"} does, but for texts of 10 MB.
""".strip()


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
    def of(cls, config: t.Mapping[str, t.Any]) -> "Settings":
        """Return the settings that configuration files hold, once they are checked."""
        given = {name: value for name, value in config.items() if value is not None}
        if "path" in given:
            given.setdefault("filepath", given.pop("path"))
        if useless := sorted(given.keys() - set(cls.__struct_fields__)):
            say(f"settings without effect: {', '.join(useless)}")
        try:
            # Not strict: "true" and "60" are what an environment variable can hold.
            found, wrong = msgspec.convert(given, cls, strict=False), ""
        except msgspec.ValidationError as error:
            raise TargetError(f"settings: {error}".replace("`$.", "`")) from None
        if not found.default_target_schema and not found.schema_mapping:
            wrong = "default_target_schema or schema_mapping is needed"
        if found.filepath.startswith(":memory:"):
            wrong = "filepath must be a file; what is in memory is gone after the load"
        if wrong:
            raise TargetError("settings: " + wrong)
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


def from_environment(environment: t.Mapping[str, str]) -> dict[str, t.Any]:
    """Return the settings that variables such as TARGET_DUCKDB_FILEPATH hold."""
    names = {name: f"TARGET_DUCKDB_{name.upper()}" for name in Settings.__struct_fields__}
    found: dict[str, t.Any] = {n: environment[v] for n, v in names.items() if v in environment}
    for name, value in found.items():
        with suppress(msgspec.DecodeError):  # `Settings.of` refuses what is no object
            found[name] = msgspec.json.decode(value, type=dict[str, t.Any])
    return found


def about(form: str) -> str:
    """Describe the target and its settings, in a form of `--about`."""
    schema: dict[str, t.Any] = msgspec.json.schema(Settings)["$defs"]["Settings"]
    rows = ["| setting | default | meaning |", "| --- | --- | --- |"]
    for line in _TEXTS.splitlines():
        name, title, description = line.split(": ", 2)
        found = schema["properties"][name] | {"title": title, "description": description}
        if found.get("default") in ({}, ""):
            del found["default"]
        if name == "token":
            found["secret"] = True
        schema["properties"][name] = found
        default = "required" if name in schema["required"] else found.get("default", "none")
        rows.append(f"| `{name}` | {str(default).lower()} | {description} |")
    if form == "json":
        what = {"name": "target-duckdb", "version": __version__, "capabilities": CAPABILITIES}
        return json.dumps(what | {"settings": schema}, indent=2)
    return "\n".join(rows)
