"""The settings of the target."""

from __future__ import annotations

import typing as t

import msgspec

from target_duckdb import TargetError

if t.TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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


class Settings(msgspec.Struct, frozen=True):
    """Settings, by the names that a configuration file uses."""

    filepath: t.Annotated[str, msgspec.Meta(min_length=1)]
    default_target_schema: str = ""
    schema_mapping: dict[str, dict[str, t.Any]] = {}
    batch_size_rows: t.Annotated[int, msgspec.Meta(ge=1)] = 2500
    hard_delete: bool = False
    primary_key_required: bool = False
    data_flattening_max_level: t.Annotated[int, msgspec.Meta(ge=0)] = 0
    lock_wait_seconds: t.Annotated[float, msgspec.Meta(ge=0)] = 60
    token: str | None = None
    settings: dict[str, t.Any] = {}
    """Settings of DuckDB itself."""

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
        return schema, table.replace(".", "_").replace("-", "_").lower()
