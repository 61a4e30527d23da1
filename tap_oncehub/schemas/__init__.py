"""The streams' schemas: one JSON file each, parts that several use in shared.json."""

from __future__ import annotations

import json
import typing as t
from importlib.resources import files

from singer_sdk.schema.source import SchemaDirectory

from tap_oncehub.engine.records import EXTRA

if t.TYPE_CHECKING:
    Schema: t.TypeAlias = dict[str, t.Any]


class OnceHubSchemas(SchemaDirectory):
    """Reads a stream's schema file, puts in what it refers to, adds ``_extra``."""

    def fetch_schema(self, key: str) -> Schema:
        """Read and complete the schema of a stream."""
        schema: Schema = self._resolve(super().fetch_schema(key))
        extra = self._resolve({"$ref": f"shared.json#/$defs/{EXTRA}"})
        schema["properties"][EXTRA] = extra
        return schema

    def _resolve(self, node: t.Any) -> t.Any:
        """Replace references; what stands beside one is merged over its target."""
        if isinstance(node, list):
            return [self._resolve(item) for item in node]
        if not isinstance(node, dict):
            return node
        beside = {key: self._resolve(item) for key, item in node.items()}
        reference = beside.pop("$ref", None)
        if reference is None:
            return beside
        return _merged(self._resolve(self._target(reference)), beside)

    def _target(self, reference: str) -> t.Any:
        file, _, path = reference.partition("#/")
        target = super().fetch_schema(file.removesuffix(".json"))
        for step in path.split("/") if path else []:
            target = target[step]
        return target


def _merged(base: Schema, over: Schema) -> Schema:
    both = base.get("properties", {}) | over.get("properties", {})
    return base | over | ({"properties": both} if both else {})


SCHEMAS = OnceHubSchemas(files(__name__))


def load_schema(stream: str) -> Schema:
    """Return the complete schema of a stream, without references."""
    return json.loads(json.dumps(SCHEMAS.get_schema(stream)))  # type: ignore[no-any-return]
