"""The streams' schemas: one JSON file each, parts that several use in shared.json."""

import copy
import typing as t
from importlib.resources import files

from singer_sdk.schema.source import SchemaDirectory
from typing_extensions import override

from tap_oncehub.engine.records import EXTRA

Schema: t.TypeAlias = dict[str, t.Any]


class OnceHubSchemas(SchemaDirectory):
    """Reads a stream's schema file, puts in what it refers to, adds ``_extra``."""

    @override
    def fetch_schema(self, key: str) -> Schema:
        schema: Schema = self._resolve(super().fetch_schema(key))
        schema["properties"][EXTRA] = self._resolve({"$ref": f"shared.json#/$defs/{EXTRA}"})
        return schema

    def _resolve(self, node: t.Any) -> t.Any:
        """Replace references; what stands beside one is merged over its target."""
        if isinstance(node, list):
            return [self._resolve(item) for item in node]
        if not isinstance(node, dict):
            return node
        beside = {key: self._resolve(item) for key, item in node.items()}
        if "$ref" not in beside:
            return beside
        file, _, name = beside.pop("$ref").partition(".json#/$defs/")
        target = super().fetch_schema(file.removesuffix(".json"))
        target = self._resolve(target["$defs"][name] if name else target)
        if both := target.get("properties", {}) | beside.get("properties", {}):
            beside["properties"] = both
        return target | beside


SCHEMAS = OnceHubSchemas(files(__name__))


def load_schema(stream: str) -> Schema:
    """Return the complete schema of a stream, without references."""
    return copy.deepcopy(SCHEMAS.get_schema(stream))
