"""Run by target-redshift's Python: SCHEMA messages in, its column types out."""

from __future__ import annotations

import json
import sys

from target_redshift.db_sync import DbSync, column_type

config = json.loads(sys.argv[1])
for line in sys.stdin:
    message = json.loads(line)
    table = DbSync(config, message)
    columns = {name: column_type(part) for name, part in table.flatten_schema.items()}
    print(json.dumps([message["stream"], columns]))  # noqa: T201
