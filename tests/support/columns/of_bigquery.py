"""Run by target-bigquery's Python: SCHEMA messages in, its column types out."""

from __future__ import annotations

import json
import sys

from target_bigquery.core import SchemaResolverVersion, SchemaTranslator

version = SchemaResolverVersion(json.loads(sys.argv[1])["schema_resolver_version"])
for line in sys.stdin:
    message = json.loads(line)
    translator = SchemaTranslator(message["schema"], {}, version)
    columns = {
        field.name: f"{field.mode} {field.field_type}" for field in translator.translated_schema
    }
    print(json.dumps([message["stream"], columns]))  # noqa: T201
