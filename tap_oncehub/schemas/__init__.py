"""The streams' schemas: one JSON file each, parts that several use in shared.json."""

import typing as t
from importlib.resources import files

from singer_sdk.schema.source import SchemaDirectory
from singer_sdk.singerlib import resolve_schema_references
from typing_extensions import override

from tap_oncehub.engine.records import EXTRA

Schema: t.TypeAlias = dict[str, t.Any]


class OnceHubSchemas(SchemaDirectory):
    """Reads a stream's schema file, puts in what it refers to, adds ``_extra``."""

    @override
    def fetch_schema(self, key: str) -> Schema:
        schema = super().fetch_schema(key)
        if file := schema.pop("$ref", None):  # the columns of a list, and then its own
            listed = super().fetch_schema(file.removesuffix(".json"))
            schema = {**listed, **schema, "properties": listed["properties"] | schema["properties"]}
        schema["properties"][EXTRA] = {"$ref": f"shared.json#/$defs/{EXTRA}"}
        return resolve_schema_references(schema, {"shared.json": super().fetch_schema("shared")})


SCHEMAS = OnceHubSchemas(files(__name__))
