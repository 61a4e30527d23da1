"""Whether target-postgres may load; `make check` runs it in the loader's own environment."""

import logging
import sys

import sqlalchemy as sa
from target_postgres.target import TargetPostgres

MAY = (
    "SELECT current_user, current_database(), has_database_privilege(current_database(), 'CREATE')"
)

logging.disable()  # the loader's own start
try:
    target = TargetPostgres(parse_env_config=True)
    connector = target.default_sink_class.connector_class(config=dict(target.config))
    with connector.create_engine().connect() as connection:
        user, database, may_load = connection.execute(sa.text(MAY)).one()
except Exception as error:  # noqa: BLE001  # whatever it is, one line says it
    reason = " ".join(str(getattr(error, "orig", error)).split())
    sys.exit(f"PostgreSQL: {reason}. Check TARGET_POSTGRES_…")
if not may_load:
    sys.exit(f"PostgreSQL: {user} may not create schemas in {database}")
print(f"PostgreSQL: {user} may load into {database}")
