"""Run by target-snowflake's Python: SCHEMA messages in, its column types out."""

from __future__ import annotations

import json
import sys

from snowflake.sqlalchemy.snowdialect import SnowflakeDialect
from target_snowflake.connector import SnowflakeConnector

connector = SnowflakeConnector(json.loads(sys.argv[1]))
for line in sys.stdin:
    message = json.loads(line)
    columns = {
        name: connector.to_sql_type(part).compile(dialect=SnowflakeDialect())
        for name, part in message["schema"]["properties"].items()
    }
    print(json.dumps([message["stream"], columns]))  # noqa: T201
