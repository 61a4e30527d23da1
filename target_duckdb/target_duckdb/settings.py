"""The settings of the target."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, fields

from target_duckdb.errors import TargetError

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


@dataclass(frozen=True)
class Settings:
    """Settings, by the names that a configuration file uses."""

    filepath: str
    default_target_schema: str = ""
    schema_mapping: Mapping[str, Mapping[str, t.Any]] = field(default_factory=dict)
    batch_size_rows: int = 2500
    hard_delete: bool = False
    primary_key_required: bool = False
    data_flattening_max_level: int = 0
    lock_wait_seconds: float = 60
    token: str | None = None
    settings: Mapping[str, t.Any] = field(default_factory=dict)
    """Settings of DuckDB itself."""

    @classmethod
    def of(cls, config: Mapping[str, t.Any], warn: Callable[[str], None]) -> Settings:
        """Check a configuration.

        Args:
            config: What the configuration files hold.
            warn: Shows a line.

        Returns:
            The settings.

        Raises:
            TargetError: If one is missing or has the wrong form.
        """
        given = {name: value for name, value in config.items() if value is not None}
        if "path" in given:
            given.setdefault("filepath", given.pop("path"))
        known = {item.name for item in fields(cls)}
        if useless := sorted(_WITHOUT_EFFECT & given.keys()):
            warn(f"settings without effect: {', '.join(useless)}")
        if unknown := sorted(given.keys() - known - _WITHOUT_EFFECT):
            warn(f"unknown settings: {', '.join(unknown)}")
        given = {name: value for name, value in given.items() if name in known}
        for name in ("batch_size_rows", "data_flattening_max_level", "lock_wait_seconds"):
            if name in given:
                given[name] = _number(name, given[name])
        if not given.get("filepath"):
            msg = "the setting filepath is missing"
            raise TargetError(msg)
        if not (given.get("default_target_schema") or given.get("schema_mapping")):
            msg = "one of the settings default_target_schema and schema_mapping is needed"
            raise TargetError(msg)
        return cls(**given)

    def place_of(self, stream: str) -> tuple[str, str]:
        """Name schema and table of a stream.

        Args:
            stream: Its name; `schema-table` is looked up in `schema_mapping`.

        Returns:
            The two names.

        Raises:
            TargetError: If no setting names the schema.
        """
        *above, table = stream.split("-", 2) if stream.count("-") > 1 else stream.split("-")
        mapped = self.schema_mapping.get(above[-1], {}) if above else {}
        schema = mapped.get("target_schema") or self.default_target_schema
        if not schema:
            msg = (
                f"stream {stream}: neither default_target_schema nor schema_mapping names a schema"
            )
            raise TargetError(msg)
        return schema.strip(), table.replace(".", "_").replace("-", "_").lower()


def _number(name: str, value: t.Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1
    if number < 0 or (name == "batch_size_rows" and number < 1):
        msg = f"the setting {name} must be a positive number"
        raise TargetError(msg)
    return number if name == "lock_wait_seconds" else int(number)
